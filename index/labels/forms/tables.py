"""A label table opened: a CSV or a workbook, as a header and numbered rows of text."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.labels.fields import read_text
from index.labels.labelled_photo import BadLabels
from index.tables.rows import Row, header_below, header_within, read_rows, separator_of
from index.tables.workbooks import BadWorkbook, is_workbook, read_workbook

IsHeader = Callable[[Sequence[str]], bool]
_EMPTY = "is empty; its first line must be a header such as image,label"


@dataclass(frozen=True, slots=True)
class LabelTable:
    """A table: where it stands, its header without blanks around, and the rows below it.

    `row_name` is what a row's number counts: `line` of a text, `row` of a sheet. `below` says where
    a header stands that isn't the first row, as below a title.
    """

    where: str
    row_name: str
    header: tuple[str, ...]
    rows: Iterator[Row]
    below: str | None = None


def open_table(path: Path, is_header: IsHeader) -> LabelTable:
    """Open a CSV, or the sheet of a workbook whose first row is a header, else its first sheet.

    Raises BadLabels; the rows of a CSV raise csv.Error.
    """
    return _sheet(path, is_header) if is_workbook(path) else _text_table(path, is_header)


def _text_table(path: Path, is_header: IsHeader) -> LabelTable:
    text = read_text(path)
    if not text.strip(",;\t\r\n "):
        raise BadLabels(f"{path}: {_EMPTY}")
    try:
        rows = read_rows(text, separator_of(text, is_header))
        _, first = next(rows, (1, [""]))
    except csv.Error as error:
        raise BadLabels(f"{path}, line 1: not readable as CSV ({error})") from None
    header = _tidy(first)
    if is_header(header):
        return LabelTable(str(path), "line", header, rows)
    below = header_below(text, is_header)
    told = (
        None
        if below is None
        else (f"the header {below.separator.join(below.cells)!r} stands in line {below.line}")
    )
    return LabelTable(str(path), "line", header, rows, told)


def _sheet(path: Path, is_header: IsHeader) -> LabelTable:
    try:
        sheets = read_workbook(path)
    except BadWorkbook as error:
        raise BadLabels(str(error)) from None
    if not sheets:
        raise BadLabels(f"{path}: {_EMPTY}")
    sheet = next((one for one in sheets if is_header(_tidy(one.rows[0][1]))), sheets[0])
    header = _tidy(sheet.rows[0][1])
    told = None
    if not is_header(header):
        below = header_within(sheet.rows, is_header)
        told = below and f"the header {', '.join(below[1])!r} stands in row {below[0]}"
    where = str(path) if len(sheets) == 1 else f"{path}, sheet {sheet.name!r}"
    return LabelTable(where, "row", header, iter(sheet.rows[1:]), told)


def _tidy(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in cells)
