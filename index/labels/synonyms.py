"""Lists of ids that are one animal, and labels with one id an animal."""

from __future__ import annotations

import csv as csv_format
from collections import Counter
from dataclasses import replace
from pathlib import Path

from index.labels.fields import in_nfc, list_some, read_text
from index.labels.labelled_photo import BadLabels
from index.labels.reader import LabelledPhoto, Labels
from index.tables.rows import read_rows, separator_of

_ALLOWED = (
    "a header line and then either the columns Id,SubId, where SubId holds ids separated by "
    "spaces, or two ids a row; "
    "commas, semicolons or tabs stand between columns"
)


def read_same_animals(path: Path) -> list[set[str]]:
    """Read which ids are one animal.

    The file is Kaggle's list of duplicate ids of 2019 (`Id,SubId`), or rows of two ids.

    Separated by commas, semicolons or tabs. Rows that share an id belong together, so every id is
    in one set only. Raises BadLabels.
    """
    separator, (header, *rows) = _rows_of(path)
    names = [cell.strip() for cell in header[1]]
    listed = names.index("SubId") if "SubId" in names else None
    groups: list[set[str]] = []
    for number, row in rows:
        cells = row if listed is None else row[listed : listed + 1]
        ids = {
            one
            for cell in cells
            for one in (in_nfc(cell).split() if listed is not None else [in_nfc(cell).strip()])
            if one
        }
        if len(ids) < 2 or (listed is None and len(row) != 2):
            line = separator.join(row)
            raise BadLabels(
                f"{path}, line {number}: {line!r} doesn't say which two ids are one; allowed "
                f"is {_ALLOWED}"
            )
        joined = [group for group in groups if group & ids]
        groups = [group for group in groups if not group & ids] + [ids.union(*joined)]
    if not groups:
        raise BadLabels(f"{path}: names no two ids that are one animal; allowed is {_ALLOWED}")
    return groups


def _rows_of(path: Path) -> tuple[str, list[tuple[int, list[str]]]]:
    """Read a CSV's separator, and its rows that aren't empty with their line numbers."""
    text = read_text(path)
    if not text.strip(",;\t\r\n "):
        raise BadLabels(
            f"{path}: is empty and names no two ids that are one animal; allowed is {_ALLOWED}"
        )
    try:
        separator = separator_of(text, lambda cells: "SubId" in cells)
        return separator, list(read_rows(text, separator))
    except csv_format.Error as error:
        raise BadLabels(f"{path}: not readable as CSV ({error}); allowed is {_ALLOWED}") from None


def with_one_id(labels: Labels, same_animals: Path | None) -> Labels:
    """Give each animal's photos one id by such a list.

    It is the id of most of its photos, the first by name where several are.

    A warning says which ids are replaced; those that no photo has are passed over. Without a list
    the labels stay.
    """
    if same_animals is None:
        return labels
    counts = Counter(photo.individual for photo in labels.photos if photo.individual is not None)
    new: dict[str, str] = {}
    for group in read_same_animals(same_animals):
        there = sorted(group & counts.keys(), key=lambda one: (-counts[one], one))
        if there:
            new |= dict.fromkeys(there[1:], there[0])
    photos = tuple(_renamed(photo, new) for photo in labels.photos)
    warning = (
        f"{same_animals}: ids replaced by another of the same animal: "
        f"{list_some(sorted(new)) if new else 'none'}"
    )
    return replace(labels, photos=photos, warnings=(*labels.warnings, warning))


def _renamed(photo: LabelledPhoto, new: dict[str, str]) -> LabelledPhoto:
    return (
        photo if photo.individual not in new else replace(photo, individual=new[photo.individual])
    )
