"""Training on kinds from beginning to end: split, loop, classifiers, figures, and the one file that
answers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedding.checkpoint import read_header
from embedding.embedder import Embedder
from index.commands.photo_arguments import embed_with_progress
from index.labels.reader import LabelledPhoto
from index.search.vectors import FloatArray
from training.classification.classifier import Classifier, Method, add_classifier, read_classifier
from training.classification.fitting import best_of, fit_all
from training.classification.report import REPORT, PartVectors, report_of, write_report
from training.distributed.world import is_first_process
from training.evaluation.protocol import embed_rows
from training.pixels.cache import BadCache
from training.pixels.packs import rows_in_pack
from training.recipes.choices import Recipe
from training.run.loop import train
from training.run.record import note_checkpoint
from training.run.run import RunOptions
from training.run.task import task_of
from training.splits.by_class import split_kinds, write_parts
from training.splits.stratified import Subset


def train_kinds(
    recipe: Recipe,
    photos: Sequence[LabelledPhoto],
    out: Path,
    options: RunOptions,
) -> Path:
    """Train on labels that are kinds; return the path of the checkpoint that answers.

    The loop never learns from the test part. After it, nearest neighbours, class centres and a
    linear head are fitted to the photos learned from, and a temperature to validation. The best on
    validation goes into `out`/best.safetensors, and all three are measured on test. Photos of
    new_whale have no kind and are left out. Raises what `training.run.loop.train` raises, and
    BadSplit.
    """
    choices, named = task_of(recipe).prepare(recipe, photos)
    if len(named) < len(photos):
        print(
            f"note: {len(photos) - len(named)} photos of new_whale have no kind and are left out",
            file=sys.stderr,
        )
    parts = split_kinds(named, recipe.data)
    best = train(choices, named, out, options)
    if not is_first_process():
        return best  # one is enough for what comes after the steps
    write_parts(parts, out / "split.csv")
    if not (
        (out / REPORT).exists() and read_header(best).classes is not None
    ):  # a finished run, resumed
        _finish(best, named, parts, options.cache)
    return best


def _finish(
    best: Path,
    photos: Sequence[LabelledPhoto],
    parts: dict[str, Subset],
    cache: Path,
) -> None:
    """Fit classifiers, keep the best one and report, all by what the file holds."""
    embedder, out = Embedder.load(best), best.parent
    names = sorted({photo.individual or "" for photo in photos})
    train_, validation, test = (
        _part_vectors(
            part, [photo for photo in photos if parts[photo.name] == part], names, embedder, cache
        )
        for part in ("train", "validation", "test")
    )
    fitted = fit_all(names, train_.vectors, train_.kinds, validation.vectors, validation.kinds)
    chosen = best_of(fitted)
    note_checkpoint(out, add_classifier(best, fitted[chosen].classifier))
    kept = read_classifier(best)
    classifiers: dict[Method, Classifier] = {
        method: one.classifier for method, one in fitted.items()
    }
    classifiers[chosen] = kept
    write_report(report_of(classifiers, chosen, [train_, validation, test]), test, kept, out)


def _part_vectors(
    part: Subset,
    photos: Sequence[LabelledPhoto],
    names: Sequence[str],
    embedder: Embedder,
    cache: Path,
) -> PartVectors:
    """A part's vectors, made as `flukeprint classify` makes them; of a pack from its pixels, which
    are the same.
    """
    ordered = sorted(photos, key=lambda photo: photo.name)
    is_searched = (
        embedder.preprocessing.crop == "box" and embedder.has_locator
    )  # for boxes, in the photos
    packed = None if is_searched else rows_in_pack(ordered, embedder.preprocessing, cache)
    vectors = (
        embed_rows(embedder, packed) if packed is not None else _of_files(part, ordered, embedder)
    )
    kinds = np.array([names.index(photo.individual or "") for photo in ordered], np.int64)
    return PartVectors(part, tuple(photo.name for photo in ordered), vectors, kinds)


def _of_files(part: Subset, photos: Sequence[LabelledPhoto], embedder: Embedder) -> FloatArray:
    read, unread = embed_with_progress(photos, embedder, f"embedding {part} photos")
    if unread:
        raise BadCache(f"{len(unread)} photos can't be read any more: {unread[0].reason}")
    return np.stack([one.vector for one in read])
