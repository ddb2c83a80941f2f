"""Read labelled photos, from whichever shape they come in. The only reader in the house.

A table (CSV or .xlsx) as flukeprint, Kaggle, wildlife-datasets or Wildbook writes it, COCO JSON, a
Camtrap DP package, or a folder with a sub-folder for each label. Whatever is left out is told in
`Labels.warnings`; nothing goes silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedding.photos.photo import describe_others, list_folder
from index.labels.fields import list_some, other_word_for_nobody, parse_box, parse_individual
from index.labels.forms.columns import Columns, ColumnUse, describe_use
from index.labels.labelled_photo import (
    NEW_WHALE,
    BadLabels,
    BoxOrientation,
    DisputedPhoto,
    LabelledPhoto,
)
from index.labels.near_names import (
    describe_likely_files,
    describe_similar_numbers,
    describe_similar_spellings,
    likely_files,
)
from index.labels.nobody import describe_nobody
from index.labels.photo_files import (
    LABEL_SUFFIXES,
    MatchedPhotos,
    names_on_disk,
    other_files,
)
from index.labels.reading.any_format import MatchedLabels, match_labels, read_label_file
from index.tables.text import SPREADSHEET_SUFFIXES, describe_spreadsheet
from index.tables.workbooks import WORKBOOK_SUFFIXES

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
    """The photos of a label file or folder, sorted by name, with warnings for the user.

    The boxes are of the upright pictures.
    """

    photos: tuple[LabelledPhoto, ...]
    source: Path
    warnings: tuple[str, ...]
    disputed: tuple[DisputedPhoto, ...] = ()  # left out, because their labels disagree
    folder: Path | None = None  # that the names of a label file start from


def read_labels(
    csv: Path | None,
    photos: Path | None,
    *,
    absent: Literal["refuse", "skip"] = "refuse",
    disputed: Literal["refuse", "skip"] = "refuse",
    boxes: BoxOrientation | None = None,
    columns: Columns | None = None,
) -> Labels:
    """Read a label file and find its photos, or read a folder of labels.

    `csv`: a CSV or a workbook (.xlsx), COCO when its name ends in `.json`, or a Camtrap DP
    package's `datapackage.json`; None: every sub-folder of `photos` is a label. `photos`: the
    folder that the names in the file start from; None: the file's own folder. `absent`: what to do
    about photos that are named but not there: refuse all, or leave them out with a warning.
    `disputed`: the same of photos whose rows disagree, as of two animals in one photo. `boxes`:
    which picture the boxes were measured on, as `index.labels.reading.stored_boxes.turn_boxes` has
    it. `columns`: which column of a table is what, where its columns aren't known. The label
    `new_whale`, and any word that means nobody, becomes the individual None. Raises BadLabels.
    """
    if photos is not None and not photos.is_dir():
        is_file = photos.exists()
        what = "is a file, not a folder of photos" if is_file else "there is no such folder"
        raise BadLabels(f"{photos}: {what}")
    if csv is None:
        if columns is not None:
            raise BadLabels("columns are those of a label file; give it too (--csv)")
        if photos is None:
            raise BadLabels(
                "give a label file (--csv), or a folder with one sub-folder for each label "
                "(--photos)"
            )
        return _read_folder(photos)
    folder = csv.parent if photos is None else photos
    found = match_labels(csv, folder, boxes, columns)
    if disputed == "refuse":
        for one in found.disputed:
            raise BadLabels(f"{csv}: the photo {one.photo.name} {one.reason}")
    present, differences = _compare(found, csv, absent)
    told = describe_columns(csv, found.columns)
    warnings = (*told, *found.warnings, *differences, *describe_labels(present))
    return Labels(present, csv, warnings, found.disputed, found.folder)


@dataclass(frozen=True, slots=True)
class LabelRows:
    """A label file's rows in its order.

    Their photos may be absent, named twice or have two labels.
    """

    rows: tuple[LabelledPhoto, ...]
    faults: tuple[str, ...]  # of rows that can't be understood, which are not among `rows`
    warnings: tuple[str, ...]
    folder: Path  # that their names start from


def read_rows(csv: Path, photos: Path) -> LabelRows:
    """Read a label file of any format, without checking rows against each other or files.

    For telling what is wrong with it. Raises BadLabels where it is no label file at all.
    """
    faults: list[str] = []
    read = read_label_file(csv, photos, faults=faults)
    told = describe_columns(csv, read.columns)
    warnings = (*told, *read.warnings, *describe_nobody(read.rows))
    return LabelRows(read.rows, tuple(faults), warnings, read.folder)


def describe_columns(csv: Path, columns: Sequence[ColumnUse]) -> list[str]:
    """Write what each column of another program's table, or of a stranger's, became."""
    is_own = {"image", "photo"} & {use.column.lower() for use in columns if use.became == "photo"}
    return [] if is_own or not columns else [f"columns of {csv.name}: {describe_use(columns)}"]


def describe_labels(photos: Sequence[LabelledPhoto]) -> list[str]:
    """Write which labels mean nobody or look so, and which differ in zeros or spelling alone."""
    individuals = [photo.individual for photo in photos]
    return [
        *describe_nobody(photos),
        *describe_similar_numbers(individuals),
        *describe_similar_spellings(individuals),
    ]


def unread_labels_in(names: Sequence[str]) -> list[str]:
    """Write which files may hold labels and aren't read, where folders are the labels."""
    unread = [name for name in names if name.lower().endswith(LABEL_SUFFIXES)]
    told = [
        describe_spreadsheet(name)
        for name in names
        if Path(name).suffix.lower() in SPREADSHEET_SUFFIXES - WORKBOOK_SUFFIXES
    ]
    if unread:
        told.append(
            f"the names of folders are the labels; {list_some(unread)} may hold labels too and "
            "isn't read: give it as the label file (--csv)"
        )
    return told


