"""Read the rows of a label file in CSV, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from embedding.photos.photo import PHOTO_SUFFIXES
from index.labels.fields import (
    optional_fact,
    optional_text,
    other_word_for_nobody,
    parse_box,
    parse_box_orientation,
    parse_content_hash,
    parse_individual,
    parse_photo_name,
    parse_time,
    read_text,
)
from index.labels.labelled_photo import BadLabels, LabelledPhoto
from index.tables.rows import header_below, read_rows, separator_of

_LABEL_COLUMNS = (
    "label",
    "individual",
    "individual_id",
    "id",
)  # the first one that is there counts
_OPTIONAL_COLUMNS = ("species", "encounter", "taken_at", "box", "region")
_MORE_COLUMNS = ("content_hash", "box_orientation")  # of exports, and of other programs


def csv_rows(
    path: Path, photos: Path, *, faults: list[str] | None = None
) -> Iterator[LabelledPhoto]:
    """Read the rows of a CSV separated by commas, semicolons or tabs, in their order.

    The separator is the one that yields the columns that are needed, or that of a line `sep=;`.
    With a list of `faults`, a row that can't be understood is told there and left out; without one
    it is BadLabels.
    """
    text = read_text(path)
    if not text.strip(",;\t\r\n "):
        raise BadLabels(f"{path}: is empty; its first line must be a header such as image,label")
    line = 1
    try:
        separator = separator_of(text, is_label_header)
        lines = read_rows(text, separator)
        line, header = next(lines, (1, [""]))
        columns = _columns(path, [cell.strip() for cell in header], text)
        for line, row in lines:
            try:
                photo = _labelled_photo(f"{path}, line {line}", row, columns, len(header), photos)
            except BadLabels as fault:
                if faults is None:
                    raise
                faults.append(str(fault))
            else:
                yield photo
    except csv.Error as error:
        raise BadLabels(f"{path}, line {line}: not readable as CSV ({error})") from None


def is_label_header(cells: Sequence[str]) -> bool:
    """Whether a row holds the columns that a label file needs: image, and one for the label."""
    names = {cell.lower() for cell in cells}
    return "image" in names and not names.isdisjoint(_LABEL_COLUMNS)


def _columns(path: Path, header: list[str], text: str) -> dict[str, int]:
    """Where each known column is; the label's, whatever it is called, under `label`."""
    names = [name.lower() for name in header]
    known = [name for name in names if name in {"image", *_LABEL_COLUMNS, *_OPTIONAL_COLUMNS}]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise BadLabels(f"{path}: the column {twice[0]} is there twice; keep one")
    if not known and any(Path(name).suffix in PHOTO_SUFFIXES for name in names):
        raise BadLabels(
            f"{path}: has no header; put a first line such as image,label above {','.join(header)}"
        )
    label = next((name for name in _LABEL_COLUMNS if name in names), None)
    missing = ["image"] if "image" not in names else []
    missing += ["label"] if label is None else []
    if label is None or missing:
        below = header_below(text, is_label_header)
        if below is not None:
            raise BadLabels(
                f"{path}: the header {below.separator.join(below.cells)!r} stands in line "
                f"{below.line}; take out what is above it"
            )
        raise BadLabels(
            f"{path}: has no column {' and no column '.join(missing)}, only "
            f"{', '.join(header)}; needed are image "
            f"and one of {', '.join(_LABEL_COLUMNS)}; allowed too are "
            f"{', '.join(_OPTIONAL_COLUMNS)}"
        )
    column_names = {"image": "image", "label": label} | {
        name: name for name in (*_OPTIONAL_COLUMNS, *_MORE_COLUMNS) if name in names
    }
    return {column: names.index(name) for column, name in column_names.items()}


def _labelled_photo(
    where: str, row: list[str], columns: dict[str, int], width: int, photos: Path
) -> LabelledPhoto:
    if any(cell.strip() for cell in row[width:]):
        raise BadLabels(
            f"{where}: has {len(row)} fields but the header has {width}; quote fields with "
            "separators"
        )
    fields = {
        column: row[position].strip() if position < len(row) else ""
        for column, position in columns.items()
    }
    name = parse_photo_name(fields["image"], where)
    return LabelledPhoto(
        name=name,
        path=photos / name,
        individual=parse_individual(fields["label"], f"{where}, photo {name}"),
        species=optional_fact(fields.get("species", "")),
        encounter=optional_fact(fields.get("encounter", "")),
        taken_at=parse_time(optional_fact(fields.get("taken_at", "")) or "", where),
        box=parse_box(optional_text(fields.get("box", "")) or "", where),
        region=optional_fact(fields.get("region", "")),
        nobody=other_word_for_nobody(fields["label"]),
        content_hash=parse_content_hash(fields.get("content_hash", "")),
        box_orientation=parse_box_orientation(fields.get("box_orientation", ""), where),
    )
