"""Remove the place from a photo's file: EXIF's GPS directory and XMP's GPS values."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_GPS_POINTER = 0x8825
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_JPEG_EXIF = re.compile(rb"\xff\xe1..Exif\x00\x00", re.DOTALL)
_TIFF_START = re.compile(rb"II\*\x00|MM\x00\*")
# Makers of drones write GpsLatitude, and one GpsLongtitude.
_XMP_VALUE = re.compile(
    rb"(GPS(?:Latitude|Longt?itude|Altitude|Dest)\w*\s*(?:=\s*[\"']|>))([^\"'<]{0,200})",
    re.IGNORECASE,
)
# Latitude, longitude, both of what was aimed at, the area's name; a version alone tells nothing.
_PLACE_TAGS = {2, 4, 20, 22, 28}
_PNG = b"\x89PNG\r\n\x1a\n"
_PACKED_TEXT = re.compile(rb"zTXt|iTXt[^\x00]{1,79}\x00\x01|Raw profile type")


def without_place(data: bytes) -> bytes | None:
    """The photo's bytes without the place, of the same length.

    The very same bytes where there is none.

    None where a place is there but can't be taken out: of other formats than JPEG.
    """
    if data.startswith(_PNG) and _PACKED_TEXT.search(data):
        return None  # nobody knows what is in it without unpacking
    cleaned = bytearray(_XMP_VALUE.sub(lambda found: found[1] + b" " * len(found[2]), data))
    is_jpeg = data.startswith(b"\xff\xd8")
    starts = (found.end() for found in _JPEG_EXIF.finditer(data)) if is_jpeg else _tiff_starts(data)
    for start in starts:
        for first, last in _place_bytes(data, start):
            if not is_jpeg:
                return None
            cleaned[first:last] = bytes(last - first)
    without = bytes(cleaned)
    if without == data:
        return data
    return without if is_jpeg else None


def has_place(data: bytes) -> bool:
    """Whether a photo's file tells where it was taken, in EXIF or XMP.

    Also where packed texts of a PNG hide that.
    """
    if data.startswith(_PNG) and _PACKED_TEXT.search(data):
        return True
    if any(found[2].strip() for found in _XMP_VALUE.finditer(data)):
        return True
    is_jpeg = data.startswith(b"\xff\xd8")
    starts = (found.end() for found in _JPEG_EXIF.finditer(data)) if is_jpeg else _tiff_starts(data)
    return any(_exif_has_place(data, start) for start in starts)


def _exif_has_place(data: bytes, start: int) -> bool:
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[start : start + 4])
    if order is None:
        return False
    try:
        (first,) = struct.unpack_from(order + "I", data, start + 4)
        pointers = [
            at for tag, _, _, at, _ in _entries(data, start, first, order) if tag == _GPS_POINTER
        ]
        tags = {tag for at in pointers for tag, *_ in _entries(data, start, at, order)}
    except struct.error:
        return False
    return bool(tags & _PLACE_TAGS)


def _tiff_starts(data: bytes) -> Iterator[int]:
    yield from (found.start() for found in _TIFF_START.finditer(data))


def _place_bytes(data: bytes, start: int) -> list[tuple[int, int]]:
    """Where, in a file whose EXIF begins at `start`, the GPS directory and its values are."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[start : start + 4])
    found: list[tuple[int, int]] = []
    if order is None:
        return found
    try:
        (first,) = struct.unpack_from(order + "I", data, start + 4)
        for tag, _, _, pointer, _ in _entries(data, start, first, order):
            if tag == _GPS_POINTER:
                found += _directory_bytes(data, start, pointer, order)
    except struct.error:  # the block ends early: what is beyond it nobody can read
        pass
    return found


def _directory_bytes(data: bytes, start: int, at: int, order: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for _, kind, count, value, place in _entries(data, start, at, order):
        length = _TYPE_BYTES.get(kind, 1) * count
        found.append((place, place + 12))
        if 4 < length <= len(data) - start - value:
            found.append((start + value, start + value + length))
    return [*found, (start + at, start + at + 2)] if found else []  # and its count


def _entries(
    data: bytes, start: int, at: int, order: str
) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield a directory's entries.

    Each is tag, type, count, value or where it is, and the entry's own place in the file.
    """
    (count,) = struct.unpack_from(order + "H", data, start + at)
    for place in range(start + at + 2, start + at + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from(order + "HHII", data, place)
        yield tag, kind, number, value, place
