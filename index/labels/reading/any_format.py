"""Read a label file of whichever format: a CSV, COCO JSON or a Camtrap DP package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index.labels.camtrap import PACKAGE
from index.labels.coco import coco_rows
from index.labels.csv_labels import csv_rows
from index.labels.forms.columns import Columns, ColumnUse
from index.labels.labelled_photo import (
    BadLabels,
    BoxOrientation,
    DisputedPhoto,
    LabelledPhoto,
)
from index.labels.photo_files import MatchedPhotos, match_photos
from index.labels.reading.camtrap_rows import camtrap_folder, camtrap_rows
from index.labels.reading.stored_boxes import turn_boxes, with_shares
from index.labels.repeated_rows import settle_repeated_rows


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The rows of a label file in its order, and the folder that their names start from."""

    rows: tuple[LabelledPhoto, ...]
    folder: Path
    warnings: tuple[str, ...] = ()
    columns: tuple[ColumnUse, ...] = ()  # of a table, and what each became


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
    columns: tuple[ColumnUse, ...] = ()


def read_label_file(
    labels: Path,
    folder: Path,
    *,
    columns: Columns | None = None,
    faults: list[str] | None = None,
) -> LabelFile:
    """Read a label file whose names start from `folder`.

    `columns`: which column of a table is what, as a person says. With a list of `faults`, a row of
    a table that can't be understood is told there and left out; without one it is BadLabels.
    """
    is_json = labels.suffix.lower() == ".json"
    if columns is not None and is_json:
        raise BadLabels(
            f"{labels}: is no table, so it has no columns to name; leave that out, or give a CSV "
            "or a workbook (.xlsx)"
        )
    if labels.name == PACKAGE:
        rows, warnings = camtrap_rows(labels, folder)
        return LabelFile(tuple(rows), camtrap_folder(rows, folder), tuple(warnings))
    if is_json:
        rows, warnings = coco_rows(labels, folder)
        return LabelFile(tuple(rows), folder, tuple(warnings))
    table = csv_rows(labels, folder, columns=columns, faults=faults)
    return LabelFile(table.photos, folder, table.warnings, table.columns)


def match_labels(
    labels: Path,
    folder: Path,
    boxes: BoxOrientation | None = None,
    columns: Columns | None = None,
) -> MatchedLabels:
    """Read a label file, settle its repeated rows, and find its photos' files.

    `boxes`: which picture the boxes were measured on; None: as `turn_boxes` tells it. `columns`:
    which column of a table is what. Raises BadLabels, also where no photo is left.
    """
    read = read_label_file(labels, folder, columns=columns)
    settled = settle_repeated_rows(read.rows, labels)
    if not settled.photos:
        reasons = (f"the photo {one.photo.name} {one.reason}" for one in settled.disputed)
        raise BadLabels("; ".join((f"{labels}: names no labelled photo", *read.warnings, *reasons)))
    disputed = {one.photo.name for one in settled.disputed}
    matched = match_photos([*settled.photos, *(one.photo for one in settled.disputed)], read.folder)
    present = [one for one in matched.present if one.name not in disputed]
    turned = turn_boxes(with_shares(present, boxes), boxes)
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
        columns=read.columns,
    )


def _without(photos: Sequence[LabelledPhoto], names: set[str]) -> tuple[LabelledPhoto, ...]:
    return tuple(photo for photo in photos if photo.name not in names)
