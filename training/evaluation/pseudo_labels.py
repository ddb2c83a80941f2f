"""Pseudo-labels: photos that a trained checkpoint is sure of become more to learn from."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedding.checkpoint import refuse_unwritable, write_atomically
from embedding.embedder import Embedder
from embedding.photos.photo import photo_names
from index.calibration.fitting import calibrate
from index.labels.labelled_photo import BoxOrientation
from index.labels.reader import BadLabels, LabelledPhoto
from training.evaluation.measure import embed_all
from training.evaluation.queries import LabelledVectors
from training.sets.extra import without_copies
from training.sets.sets import read_sets
from training.splits.protocol import BadSplit, read_split


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudoLabelChoices:
    """Labelled sets (`csvs`, `photos`) with their split, and the unlabelled photos to compare.

    `max_fpir`: label as surely as this share of new whales would be taken for somebody.
    """

    csvs: Sequence[Path]
    photos: Sequence[Path]
    unlabelled: Path
    split: Path
    checkpoint: Path | None
    max_fpir: float
    boxes: BoxOrientation | None = None


def write_pseudo_labels(choices: PseudoLabelChoices, out: Path) -> tuple[int, int]:
    """Label the unlabelled photos near enough to an individual of the fit part.

    Writes `image,label,probability,distance` and returns how many photos were labelled, of how
    many. The greatest distance is that at which a share `max_fpir` of the fit part's new whales
    would be taken for somebody. With few new whales the photos of its individuals count instead,
    each without its own individual. Copies of labelled photos are left out. Raises BadLabels,
    BadSplit, BadCheckpoint.
    """
    unlabelled, split = choices.unlabelled, choices.split
    refuse_unwritable(out)
    names = photo_names(unlabelled) if unlabelled.is_dir() else []
    if not names:
        raise BadLabels(
            f"{unlabelled}: holds no photo to label; give a folder of photos with --unlabelled"
        )
    known, _ = read_sets(choices.csvs, choices.photos, boxes=choices.boxes)
    parts = read_split(split, known)
    fit = [photo for photo in known if parts.roles[photo.name] == "fit"]
    if all(photo.individual is None for photo in fit):
        raise BadSplit(
            f"{split}: no individual has a photo with the role fit, so there is nobody to "
            "compare with"
        )
    embedder = Embedder.load(choices.checkpoint)
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
    threshold = calibration.threshold_at_fpir(choices.max_fpir)
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
