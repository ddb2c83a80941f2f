"""Workbooks of Excel as text: what cells become, what is refused, and what is written."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from index.tables import workbooks
from index.tables.workbooks import BadWorkbook, is_workbook, read_workbook, write_workbook


def saved(path: Path, rows: list[list[object]], formats: dict[str, str] | None = None) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for cell, form in (formats or {}).items():
        book.active[cell].number_format = form
    book.save(path)
    return path


def with_sheet(path: Path, sheet: str) -> Path:
    """The workbook with another text in place of its sheet's."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts["xl/worksheets/sheet1.xml"] = sheet.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    return path


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}'


def test_cells_become_the_text_that_a_csv_would_hold(tmp_path: Path):
    rows: list[list[object]] = [
        ["001", 12.0, 12.5, 7, True, None, " blank "],
        [datetime(2021, 4, 3), datetime(2021, 4, 3, 14, 5), date(2021, 4, 3), time(14, 5), "="],
        [datetime(2021, 4, 3), datetime(2021, 4, 3, 14, 4, 59, 999_999), "#N/A"],
    ]
    path = saved(tmp_path / "a.xlsx", rows, {"D1": "000", "A3": "dd/mm/yyyy"})
    (sheet,) = read_workbook(path)
    assert sheet.rows == [
        (1, ["001", "12", "12.5", "007", "TRUE", "", "blank"]),
        (2, ["2021-04-03", "2021-04-03T14:05:00", "2021-04-03", "14:05:00", "="]),
        (3, ["2021-04-03", "2021-04-03T14:05:00", "#N/A"]),
    ]


def test_rows_keep_their_numbers_and_hidden_sheets_are_left_out(tmp_path: Path):
    book = Workbook()
    book.active.title = "notes"
    book.active.sheet_state = "hidden"
    book.active["A1"] = "secret"
    shown = book.create_sheet("season")
    shown["A2"], shown["B5"] = "image", "x"
    book.save(tmp_path / "a.xlsx")
    (sheet,) = read_workbook(tmp_path / "a.xlsx")
    assert (sheet.name, sheet.rows) == ("season", [(2, ["image"]), (5, ["", "x"])])


def test_a_formula_counts_as_the_value_saved_with_it(tmp_path: Path):
    path = saved(tmp_path / "a.xlsx", [["a"]])
    cells = '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1"><v>3</v></c></row>'
    with_sheet(path, SHEET.format(cells + "</sheetData></worksheet>"))
    assert read_workbook(path)[0].rows == [(1, ["2", "3"])]


def test_a_formula_without_a_value_is_refused(tmp_path: Path):
    path = saved(tmp_path / "a.xlsx", [["image", "label"], ["a.jpg", '=CONCAT("w_", 1)']])
    with pytest.raises(BadWorkbook, match="the cell B2 holds a formula without its value"):
        read_workbook(path)


def test_what_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = saved(tmp_path / "a.xlsx", [["a"]])
    with_sheet(path, SHEET.format(" " * 3_000_000 + "</sheetData></worksheet>"))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(workbooks, "_MOST_UNPACKED_BYTES", 2_000_000)
    with pytest.raises(BadWorkbook, match=r"unpacks to 3,.* at most 2,000,000 are read"):
        read_workbook(path)


def test_a_short_file_that_claims_many_cells_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = saved(tmp_path / "a.xlsx", [["a"]])
    rows = "".join(f'<row r="{at}"><c r="XFD{at}"><v>1</v></c></row>' for at in range(1, 20))
    with_sheet(path, SHEET.format(rows + "</sheetData></worksheet>"))
    monkeypatch.setattr(workbooks, "_MOST_CELLS", 100_000)
    with pytest.raises(BadWorkbook, match="more than 100,000 cells, empty ones counted"):
        read_workbook(path)


def test_entities_and_damage_are_refused(tmp_path: Path):
    path = saved(tmp_path / "a.xlsx", [["a"]])
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "' + "&a;" * 9 + '">]>' + SHEET
    with_sheet(path, bomb.format('<row r="1"><c><v>&b;</v></c></row>'))
    with pytest.raises(BadWorkbook, match="can't be read as a workbook"):
        read_workbook(path)
    (tmp_path / "cut.xlsx").write_bytes(saved(tmp_path / "b.xlsx", [["a"]]).read_bytes()[:900])
    assert not is_workbook(tmp_path / "cut.xlsx")
    with pytest.raises(BadWorkbook, match="not a workbook that can be read"):
        read_workbook(tmp_path / "cut.xlsx")


def test_texts_are_written_as_texts_and_numbers_as_numbers():
    written = write_workbook(["name", "year"], [["=1+1", 2021], ["001", None]])
    rows = list(load_workbook(io.BytesIO(written)).active.iter_rows())
    assert [[cell.value for cell in row] for row in rows] == [
        ["name", "year"],
        ["=1+1", 2021],
        ["001", None],
    ]
    assert rows[1][0].data_type == "s"  # no formula that a spreadsheet would compute
    with pytest.raises(BadWorkbook, match="control character"):
        write_workbook(["name"], [["a\x01b"]])
