"""A zip may be anybody's: nothing leaves the staging folder, and nothing is left out without a
reason.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from index.exchange.importing import archive
from index.exchange.importing.archive import ArchiveLimits, BadArchive, unpack


def zipped(
    path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def reasons(unpacked) -> dict[str, str]:
    return {one.name: one.reason for one in unpacked.left_out}


def files_below(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_photos_and_label_files_come_out_as_they_were(tmp_path):
    path = zipped(
        tmp_path / "a.zip",
        ("labels.csv", b"image,label\n"),
        ("w_1/b.JPG", b"two"),
        ("./w_1/a.png", b"one"),
    )
    unpacked = unpack(path, tmp_path / "out")
    assert unpacked.names == ("labels.csv", "w_1/a.png", "w_1/b.JPG")
    assert (unpacked.left_out, unpacked.total_bytes) == ((), 18)
    assert files_below(tmp_path / "out") == list(unpacked.names)
    assert (tmp_path / "out/w_1/a.png").read_bytes() == b"one"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil.jpg", "leads out"),
        ("a/../../evil.jpg", "leads out"),
        ("..\\evil.jpg", "leads out"),
        ("/etc/evil.jpg", "absolute path"),
        ("C:\\evil.jpg", "absolute path"),
        ("C:evil.jpg", "absolute path"),
        ("line\nbreak.jpg", "control character"),
        (f"{'x' * 300}.jpg", "longer than 255 bytes"),
        ("./", "no name"),
    ],
)
def test_names_that_lead_elsewhere(tmp_path, name, why):
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = entry.orig_filename = name
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(entry, b"x")
        file.writestr("fine.jpg", b"y")
    unpacked = unpack(path, tmp_path / "deep/out")
    assert files_below(tmp_path / "deep") == ["out/fine.jpg"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zip", "deep"]
    if name == "./":  # a folder: it holds nothing that could be missed
        assert unpacked.left_out == ()
    else:
        assert [why in reason for reason in reasons(unpacked).values()] == [True]


def test_a_name_with_a_nul_is_told_with_what_follows(tmp_path):
    path = zipped(tmp_path / "a.zip", ("fine.jpg", b"y"), ("a.jpgXexe", b"x"))
    path.write_bytes(path.read_bytes().replace(b"a.jpgXexe", b"a.jpg\0exe"))
    assert reasons(unpack(path, tmp_path / "out")) == {
        "a.jpg\\x00exe": "its name holds a control character"
    }


def test_windows_folders_become_folders(tmp_path):
    path = zipped(tmp_path / "a.zip", ("fine.jpg", b"y"), ("w_1Xa.jpg", b"x"))
    path.write_bytes(path.read_bytes().replace(b"w_1Xa.jpg", b"w_1\\a.jpg"))
    assert unpack(path, tmp_path / "out").names == ("fine.jpg", "w_1/a.jpg")


def kind(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (mode | 0o777) << 16
    return entry


def test_links_devices_nested_archives_and_rubbish_are_left_out_by_name(tmp_path):
    path = zipped(
        tmp_path / "a.zip",
        (kind("link.jpg", stat.S_IFLNK), b"/etc/passwd"),
        (kind("pipe.jpg", stat.S_IFIFO), b""),
        ("more.zip", b"PK"),
        ("notes.txt", b"dear diary"),
        (".DS_Store", b"x"),
        ("__MACOSX/._a.jpg", b"x"),
        (".hidden.jpg", b"x"),
        (kind("a.jpg", stat.S_IFREG), b"x"),
    )
    unpacked = unpack(path, tmp_path / "out")
    assert unpacked.names == ("a.jpg",)
    assert reasons(unpacked) == {
        ".DS_Store": "a file of the operating system, not a photo",
        ".hidden.jpg": "hidden by the dot before its name; rename it to have it taken",
        "__MACOSX/._a.jpg": "a file of the operating system, not a photo",
        "link.jpg": "a link; put the file itself into the archive",
        "more.zip": "an archive within the archive; give it by itself",
        "notes.txt": "neither a photo nor a label file (.csv, .json, .xlsx) by its name",
        "pipe.jpg": "not a file but a device, pipe or the like",
    }
    assert not (tmp_path / "out/link.jpg").is_symlink()


def test_encrypted_entries(tmp_path):
    path = zipped(tmp_path / "a.zip", ("a.jpg", b"x"))
    data = bytearray(path.read_bytes())
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags_at] |= 1
    path.write_bytes(data)
    assert reasons(unpack(path, tmp_path / "out")) == {
        "a.jpg": "encrypted; make the archive without a password"
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_are_there_twice(tmp_path):
    path = zipped(
        tmp_path / "a.zip", ("a.jpg", b"first"), ("./a.jpg", b"second"), ("a.jpg/b.jpg", b"x")
    )
    unpacked = unpack(path, tmp_path / "out")
    assert (tmp_path / "out/a.jpg").read_bytes() == b"first"
    assert reasons(unpacked) == {
        "./a.jpg": "the archive holds another file of the same name; the first one counts",
        "a.jpg/b.jpg": "the archive holds a file and a folder of the same name",
    }


def test_a_file_within_a_file_the_other_way_round(tmp_path):
    path = zipped(tmp_path / "a.zip", ("a.jpg/b.jpg", b"x"), ("a.jpg", b"y"))
    unpacked = unpack(path, tmp_path / "out")
    assert unpacked.names == ("a.jpg/b.jpg",)
    assert list(reasons(unpacked)) == ["a.jpg"]


def test_limits_of_one_file(tmp_path):
    path = zipped(
        tmp_path / "a.zip",
        ("bomb.jpg", bytes(3 * 2**20)),
        ("large.jpg", os.urandom(200)),
        ("a.jpg", b"x"),
    )
    unpacked = unpack(path, tmp_path / "out", limits=ArchiveLimits(max_ratio=100))
    assert unpacked.names == ("a.jpg", "large.jpg")
    assert "packed more than 100 times smaller" in reasons(unpacked)["bomb.jpg"]
    unpacked = unpack(
        path, tmp_path / "again", limits=ArchiveLimits(max_entry_bytes=199, max_ratio=100)
    )
    assert reasons(unpacked)["large.jpg"] == "200 bytes; at most 199 are taken of one file"


def test_limits_of_the_whole_are_told_before_anything_is_written(tmp_path):
    path = zipped(tmp_path / "a.zip", *((f"{number}.jpg", b"12345") for number in range(4)))
    with pytest.raises(BadArchive, match="holds 4 files; at most 3 are taken at once: split it"):
        unpack(path, tmp_path / "out", limits=ArchiveLimits(max_entries=3))
    with pytest.raises(
        BadArchive, match="would fill 20 bytes; at most 19 are taken at once: split it"
    ):
        unpack(path, tmp_path / "out", limits=ArchiveLimits(max_total_bytes=19))
    assert not (tmp_path / "out").exists()


def test_a_table_of_contents_that_would_fill_the_memory(tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.zip", *((f"{number}.jpg", b"") for number in range(40)))
    monkeypatch.setattr(archive.zipfile, "ZipFile", lambda path: pytest.fail("was read"))
    with pytest.raises(
        BadArchive, match=r"its table of contents alone has .* bytes, so .* more than the 3 files"
    ):
        unpack(path, tmp_path / "out", limits=ArchiveLimits(max_entries=3))


def test_the_table_of_a_large_zip_is_found(tmp_path):
    path = tmp_path / "a.zip"
    wide = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 10**9, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(wide + locator + end)
    with pytest.raises(BadArchive, match="1,000,000,000 bytes"):
        unpack(path, tmp_path / "out")


def test_a_damaged_file_is_left_out_and_the_rest_taken(tmp_path):
    path = zipped(
        tmp_path / "a.zip", ("a.jpg", b"A" * 50), ("b.jpg", b"B" * 50), packing=zipfile.ZIP_STORED
    )
    path.write_bytes(path.read_bytes().replace(b"A" * 50, b"A" * 49 + b"!"))
    unpacked = unpack(path, tmp_path / "out")
    assert unpacked.names == ("b.jpg",)
    assert "damaged or packed in an unknown way (Bad CRC-32" in reasons(unpacked)["a.jpg"]
    assert files_below(tmp_path / "out") == ["b.jpg"]


def test_a_file_that_holds_more_than_it_says(tmp_path):
    path = zipped(tmp_path / "a.zip", ("a.jpg", os.urandom(300)), packing=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for signature, size_at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        data[data.index(signature) + size_at : data.index(signature) + size_at + 4] = struct.pack(
            "<L", 100
        )
    path.write_bytes(data)
    unpacked = unpack(path, tmp_path / "out")
    assert list(reasons(unpacked)) == ["a.jpg"]
    assert files_below(tmp_path / "out") == []


@pytest.mark.parametrize(
    "data", [b"", b"not a zip", b"PK\x05\x06", b"PK\x05\x06" + b"\xff" * 18, b"\xff" * 100_000]
)
def test_what_is_no_zip(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(BadArchive, match=r"a\.zip: (not a zip|its table|can't be unpacked)"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_what_is_not_there(tmp_path):
    with pytest.raises(BadArchive, match=r"a\.zip: there is no such file"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    with pytest.raises(BadArchive, match="can't be read"):
        unpack(tmp_path, tmp_path / "out")


def test_only_an_empty_folder_is_filled(tmp_path):
    path = zipped(tmp_path / "a.zip", ("a.jpg", b"x"))
    with pytest.raises(BadArchive, match="holds files already"):
        unpack(path, tmp_path)


def test_random_damage_never_raises_anything_else(tmp_path, rng):
    path = zipped(tmp_path / "a.zip", ("labels.csv", b"image,label\n" * 20), ("w/a.jpg", b"A" * 99))
    whole = path.read_bytes()
    for turn in range(300):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 4):
            data[at] = rng.integers(0, 256)
        path.write_bytes(data)
        out = tmp_path / f"out{turn}"
        try:
            unpacked = unpack(path, out)
        except BadArchive:
            continue
        assert files_below(out) == list(unpacked.names)
