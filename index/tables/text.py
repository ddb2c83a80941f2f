"""Read the text of a file in the encodings that spreadsheet programs write, or say what it is.

UTF-8 and UTF-16 are read. Other encodings can't be told from each other for certain, and a wrong
guess would give animals wrong names, so they are refused.
"""

from __future__ import annotations

import codecs
import zipfile
from pathlib import Path

from embedding.errors import FlukeprintError

SPREADSHEET_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers"})
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_SHOWN_LETTERS = 40
# Names of entries that only the packed formats of spreadsheets have.
_OF_SPREADSHEETS = ("xl/workbook.", "xl/worksheets/", "content.xml", "Index/Document.iwa")


class BadText(FlukeprintError):
    """A file that is no text that can be read; the message says what it is and what to do."""


def is_spreadsheet(path: Path) -> bool:
    """Whether a file is a spreadsheet of Excel, LibreOffice or Numbers.

    Its content decides; a zip that is called like a spreadsheet is taken for one.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_OLD_EXCEL))
        if head == _OLD_EXCEL:
            return True
        if not head.startswith(_ZIP):
            return False
        if path.suffix.lower() in SPREADSHEET_SUFFIXES:
            return True
        with zipfile.ZipFile(path) as opened:
            return any(name.startswith(_OF_SPREADSHEETS) for name in opened.namelist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def describe_spreadsheet(name: str) -> str:
    """Say of a spreadsheet what has to be done with it."""
    return (
        f"{name} is a spreadsheet of a kind that isn't read; open it in its program, save it as "
        "a workbook of Excel (.xlsx) or the sheet with the labels as CSV (`CSV UTF-8`), and give "
        "that file"
    )


def decode_text(data: bytes, name: str) -> str:
    """Decode UTF-8, or UTF-16 as Excel's `Unicode Text`; with or without a byte order mark.

    Raises BadText for anything else, and says as what it may have been saved.
    """
    encoding = next((each for mark, each in _UTF16.items() if data.startswith(mark)), None)
    encoding = encoding or _unmarked_utf16(data)
    if encoding is not None:
        try:
            return data.decode(encoding).lstrip("\ufeff")
        except UnicodeDecodeError as error:
            raise BadText(
                f"{name}: not {encoding.upper()} at byte {error.start:,}, as which it begins; "
                "save it as UTF-8 text"
            ) from None
    try:
        return data.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise BadText(_not_utf8(data, name, error.start)) from None


def _unmarked_utf16(data: bytes) -> str | None:
    """The kind of UTF-16 that plain text without a mark is in: every other byte is zero."""
    head = data[:64]
    if len(head) < 4 or len(head) % 2:
        return None
    if not any(head[0::2]):
        return "utf-16-be"
    return "utf-16-le" if not any(head[1::2]) and all(head[0::2]) else None


def _not_utf8(data: bytes, name: str, at: int) -> str:
    if data.startswith(_OLD_EXCEL):
        return describe_spreadsheet(name)
    if data.startswith(_ZIP):
        return f"{name}: is a zip, not text; give the CSV or COCO .json file itself"
    line = data.count(b"\n", 0, at) + 1
    start = data.rfind(b"\n", 0, at) + 1
    shown = data[start:].splitlines()[0][:_SHOWN_LETTERS].decode("cp1252", "replace").strip()
    return (
        f"{name}: not UTF-8 at byte {at:,}; save it as UTF-8 text (in Excel: `CSV UTF-8`). Read "
        f"as Windows-1252, in which Excel saves its plain `CSV`, line {line:,} would be {shown!r}"
    )
