"""Read text as Excel and others save it; what can't be read for certain is named."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from index.tables.text import BadText, decode_text, is_spreadsheet

TEXT = "image,label\r\na.jpg,Niño\r\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"], ids=str
)
def test_utf8_and_utf16_are_read_with_and_without_a_mark(encoding: str) -> None:
    assert decode_text(TEXT.encode(encoding), "labels.csv") == TEXT


def test_big_endian_with_a_mark_is_read() -> None:
    assert decode_text(b"\xfe\xff" + TEXT.encode("utf-16-be"), "labels.csv") == TEXT


def test_half_a_utf16_letter_is_refused() -> None:
    with pytest.raises(BadText, match="not UTF-16-LE at byte 50"):
        decode_text(TEXT.encode("utf-16")[:-1], "labels.csv")


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "mac-roman", "cp850"])
def test_another_encoding_is_refused_with_the_line_and_what_to_do(encoding: str) -> None:
    with pytest.raises(
        BadText, match=r"not UTF-8 at byte 20; save it as .*Windows-1252.*line 2 would be"
    ):
        decode_text("image,label\r\na.jpg,Réal\r\n".encode(encoding), "labels.csv")


def test_the_line_is_shown_as_windows_would_read_it() -> None:
    with pytest.raises(BadText, match=r"would be 'a\.jpg,Niño'"):
        decode_text(TEXT.encode("cp1252"), "labels.csv")


def test_packed_formats_are_named() -> None:
    with pytest.raises(BadText, match=r"is a spreadsheet of a kind that isn't read; .*`CSV UTF-8`"):
        decode_text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)), "labels.xls")
    with pytest.raises(BadText, match="is a zip, not text"):
        decode_text(b"PK\x03\x04" + bytes(range(200, 256)), "labels.csv")


@pytest.mark.parametrize(
    ("inside", "is_one"),
    [
        ("xl/workbook.xml", True),
        ("content.xml", True),
        ("Index/Document.iwa", True),
        ("labels.csv", False),
    ],
)
def test_a_spreadsheet_is_known_by_its_content(tmp_path: Path, inside: str, is_one: bool) -> None:
    with zipfile.ZipFile(tmp_path / "any.name", "w") as made:
        made.writestr(inside, "x")
    assert is_spreadsheet(tmp_path / "any.name") is is_one


def test_what_is_no_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "cut.xlsx").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "text.xlsx").write_text(TEXT)
    (tmp_path / "labels.csv").write_text(TEXT)
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    assert not is_spreadsheet(tmp_path / "cut.zip")
    assert is_spreadsheet(tmp_path / "cut.xlsx")
    assert not is_spreadsheet(tmp_path / "text.xlsx")
    assert not is_spreadsheet(tmp_path / "labels.csv")
    assert not is_spreadsheet(tmp_path / "absent")
    assert is_spreadsheet(tmp_path / "old.xls")
