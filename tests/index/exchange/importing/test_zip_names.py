"""Names in a zip that aren't marked as UTF-8: read where they are certain, refused where not."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from index.exchange.importing.archive import BadArchive, unpack
from index.exchange.importing.sources import read_source


class _Unmarked(zipfile.ZipInfo):
    """An entry whose name stands there in bytes of its own, without the mark of UTF-8."""

    raw_name = b""

    def _encodeFilenameFlags(self):  # noqa: N802 (the name of zipfile's own method)
        return self.raw_name, self.flag_bits & ~0x800


def zip_of(
    path: Path, entries: dict[str, bytes], encoding: str, *, is_stated: bool = False
) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, data in entries.items():
            entry = _Unmarked(name)
            entry.raw_name = name.encode(encoding)
            if is_stated:
                field = b"\x01" + struct.pack("<L", zlib.crc32(entry.raw_name)) + name.encode()
                entry.extra = struct.pack("<HH", 0x7075, len(field)) + field
            made.writestr(entry, data)
    return path


def test_names_of_macos_are_read_as_utf8(tmp_path: Path) -> None:
    entries = {"José_A/1.jpg": b"1", "鯨/2.jpg": b"2", "__MACOSX/José_A/._1.jpg": b""}
    path = zip_of(tmp_path / "a.zip", entries, "utf-8")
    unpacked = unpack(path, tmp_path / "out")
    assert unpacked.names == ("José_A/1.jpg", "鯨/2.jpg")
    assert (tmp_path / "out/José_A/1.jpg").read_bytes() == b"1"
    source = read_source(path, None, tmp_path / "staging")
    assert [photo.individual for photo in source.photos] == ["José_A", "鯨"]


def test_labels_in_such_a_zip_meet_their_photos(tmp_path: Path) -> None:
    rows = "image,label\nBaléna_0.jpg,Ana\n".encode()
    path = zip_of(tmp_path / "a.zip", {"labels.csv": rows, "Baléna_0.jpg": b"x"}, "utf-8")
    source = read_source(path, None, tmp_path / "staging")
    assert [photo.name for photo in source.photos] == ["Baléna_0.jpg"]
    assert (source.no_file, source.no_label) == ((), ())


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Кит/1.jpg", "cp866"),
        ("José/1.jpg", "cp437"),
        ("José/1.jpg", "cp850"),
        ("José/1.jpg", "cp1252"),
        ("鯨/1.jpg", "shift-jis"),
    ],
)
def test_names_in_another_encoding_are_refused_before_anything_is_taken(
    tmp_path: Path, name: str, encoding: str
) -> None:
    path = zip_of(tmp_path / "a.zip", {"w_1/0.jpg": b"0", name: b"1"}, encoding)
    expected = r"a\.zip: the names in it can't be read for certain, such as '.*1\.jpg'.*7-Zip"
    with pytest.raises(BadArchive, match=expected):
        unpack(path, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.jpg"))


def test_the_name_that_info_zip_states_counts(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"Кит/1.jpg": b"1"}, "cp866", is_stated=True)
    assert unpack(path, tmp_path / "out").names == ("Кит/1.jpg",)


def test_a_stated_name_of_another_entry_does_not_count(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"Кит/1.jpg": b"1"}, "cp866", is_stated=True)
    data = path.read_bytes()
    wrong = struct.pack("<L", zlib.crc32("Кит/1.jpg".encode("cp866")))
    path.write_bytes(data.replace(b"\x01" + wrong, b"\x01\x00\x00\x00\x00"))
    with pytest.raises(BadArchive, match="can't be read for certain"):
        unpack(path, tmp_path / "out")


def test_names_of_what_is_left_out_anyway_refuse_nothing(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"w_1/0.jpg": b"0", "Кит/notes.txt": b"1"}, "cp866")
    unpacked = unpack(path, tmp_path / "out")
    assert unpacked.names == ("w_1/0.jpg",)
    assert len(unpacked.left_out) == 1
