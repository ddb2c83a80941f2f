"""Directories are read as far as they are there, and no damage makes the reading endless."""

from __future__ import annotations

import struct

import pytest

from index.photos.tiff_directories import EXIF, FIRST, GPS, NEXT, read_directories


def entry(tag: int, kind: int, number: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, number, value)


def directory(*entries: bytes, following: int = 0) -> bytes:
    return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


HEAD = b"II*\x00" + struct.pack("<I", 8)


def test_all_directories_and_where_their_values_lie():
    first = directory(entry(EXIF, 4, 1, 26), following=44)
    data = b"xx" + HEAD + first + directory(entry(0x9003, 2, 8, 62)) + directory(entry(1, 3, 1, 5))
    found = read_directories(data + b"12345678", 2)
    assert found is not None and not found.is_damaged and found.order == "<"
    assert sorted((each.directory, each.tag) for each in found.entries) == [
        (FIRST, EXIF),
        (NEXT, 1),
        (EXIF, 0x9003),
    ]
    (time,) = (each for each in found.entries if each.tag == 0x9003)
    assert (time.first, time.last, time.number) == (64, 72, 8)
    assert sorted(found.spans) == [(2, 10), (10, 28), (28, 46), (46, 64), (64, 72)]


def test_a_bigtiff():
    data = b"MM\x00+" + struct.pack(">HHQ", 8, 0, 16) + struct.pack(">Q", 1)
    data += struct.pack(">HHQQ", GPS, 16, 1, 52) + bytes(8)
    data += struct.pack(">QHHQ8sQ", 1, 1, 2, 2, b"N", 0)
    found = read_directories(data)
    assert found is not None and not found.is_damaged
    assert [(each.directory, each.tag) for each in found.entries] == [(FIRST, GPS), (GPS, 1)]


@pytest.mark.parametrize("data", [b"", b"II*", b"IM*\x00\x08\x00\x00\x00", b"II\x00*"])
def test_no_tiff(data):
    assert read_directories(data) is None


@pytest.mark.parametrize(
    ("data", "entries", "unread"),
    [
        (b"II*\x00", 0, {FIRST}),
        (HEAD, 0, {FIRST}),
        (HEAD + b"\x01", 0, {FIRST}),
        (HEAD + b"\x02\x00" + entry(1, 3, 1, 1), 1, {FIRST}),
        (HEAD + b"\x01\x00" + entry(1, 3, 1, 1), 1, set()),
        (HEAD + directory(entry(1, 3, 1, 1), following=8), 1, {NEXT}),
        (HEAD + directory(entry(GPS, 4, 1, 8)), 1, {GPS}),
        (HEAD + directory(entry(GPS, 4, 1, 0)), 1, {GPS}),
        (HEAD + directory(entry(GPS, 4, 1, 2**32 - 1)), 1, {GPS}),
        (HEAD + directory(entry(GPS, 4, 0, 8)), 1, {GPS}),
        (HEAD + directory(entry(GPS, 2, 1, 8)), 1, {GPS}),
        (HEAD + directory(entry(1, 99, 1, 8)), 1, set()),
        (HEAD + directory(entry(1, 5, 1, 900)), 1, set()),
        (HEAD + b"\xff\xff" + bytes(12 * 65_535), 50_000, {FIRST}),
    ],
)
def test_damage(data, entries, unread):
    found = read_directories(data)
    assert found is not None and found.is_damaged
    assert (len(found.entries), found.unread) == (entries, unread)
