"""Read labelled photos, from whichever of four shapes they come in. The only reader in the house.

A Kaggle CSV (`Image,Id[,box]`), a CSV (`image,label[,species,encounter,region,taken_at,box]`), COCO
JSON, or a folder with a sub-folder for each label. Whatever is left out is told in
`Labels.warnings`; nothing goes silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedding.photos.photo import photo_names
from index.labels.coco import coco_rows
from index.labels.csv_labels import (
    csv_rows,
    list_some,
    merge_repeated_rows,
    parse_box,
    parse_individual,
)
from index.labels.labelled_photo import NEW_WHALE, BadLabels, LabelledPhoto

__all__ = [
    "NEW_WHALE",
    "BadLabels",
    "LabelRows",
    "LabelledPhoto",
    "Labels",
    "parse_box",
    "read_labels",
    "read_rows",
]


@dataclass(frozen=True, slots=True)
class Labels:
    """The photos of a label file or folder, sorted by name, and what a user should know about the
    reading.
    """

    photos: tuple[LabelledPhoto, ...]
    source: Path
    warnings: tuple[str, ...]


def read_labels(
    csv: Path | None, photos: Path | None, *, absent: Literal["refuse", "skip"] = "refuse"
) -> Labels:
    """Read a label file and find its photos, or read a folder of labels.

    `csv`: a CSV, or COCO when its name ends in `.json`; None: every sub-folder of `photos` is a
    label. `photos`: the folder that the names in the file start from; None: the file's own folder.
    `absent`: what to do about photos that are named but not there: refuse all, or leave them out
    with a warning. The label `new_whale` becomes the individual None. Raises BadLabels.
    """
    if photos is not None and not photos.is_dir():
        is_file = photos.exists()
        what = "is a file, not a folder of photos" if is_file else "there is no such folder"
        raise BadLabels(f"{photos}: {what}")
    if csv is None:
        if photos is None:
            raise BadLabels(
                "give a label file (--csv), or a folder with one sub-folder for each label "
                "(--photos)"
            )
        return _read_folder(photos)
    folder = csv.parent if photos is None else photos
    if csv.suffix.lower() == ".json":
        rows, warnings = coco_rows(csv, folder)
    else:
        rows, warnings = csv_rows(csv, folder), []
    named, repeated = merge_repeated_rows(rows, csv)
    if not named:
        raise BadLabels(f"{csv}: names no labelled photo")
    present, differences = _compare(named, folder, csv, absent)
    return Labels(tuple(present), csv, (*warnings, *repeated, *differences))


@dataclass(frozen=True, slots=True)
class LabelRows:
    """A label file as it is: the rows in its order, their photos perhaps absent, named twice or
    with two labels.
    """

    rows: tuple[LabelledPhoto, ...]
    faults: tuple[str, ...]  # of rows that can't be understood, which are not among `rows`
    warnings: tuple[str, ...]


def read_rows(csv: Path, photos: Path) -> LabelRows:
    """Read a label file, a CSV or COCO `.json`, without asking whether its rows agree with each
    other or with files.

    For telling what is wrong with it. Raises BadLabels where it is no label file at all.
    """
    if csv.suffix.lower() == ".json":
        rows, warnings = coco_rows(csv, photos)
        return LabelRows(tuple(rows), (), tuple(warnings))
    faults: list[str] = []
    return LabelRows(tuple(csv_rows(csv, photos, faults=faults)), tuple(faults), ())


def _compare(
    named: list[LabelledPhoto], folder: Path, csv: Path, absent: Literal["refuse", "skip"]
) -> tuple[list[LabelledPhoto], list[str]]:
    """Keep the photos that are there; say which are not, and which are there without a label."""
    there = set(photo_names(folder))
    # Asked one by one only where the listing lacks them: links to folders, or suffixes that no
    # photo has.
    gone = {one.name for one in named if one.name not in there and not one.path.is_file()}
    warnings: list[str] = []
    if gone:
        message = (
            f"{len(gone):,} of the {len(named):,} photos in {csv} are not in {folder}: "
            f"{list_some(sorted(gone))}"
        )
        if absent == "refuse" or len(gone) == len(named):
            raise BadLabels(f"{message}; {_advice(sorted(gone)[0], there, folder)}")
        warnings.append(f"{message}; they are left out")
    unlabelled = sorted(there - {one.name for one in named})
    if unlabelled:
        warnings.append(
            f"{len(unlabelled):,} photos in {folder} have no label in {csv}: "
            f"{list_some(unlabelled)}"
        )
    return [one for one in named if one.name not in gone], warnings


def _advice(name: str, there: set[str], folder: Path) -> str:
    below = next((other for other in sorted(there) if other.endswith("/" + name)), None)
    if below is not None:
        return f"but {below} is: give --photos {folder / below.removesuffix('/' + name)}"
    return "copy them there, give another --photos, or take their rows out"


def _read_folder(folder: Path) -> Labels:
    """Read `label/photo.jpg`; a label's own sub-folders belong to it."""
    rows: list[LabelledPhoto] = []
    loose: list[str] = []
    for name in photo_names(folder):
        label, slash, _ = name.partition("/")
        if slash:
            rows.append(
                LabelledPhoto(
                    name, folder / name, parse_individual(label, f"{folder}, folder {label!r}")
                )
            )
        else:
            loose.append(name)
    if not rows:
        raise BadLabels(
            f"{folder}: no sub-folder holds a photo; make one sub-folder for each label, or "
            "give a label file (--csv)"
        )
    warnings = (
        (f"{len(loose):,} photos in {folder} are in no label's folder: {list_some(loose)}",)
        if loose
        else ()
    )
    return Labels(tuple(rows), folder, warnings)
