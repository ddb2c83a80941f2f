"""Kinds of files: names in zips, suffixes, encodings, damage, times and raw files."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.embedding.photos.test_raw_files import tiff
from tests.flows.doors.cases import Case, Outcome, exif, pattern
from tests.flows.doors.registry import LABELS, kind
from tests.index.exchange.importing.test_zip_names import zip_of

A = "a.jpg"
TABLES = ("index build", "index update", "import: CSV", "import: zip", "HTTP job", "data check")
EVERY = (*LABELS, "HTTP upload")


@kind("09 zip names in UTF-8 without its mark, as macOS packs", ("import: zip", "HTTP job"))
def unmarked_names(door: str) -> Case:
    return _zip_of("José/a.jpg", "utf-8", lambda found: found.of(A).individual == "José", "")


@kind("09 zip names in another alphabet's code page", ("import: zip", "HTTP job"))
def names_in_code_pages(door: str) -> Case:
    return _zip_of("Кит/a.jpg", "cp866", _is_there, "can't be read for certain")


@kind("10 photos called `.jfif` or `.mpo`", EVERY)
def other_names_of_jpeg(door: str) -> Case:
    case = Case({"a.jfif": pattern(1), "b.MPO": pattern(2)}, lambda found: len(_ours(found)) == 2)
    return case.label("a.jfif", "w_1").label("b.MPO", "w_2")


@kind("10 files that aren't photos: films, raw files", EVERY)
def other_files(door: str) -> Case:
    photos = {A: pattern(1), "b.MOV": b"\x00\x00\x00\x14ftypqt  " * 9}
    told = r"b\.MOV|1 \.mov|\.mov"
    case = Case(photos, lambda found: found.of("b.MOV") is not None, told)
    case.label(A)
    return case.label("b.MOV", "w_2") if door in ("import: folder", "HTTP upload") else case


@kind("14 semicolons below a line `sep=;`", TABLES)
def separators(door: str) -> Case:
    return _table_in(b"sep=;\r\nimage;label\r\na.jpg;w_1\r\n")


@kind("14 a table in UTF-16", TABLES)
def utf16(door: str) -> Case:
    return _table_in("image\tlabel\na.jpg\tw_1\n".encode("utf-16"))


@kind("14 a table in Windows-1252 with accents", TABLES)
def windows_1252(door: str) -> Case:
    return _table_in("image,label\na.jpg,Baléna\n".encode("cp1252"), "not UTF-8 at byte")


@kind("14 a title above the header", TABLES)
def titles(door: str) -> Case:
    return _table_in(b"Season 2021\nimage,label\na.jpg,w_1\n", "stands in line 2")


@kind("16 another spreadsheet (`.ods`, `.xls`) in place of a table", TABLES)
def spreadsheets(door: str) -> Case:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("content.xml", "<office/>")
    case = Case({A: pattern(1)}, _is_there, "is a spreadsheet of a kind that isn't read")
    case.texts = {"labels.ods": kept.getvalue()}
    return case


@kind("15 a JPEG that lacks only its end marker", EVERY)
def no_end_marker(door: str) -> Case:
    return Case({A: pattern(1)[:-2]}, _is_there, "damaged|missing pixels").label(A)


@kind("15 a JPEG with missing or damaged pixels", EVERY)
def damaged_pixels(door: str) -> Case:
    cells = np.random.default_rng(1).integers(0, 256, (160, 240, 3), np.uint8)
    kept = io.BytesIO()
    Image.fromarray(cells).save(kept, "JPEG", quality=90)
    whole = kept.getvalue()
    cut = whole[: len(whole) // 2] + b"\xff\xd9"
    return Case({A: cut}, _is_there, "pixels").label(A)


@kind("18 a time that the photo's file alone knows (EXIF)", (*EVERY,))
def times_of_files(door: str) -> Case | None:
    if door == "data check":
        return None
    data = pattern(1, exif=exif(taken_at="2021:04:03 14:05:00"))

    def is_right(found: Outcome) -> bool:
        return found.of(A).taken_at == "2021-04-03T14:05:00"

    return Case({A: data}, is_right).label(A)


@kind("19 a camera's raw file whose preview alone can be read", EVERY)
def raw_previews(door: str) -> Case:
    photos = {"a.tif": tiff(dng=(0xC612, b"\x01\x04\x00\x00")), "b.jpg": pattern(2)}
    case = Case(photos, lambda found: found.of("a.tif") is not None, "a camera's raw file")
    if door == "data check":
        case.is_right = lambda found: False
    return case.label("a.tif", "w_1").label("b.jpg", "w_2")


@kind("20 names that differ in letter case alone", LABELS)
def letter_case(door: str) -> Case | None:
    if door == "import: folder":
        return None
    case = Case({"A.JPG": pattern(1), "b.jpg": pattern(2)}, _is_there, "letter case")
    return case.label(A, "w_1").label("b.jpg", "w_2")


def _zip_of(name: str, encoding: str, is_right, told: str) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        path = zip_of(Path(folder) / "a.zip", {name: pattern(1)}, encoding)
        return Case({}, is_right, told, archive=path.read_bytes())


def _table_in(data: bytes, told: str = "") -> Case:
    case = Case({A: pattern(1)}, lambda found: found.of(A).individual == "w_1", told)
    case.texts = {"labels.csv": data}
    return case


def _ours(found: Outcome) -> set[str]:
    return {name for name, who in found.individuals().items() if who in ("w_1", "w_2")}


def _is_there(found: Outcome) -> bool:
    return found.of(A) is not None
