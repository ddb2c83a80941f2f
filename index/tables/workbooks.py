"""Workbooks of Excel (`.xlsx`, `.xlsm`), read as text and rows, and written. The door of openpyxl.

Nothing in a workbook is computed: a formula counts as the value that was saved with it. Numbers,
dates and times become the text that a CSV would hold. How much a workbook may unpack to is bounded.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from embedding.errors import FlukeprintError
from index.tables.rows import Row

WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm"})
_PARTS = "xl/workbook.xml"
_MOST_UNPACKED_BYTES = 256 * 2**20
_MOST_CELLS = 20_000_000
_CHUNK_BYTES = 2**20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class BadWorkbook(FlukeprintError):
    """A workbook that can't be read, or a table that no workbook holds; the message says why."""


class Sheet(NamedTuple):
    """A visible sheet: its name, and its rows that hold anything, each with its number from 1."""

    name: str
    rows: list[Row]


def is_workbook(path: Path) -> bool:
    """Whether a file is a workbook of Excel, by its content."""
    try:
        with zipfile.ZipFile(path) as opened:
            return _PARTS in opened.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def read_workbook(path: Path) -> list[Sheet]:
    """Read the visible sheets of a workbook that hold anything, in their order.

    Raises BadWorkbook: for a file that can't be read, that unpacks to more than 256 MiB, or where
    a formula was saved without its value.
    """
    formula_parts = _check_parts(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations, which aren't read
            return list(_sheets(path, has_formulas=formula_parts))
    except BadWorkbook:
        raise
    # Whatever a damaged or hostile file makes its parser raise.
    except Exception as error:
        raise BadWorkbook(
            f"{path}: can't be read as a workbook ({type(error).__name__}: {error}); open it in "
            "its program and save it again"
        ) from error


def write_workbook(columns: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> bytes:
    """Write one sheet with a header: texts as texts, also those that look like formulas or numbers.

    Numbers and None (an empty cell) may be among the values. Raises BadWorkbook for a text that no
    workbook can hold.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    table: list[Sequence[str | float | None]] = [columns, *rows]
    for value in (value for values in table for value in values):
        if isinstance(value, str) and _CONTROL.search(value):
            raise BadWorkbook(
                f"{value!r} holds a control character, which a workbook can't; rename it, or use "
                "another format"
            )
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("Sheet1")
    for values in table:
        cells: list[Any] = []
        for value in values:
            cell: Any = WriteOnlyCell(sheet, value)
            if isinstance(value, str):
                cell.data_type = "s"  # `=1+1` is a name here, not a formula
            cells.append(cell)
        sheet.append(cells)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _check_parts(path: Path) -> bool:
    """Refuse what would fill the memory; return whether any sheet holds a formula."""
    try:
        with zipfile.ZipFile(path) as opened:
            # zipfile gives no more bytes of a part than its entry says, so this bound holds.
            size = sum(part.file_size for part in opened.infolist())
            if size > _MOST_UNPACKED_BYTES:
                raise BadWorkbook(
                    f"{path}: unpacks to {size:,} bytes; at most {_MOST_UNPACKED_BYTES:,} are "
                    "read: save the sheet with the labels as CSV, or take out what isn't needed"
                )
            sheets = [one for one in opened.namelist() if one.startswith("xl/worksheets/")]
            return any(_holds_formula(opened, name) for name in sheets if name.endswith(".xml"))
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError) as error:
        raise BadWorkbook(
            f"{path}: not a workbook that can be read ({error}); copy or save it again"
        ) from error


def _holds_formula(opened: zipfile.ZipFile, name: str) -> bool:
    tail = b""
    with opened.open(name) as part:
        while chunk := part.read(_CHUNK_BYTES):
            if re.search(rb"<f[\s>/]", tail + chunk):
                return True
            tail = chunk[-2:]
    return False


def _sheets(path: Path, *, has_formulas: bool) -> Iterator[Sheet]:
    from openpyxl import load_workbook

    budget = _Budget(path)
    book: Any = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    formulas: Any = load_workbook(path, read_only=True, keep_links=False) if has_formulas else None
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                continue
            if formulas is not None:
                _refuse_unsaved(path, sheet, formulas[sheet.title], budget)
            rows = [row for row in _rows(sheet, budget) if any(row[1])]
            if rows:
                yield Sheet(sheet.title, rows)
    finally:
        book.close()
        if formulas is not None:
            formulas.close()


class _Budget:
    """Counts cells, also empty ones: a short file may claim sixteen thousand in each row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cells = 0

    def take(self, cells: int) -> None:
        self._cells += cells + 1
        if self._cells > _MOST_CELLS:
            raise BadWorkbook(
                f"{self._path}: has more than {_MOST_CELLS:,} cells, empty ones counted; save the "
                "sheet with the labels as CSV"
            )


def _rows(sheet: Any, budget: _Budget) -> Iterator[Row]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        budget.take(len(cells))
        texts = [_text(cell.value, getattr(cell, "number_format", "")) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        yield number, texts


def _refuse_unsaved(path: Path, sheet: Any, formulas: Any, budget: _Budget) -> None:
    """Raise where a formula has no value: a program wrote it, and none has computed it yet."""
    for cells, written in zip(sheet.iter_rows(), formulas.iter_rows(), strict=False):
        budget.take(len(cells))
        for cell, formula in zip(cells, written, strict=False):
            if formula.data_type == "f" and cell.value is None:
                raise BadWorkbook(
                    f"{path}, sheet {sheet.title!r}: the cell {formula.coordinate} holds a formula "
                    "without its value, and formulas aren't computed here; open the file in its "
                    "program and save it, or put the value there"
                )


def _text(value: object, form: str) -> str:
    """What a cell holds, as text; `form` is how a number is shown, such as `000`.

    A whole number has no point: 12.0 is `12`. Times are to the second, as Excel's numbers are.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, form)
    if isinstance(value, datetime):
        at = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
        # Programs store a day as its midnight.
        return at.date().isoformat() if at.time() == time() else at.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).strip()


def _number(value: float, form: str) -> str:
    if not math.isfinite(value):
        return ""
    if value != int(value):
        return repr(value)
    # Cells shown as 007 hold 7: people know them by their zeros.
    return str(int(value)).zfill(len(form)) if re.fullmatch("0{2,}", form) else str(int(value))
