"""Recognise raw files of cameras, and TIFFs whose first picture is only a preview.

A raw file holds what the sensor saw, which no reader here understands, and a small preview. An
answer from that preview would look like one from the photo.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from embedding.photos.exif import directory_entries, first_directory
from embedding.photos.photo_files import RAW_SUFFIXES

_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_MAGIC = (b"IIRO", b"IIRS", b"MMOR", b"IIU\x00", b"FUJIFILMCCD-RAW", b"FOVb", b"\x00MRM")
_KIND, _OLD_KIND, _WIDTH, _HEIGHT, _PHOTOMETRIC = 0x00FE, 0x00FF, 0x0100, 0x0101, 0x0106
_BYTE_COUNTS = {0x0117, 0x0145, 0x0202}  # of strips, of tiles, of a JPEG
_SUB_DIRECTORIES, _DNG_VERSION = 0x014A, 0xC612
_SENSOR_COLOURS = {32803, 34892}  # a colour filter array; linear raw
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MOST_DIRECTORIES, _MOST_VALUES = 64, 100_000
_TIMES_LARGER = 4  # in pixels: another page of a scan is never so much larger than the first
_PREVIEW_PX, _TIMES_MORE_BYTES, _SPARE_BYTES = 1024, 4, 65_536


@dataclass(slots=True)
class _Directory:
    """What a TIFF directory says of its picture, and how many bytes it accounts for."""

    width_px: int = 0
    height_px: int = 0
    is_reduced: bool = False
    is_of_sensor: bool = False
    bytes_used: int = 0
    below: list[int] = field(default_factory=list[int])

    @property
    def pixels(self) -> int:
        return self.width_px * self.height_px


def describe_raw(data: bytes, name: str) -> str | None:
    """Say why a file would be read from a preview only; None where it wouldn't be.

    `name` counts for a TIFF alone: by its suffix it may be a camera's raw file.
    """
    if data.startswith(_MAGIC) or data[4:12] == b"ftypcrx " or data[6:14] == b"HEAPCCDR":
        return _advice("a camera's raw file")
    if not data.startswith(_TIFF):
        return None
    directories = list(_directories(data))
    first = directories[0] if directories else _Directory()
    size = f"{first.width_px:,} x {first.height_px:,} px"
    suffix = "." + name.rpartition(".")[2].lower()
    is_raw = suffix in RAW_SUFFIXES or data[8:10] == b"CR"
    if is_raw or any(each.is_of_sensor for each in directories):
        return _advice(f"a camera's raw file, of which only a preview of {size} could be read")
    largest = max(directories, key=lambda each: each.pixels, default=first)
    times = 1 if first.is_reduced else _TIMES_LARGER
    if largest.pixels > times * first.pixels > 0:
        held = f"{largest.width_px:,} x {largest.height_px:,} px"
        return _advice(f"its first picture is a preview of {size} of one of {held}")
    used = sum(each.bytes_used for each in directories)
    is_small = 0 < max(first.width_px, first.height_px) <= _PREVIEW_PX
    if is_small and len(data) > _TIMES_MORE_BYTES * used + _SPARE_BYTES:
        return _advice(f"only a picture of {size} could be read of its {len(data):,} bytes")
    return None


def _advice(what: str) -> str:
    return f"{what}; export the photo as JPEG with the camera's program, and give that"


def _directories(data: bytes) -> Iterator[_Directory]:
    """A TIFF's directories: those in a row, and those below them; none of a BigTIFF."""
    try:
        order, first = first_directory(data)
    except struct.error:
        return
    starts, seen = [first], set[int]()
    while starts and len(seen) < _MOST_DIRECTORIES:
        start = starts.pop(0)
        if start in seen or not 0 < start < len(data):
            continue
        seen.add(start)
        found = _Directory()
        try:
            (count,) = struct.unpack_from(order + "H", data, start)
            _read(data, order, start, found)
            (following,) = struct.unpack_from(order + "I", data, start + 2 + 12 * count)
            starts.append(following)
        except struct.error:  # it ends early: what was found stands
            pass
        starts += found.below
        yield found


def _read(data: bytes, order: str, start: int, found: _Directory) -> None:
    for tag, kind, number, place in directory_entries(data, order, start):
        found.bytes_used += 12 + number * _SIZES.get(kind, 1)
        if tag == _DNG_VERSION:
            found.is_of_sensor = True
        elif tag in _BYTE_COUNTS:
            found.bytes_used += sum(_values(data, order, kind, number, place))
        elif tag == _SUB_DIRECTORIES:
            found.below += _values(data, order, kind, number, place)
        elif tag in {_KIND, _OLD_KIND, _WIDTH, _HEIGHT, _PHOTOMETRIC}:
            value = next(iter(_values(data, order, kind, 1, place)), 0)
            if tag == _WIDTH:
                found.width_px = value
            elif tag == _HEIGHT:
                found.height_px = value
            elif tag == _PHOTOMETRIC:
                found.is_of_sensor |= value in _SENSOR_COLOURS
            else:
                found.is_reduced |= value == 2 if tag == _OLD_KIND else bool(value & 1)


def _values(data: bytes, order: str, kind: int, number: int, place: int) -> list[int]:
    """The numbers of an entry, which stand in it or where it leads; none of other kinds."""
    letter = {1: "B", 3: "H", 4: "I", 13: "I"}.get(kind)
    if letter is None or number > _MOST_VALUES:
        return []
    if number * _SIZES[kind] > 4:
        (place,) = struct.unpack_from(order + "I", data, place)
    try:
        return list(struct.unpack_from(f"{order}{number}{letter}", data, place))
    except struct.error:
        return []