def _compare(
    found: MatchedLabels, csv: Path, absent: Literal["refuse", "skip"]
) -> tuple[tuple[LabelledPhoto, ...], list[str]]:
    """Keep the photos that are there; say which are not, and which are there without a label."""
    named, matched, folder = found.named, found.matched, found.folder
    gone = sorted(one.name for one in matched.absent)
    warnings: list[str] = []
    if gone:
        message = (
            f"{len(gone):,} of the {len(named):,} photos in {csv} are not in {folder}: "
            f"{list_some(gone)}"
        )
        if absent == "refuse" or len(gone) == len(named):
            raise BadLabels(f"{message}; {_advice(gone, matched, folder)}")
        likely = describe_likely_files(likely_files(gone, matched.unlabelled), folder)
        warnings.append(f"{message}; {f'{likely}; ' if likely else ''}they are left out")
    if matched.unlabelled:
        warnings.append(
            f"{len(matched.unlabelled):,} photos in {folder} have no label in {csv}: "
            f"{list_some(matched.unlabelled)}"
        )
    return matched.present, [*warnings, *describe_others(matched.others, folder)]


def _advice(gone: Sequence[str], matched: MatchedPhotos, folder: Path) -> str:
    likely = describe_likely_files(likely_files(gone, matched.unlabelled), folder)
    if likely:
        return likely
    name = gone[0]
    below = next((other for other in sorted(matched.there) if other.endswith("/" + name)), None)
    if below is not None:
        return f"but {below} is: give --photos {folder / below.removesuffix('/' + name)}"
    return "copy them there, give another --photos, or take their rows out"


def _read_folder(folder: Path) -> Labels:
    """Read `label/photo.jpg`; a label's own sub-folders belong to it."""
    rows: list[LabelledPhoto] = []
    loose: list[str] = []
    for name, on_disk in names_on_disk(folder).items():
        label, slash, _ = name.partition("/")
        if slash:
            rows.append(
                LabelledPhoto(
                    name,
                    folder / on_disk,
                    parse_individual(label, f"{folder}, folder {label!r}"),
                    nobody=other_word_for_nobody(label),
                )
            )
        else:
            loose.append(name)
    others = other_files(folder)
    told = [*describe_others(others, folder), *unread_labels_in(list_folder(folder).others)]
    if not rows:
        hints = "".join(f"; {hint}" for hint in told)
        raise BadLabels(
            f"{folder}: no sub-folder holds a photo; make one sub-folder for each label, or "
            f"give a label file (--csv){hints}"
        )
    warnings = (
        [f"{len(loose):,} photos in {folder} are in no label's folder: {list_some(loose)}"]
        if loose
        else []
    )
    return Labels(tuple(rows), folder, (*warnings, *told, *describe_labels(rows)))
