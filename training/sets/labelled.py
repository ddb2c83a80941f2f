"""Labelled photos for training's commands; errors count what is wrong and say what to do."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from embedding.errors import FlukeprintError
from index.labels.labelled_photo import BoxOrientation
from index.labels.reader import BadLabels, Labels, read_labels
from index.labels.synonyms import with_one_id
from training.sets.agreement import Agreement, compare_with_files, refuse_absent

_SAME_ANIMALS = (
    "a CSV of ids that are one animal, with the columns Id,SubId or two ids a row; "
    "or leave the option out"
)


def read_labelled(
    labels: Path | None,
    folder: Path,
    *,
    absent: Literal["refuse", "skip"] = "refuse",
    same_animals: Path | None = None,
    boxes: BoxOrientation | None = None,
) -> Labels:
    """Read labelled photos as `index.labels.reader.read_labels` does.

    Animals with several ids get one. `boxes`: which picture the boxes were measured on; None: as
    the labels tell.

    Raises BadLabels: it says how many rows and photos are no good, not the first alone, and names
    `data check`.
    """
    if same_animals is not None and not same_animals.exists():
        raise BadLabels(
            f"--same-animals {same_animals}: there is no such file; give {_SAME_ANIMALS}"
        )
    refuse_absent(labels, folder)
    try:
        read = read_labels(labels, folder, absent=absent, boxes=boxes)
    except BadLabels as error:
        counted = _counted(labels, folder)
        if not counted:
            raise
        raise BadLabels(f"{error}. In all: {counted}") from error
    return with_one_id(read, same_animals)


def _counted(labels: Path | None, folder: Path) -> str:
    """Count what is wrong with a label file and name the command that lists it; else empty."""
    if labels is None:
        return ""
    try:
        agreement = compare_with_files(labels, folder)
    except FlukeprintError:  # no label file at all, as the first error has said
        return ""
    found = [
        f"{count:,} {what if count == 1 else plural}"
        for count, what, plural in _faults(agreement)
        if count
    ]
    command = shlex.join(["flukeprint", "data", "check", str(labels), "--photos", str(folder)])
    return f"{', '.join(found)}; `{command}` lists each" if found else ""


def _faults(agreement: Agreement) -> tuple[tuple[int, str, str], ...]:
    return (
        (len(agreement.bad_rows), "row that can't be understood", "rows that can't be understood"),
        (len(agreement.disputed), "photo whose rows disagree", "photos whose rows disagree"),
        (
            len(agreement.absent),
            "labelled photo that isn't there",
            "labelled photos that aren't there",
        ),
    )
