"""Read a label file of whichever format: a CSV, COCO JSON or a Camtrap DP package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index.labels.camtrap import PACKAGE
from index.labels.coco import coco_rows
from index.labels.csv_labels import csv_rows
from index.labels.labelled_photo import (
    BadLabels,
    BoxOrientation,
    DisputedPhoto,
    LabelledPhoto,
)
from index.labels.photo_files import MatchedPhotos, match_photos
from index.labels.reading.camtrap_rows import camtrap_folder, camtrap_rows
from index.labels.reading.stored_boxes import turn_boxes
from index.labels.repeated_rows import settle_repeated_rows


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The rows of a label file in its order, and the folder that their names start from."""

    rows: tuple[LabelledPhoto, ...]
    folder: Path
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedLabels:
    """The photos of a label file, each once, compared with the files of their folder.

    `named`: all of them but `disputed`, whose rows disagree. `matched` leaves the disputed out.
    """

    named: tuple[LabelledPhoto, ...]
    matched: MatchedPhotos
    disputed: tuple[DisputedPhoto, ...]
    folder: Path
    warnings: tuple[str, ...]


def read_label_file(labels: Path, folder: Path, *, faults: list[str] | None = None) -> LabelFile:
    """Read a label file whose names start from `folder`.

    With a list of `faults`, a row of a CSV that can't be understood is told there and left out;
    without one it is BadLabels.
    """
    if labels.name == PACKAGE:
        rows, warnings = camtrap_rows(labels, folder)
        return LabelFile(tuple(rows), camtrap_folder(rows, folder), tuple(warnings))
    if labels.suffix.lower() == ".json":
        rows, warnings = coco_rows(labels, folder)
        return LabelFile(tuple(rows), folder, tuple(warnings))
    return LabelFile(tuple(csv_rows(labels, folder, faults=faults)), folder)


def match_labels(labels: Path, folder: Path, boxes: BoxOrientation | None = None) -> MatchedLabels:
    """Read a label file, settle its repeated rows, and find its photos' files.

    `boxes`: which picture the boxes were measured on; None: as `turn_boxes` tells it. Raises
    BadLabels, also where no photo is left.
    """
    read = read_label_file(labels, folder)
    settled = settle_repeated_rows(read.rows, labels)
    if not settled.photos:
        reasons = (f"the photo {one.photo.name} {one.reason}" for one in settled.disputed)
        raise BadLabels("; ".join((f"{labels}: names no labelled photo", *read.warnings, *reasons)))
    disputed = {one.photo.name for one in settled.disputed}
    matched = match_photos([*settled.photos, *(one.photo for one in settled.disputed)], read.folder)
    turned = turn_boxes([one for one in matched.present if one.name not in disputed], boxes)
    return MatchedLabels(
        named=settled.photos,
        matched=replace(
            matched,
            present=turned.photos,
            absent=_without(matched.absent, disputed),
        ),
        disputed=settled.disputed,
        folder=read.folder,
        warnings=(*read.warnings, *settled.warnings, *turned.warnings),
    )


def _without(photos: Sequence[LabelledPhoto], names: set[str]) -> tuple[LabelledPhoto, ...]:
    return tuple(photo for photo in photos if photo.name not in names)
