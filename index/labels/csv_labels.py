"""Read the rows of a label table, a CSV or a workbook, whose columns are known or are said."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from embedding.photos.photo import PHOTO_SUFFIXES
from index.labels.forms.columns import (
    Columns,
    ColumnUse,
    UnknownColumns,
    check_columns,
    describe_examples,
    find_columns,
    make_preview,
)
from index.labels.forms.plain import PlainForm, is_wildlife_header, wildlife_form
from index.labels.forms.tables import LabelTable, open_table
from index.labels.forms.wildbook import WildbookForm, is_wildbook_header
from index.labels.labelled_photo import BadLabels, LabelledPhoto

_LABEL_COLUMNS = (
    "label",
    "individual",
    "individual_id",
    "id",
)  # the first one that is there counts
_OPTIONAL_COLUMNS = ("species", "encounter", "taken_at", "box", "region")
# Of exports, and of other programs.
_MORE_COLUMNS = ("place", "viewpoint", "sex", "content_hash", "box_orientation")
_FIELD_OF = {"taken_at": "date", "viewpoint": "side"}  # where the field has another name
_EXAMPLE_ROWS = 5


class _Form(Protocol):
    def photos(self, where: str, row: Sequence[str], folder: Path) -> list[LabelledPhoto]: ...

    def warnings(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table's photos in its order, what each column became, and what is to be told."""

    photos: tuple[LabelledPhoto, ...]
    columns: tuple[ColumnUse, ...]
    warnings: tuple[str, ...]


def csv_rows(
    path: Path, photos: Path, *, columns: Columns | None = None, faults: list[str] | None = None
) -> TableRows:
    """Read a label table: flukeprint's own, Kaggle's, wildlife-datasets', Wildbook's, or another.

    `columns` says which column is what, where a stranger wrote the table. With a list of `faults`,
    a row that can't be understood is told there and left out; without one it is BadLabels. Raises
    UnknownColumns where a table's columns aren't known and nobody said which is what.
    """
    if columns is not None:
        check_columns(columns)
    table = open_table(path, lambda cells: _is_known(cells, columns))
    if columns is None and is_wildbook_header(table.header):
        try:
            form = WildbookForm(table.header)
        except BadLabels as error:
            raise BadLabels(f"{table.where}: {error}") from None
        rows = _read(path, table, form, photos, faults)
        return TableRows(rows, form.uses, tuple(form.warnings()))
    plain = _plain(path, table, columns)
    rows = _read(path, table, plain, photos, faults)
    return TableRows(rows, plain.uses(table.header), tuple(plain.warnings()))


def is_label_header(cells: Sequence[str]) -> bool:
    """Whether a row holds the columns that a label file needs: image, and one for the label."""
    names = {cell.lower() for cell in cells}
    return "image" in names and not names.isdisjoint(_LABEL_COLUMNS)


def is_known_header(cells: Sequence[str]) -> bool:
    """Whether a row is the header of a table that is read without a word on its columns."""
    return is_label_header(cells) or is_wildlife_header(cells) or is_wildbook_header(cells)


def has_known_header(path: Path) -> bool:
    """Whether a table can be read without a word on its columns."""
    try:
        return is_known_header(open_table(path, is_known_header).header)
    except BadLabels:
        return False


def _is_known(cells: Sequence[str], columns: Columns | None) -> bool:
    if columns is None:
        return is_known_header(cells)
    named = {column.casefold() for column in columns.values()}
    return named <= {cell.casefold() for cell in cells}


def _read(
    path: Path, table: LabelTable, form: _Form, photos: Path, faults: list[str] | None
) -> tuple[LabelledPhoto, ...]:
    found: list[LabelledPhoto] = []
    line, width = 1, len(table.header)
    try:
        for line, row in table.rows:
            where = f"{table.where}, {table.row_name} {line}"
            try:
                if any(cell.strip() for cell in row[width:]):
                    raise BadLabels(
                        f"{where}: has {len(row)} fields but the header has {width}; quote fields "
                        "with separators"
                    )
                found += form.photos(where, row, photos)
            except BadLabels as fault:
                if faults is None:
                    raise
                faults.append(str(fault))
    except csv.Error as error:
        raise BadLabels(f"{path}, line {line}: not readable as CSV ({error})") from None
    return tuple(found)


def _plain(path: Path, table: LabelTable, columns: Columns | None) -> PlainForm:
    if columns is not None:
        if table.below is not None:
            raise BadLabels(f"{table.where}: {table.below}; take out what is above it")
        return PlainForm(find_columns(columns, table.header, table.where), no_individual="nobody")
    if is_wildlife_header(table.header) and not is_label_header(table.header):
        return wildlife_form(table.header)
    return PlainForm(_columns(path, table))


def _columns(path: Path, table: LabelTable) -> dict[str, int]:
    """Where each known column is; the label's, whatever it is called, under `individual`."""
    header = table.header
    names = [name.lower() for name in header]
    known = [name for name in names if name in {"image", *_LABEL_COLUMNS, *_OPTIONAL_COLUMNS}]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise BadLabels(f"{table.where}: the column {twice[0]} is there twice; keep one")
    if not known and any(Path(name).suffix in PHOTO_SUFFIXES for name in names):
        raise BadLabels(
            f"{table.where}: has no header; put a first line such as image,label above "
            f"{','.join(header)}"
        )
    label = next((name for name in _LABEL_COLUMNS if name in names), None)
    missing = ["image"] if "image" not in names else []
    missing += ["label"] if label is None else []
    if label is None or missing:
        if table.below is not None:
            raise BadLabels(f"{table.where}: {table.below}; take out what is above it")
        raise _unknown(path, table, missing)
    of_fields = {"photo": "image", "individual": label} | {
        _FIELD_OF.get(name, name): name
        for name in (*_OPTIONAL_COLUMNS, *_MORE_COLUMNS)
        if name in names
    }
    return {field: names.index(name) for field, name in of_fields.items()}


def _unknown(path: Path, table: LabelTable, missing: Sequence[str]) -> UnknownColumns:
    try:
        rows = [row for _, row in islice(table.rows, _EXAMPLE_ROWS)]
    except csv.Error:
        rows = []
    preview = make_preview(path.name, table.header, rows)
    return UnknownColumns(
        f"{table.where}: has no column {' and no column '.join(missing)}, only "
        f"{', '.join(table.header)}; needed are image and one of {', '.join(_LABEL_COLUMNS)}; "
        f"allowed too are {', '.join(_OPTIONAL_COLUMNS)}. Or say which columns are what "
        "(--column photo=COLUMN --column individual=COLUMN); they hold "
        f"{describe_examples(preview)}",
        preview,
    )
