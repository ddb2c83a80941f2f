"""Pseudo-labels: photos that a trained checkpoint is sure of become more to learn from."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedding.checkpoint import refuse_unwritable, write_atomically
from embedding.embedder import Embedder
from embedding.photos.photo import photo_names
from index.calibration.calibration import calibrate
from index.labels.reader import BadLabels, LabelledPhoto
from training.evaluation.measure import embed_all
from training.evaluation.queries import LabelledVectors
from training.sets.extra import without_copies
from training.sets.sets import read_sets
from training.splits.protocol import BadSplit, read_split


def write_pseudo_labels(
    csvs: Sequence[Path],
    folders: Sequence[Path],
    unlabelled: Path,
    split: Path,
    out: Path,
    checkpoint: Path | None,
    max_fpir: float,
) -> tuple[int, int]:
    """Write `image,label,probability,distance` of the unlabelled photos near enough to an
    individual of the fit part.

    Near enough is the distance at which a share `max_fpir` of the fit part's own new whales (or,
    with few of those, of its individuals' photos, each without its own individual) would be
    mistaken for somebody. Copies of labelled photos are left out. Returns how many were labelled,
    of how many. Raises BadLabels, BadSplit, BadCheckpoint.
    """
    refuse_unwritable(out)
    names = photo_names(unlabelled) if unlabelled.is_dir() else []
    if not names:
        raise BadLabels(
            f"{unlabelled}: holds no photo to label; give a folder of photos with --unlabelled"
        )
    known, _ = read_sets(csvs, folders)
    parts = read_split(split, known)
    fit = [photo for photo in known if parts.roles[photo.name] == "fit"]
    if all(photo.individual is None for photo in fit):
        raise BadSplit(
            f"{split}: no individual has a photo with the role fit, so there is nobody to "
            "compare with"
        )
    embedder = Embedder.load(checkpoint)
    vectors = embed_all(fit, embedder)
    calibration = calibrate(vectors, [photo.individual for photo in fit])
    learned = LabelledVectors(vectors, fit, parts)
    gallery = learned.gallery(learned.rows("fit", labelled=True))
    to_label = without_copies(
        [LabelledPhoto(name, unlabelled / name, None) for name in names], known
    )
    queries = (
        embed_all(to_label, embedder) if to_label else np.zeros((0, embedder.dimension), np.float32)
    )
    threshold = calibration.threshold_at_fpir(max_fpir)
    firsts = [found[0] for found in gallery.rank(queries, 1)]
    text = io.StringIO()
    writer = csv_format.writer(text, lineterminator="\n")
    writer.writerow(["image", "label", "probability", "distance"])
    sure = [
        (photo, first)
        for photo, first in zip(to_label, firsts, strict=True)
        if first.distance <= threshold
    ]
    for photo, first in sure:
        chance = calibration.probability(first.distance, 1)
        writer.writerow([photo.name, first.individual, f"{chance:.3f}", f"{first.distance:.4f}"])
    write_atomically(out, text.getvalue().encode())
    return len(sure), len(to_label)
