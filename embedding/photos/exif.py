"""Which way up a photo was taken, when, and by which camera, from its EXIF block; never where.

Pillow would parse every EXIF tag, and warn of any damaged one, to learn the few that matter here.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice

_UPRIGHT = 1
_ORIENTATION_TAG = 0x0112
_EXIF_DIRECTORY_TAG = 0x8769
_TAKEN_AT_TAG = 0x9003  # DateTimeOriginal
_OFFSET_TAG = 0x9011  # OffsetTimeOriginal
_CAMERA_TAGS = (0x010F, 0x0110, 0xA431)  # Make, Model, BodySerialNumber
_ASCII, _SHORT, _LONG = 2, 3, 4
_SCAN, _FILL = 0xDA, 0xFF  # second bytes of a JPEG's markers
_MARK = b"Exif\x00\x00"
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"[+-]([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_LONGEST_TEXT = 100
_SEARCHED_BYTES = 2 * 2**20  # EXIF stands before the pixels, but for some PNG and WebP files
# What a camera never needs, and what a file made to keep us busy is bounded by.
_MOST_BLOCKS, _LONGEST_BLOCK, _MOST_ENTRIES, _MOST_SEGMENTS = 8, 2**20, 1000, 2000
_MARKED = re.compile(
    rb"(?:Exif\x00\x00|eXIf|EXIF.{4}(?:Exif\x00\x00)?)(?:II\*\x00|MM\x00\*)", re.DOTALL
)
# AVIF leaves the mark out: its block begins with how far on the byte order mark is.
_UNMARKED = re.compile(rb"\x00{4}(?:II\*\x00|MM\x00\*)")
# In a JPEG's pixel data 0xFF is never followed by 0xE1, so this can't match there.
_JPEG_EXIF = re.compile(rb"(\xff\xe1(..))Exif\x00\x00", re.DOTALL)


def set_jpeg_exif_aside(jpeg: bytes) -> tuple[bytes, bytes]:
    """Split a JPEG into the same JPEG with its EXIF made unrecognisable, and the EXIF (empty if
    none).
    """
    end = _header_bytes(jpeg)
    match = _JPEG_EXIF.search(jpeg, 0, end)
    if match is None:
        return jpeg, b""
    (length,) = struct.unpack(">H", match[2])
    aside = _JPEG_EXIF.sub(rb"\1-aside", jpeg[:end]) + jpeg[end:]
    return aside, jpeg[match.end() : match.start() + 2 + length]


def _header_bytes(jpeg: bytes) -> int:
    """How many bytes of a JPEG stand before its pixels; all where its segments don't lead there.

    To look through the pixels of a camera's file would take a tenth as long as to decode them.
    """
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if jpeg[at : at + 1] != b"\xff" or at + 4 > len(jpeg):
            break
        marker = jpeg[at + 1]
        if marker == _SCAN:
            return at
        at += 1 if marker == _FILL else 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return len(jpeg)


def orientation(exif: bytes) -> int:
    """Find the orientation, 1..8, in an EXIF block's first directory; 1 (upright) where none can be
    read.
    """
    exif = exif.removeprefix(_MARK)
    try:
        order, start = first_directory(exif)
        for tag, kind, _, place in directory_entries(exif, order, start):
            (value,) = struct.unpack_from(order + "H", exif, place)
            if tag == _ORIENTATION_TAG and kind == _SHORT and 1 <= value <= 8:
                return value
    except struct.error:  # the block ends early; the pixels may still be fine
        return _UPRIGHT
    return _UPRIGHT


def taken_at(photo: bytes) -> str | None:
    """When the camera says that a photo was taken, `2018-06-01T12:30:00`, with its offset from UTC
    where that is there.

    None where the file doesn't say, or says what is no time (a clock that was never set writes
    zeros or spaces).
    """
    for block in _exif_blocks(photo):
        told = _texts(block)
        found = _TIME.fullmatch(told.get(_TAKEN_AT_TAG, ""))
        try:
            at = (
                datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*found.groups())).isoformat()
                if found
                else ""
            )
        except ValueError:  # no such day
            at = ""
        if not at:
            continue
        offset = told.get(_OFFSET_TAG, "")
        if not _OFFSET.fullmatch(offset):
            return at
        return at + ("Z" if offset[1:] == "00:00" else offset)
    return None


def camera_of(photo: bytes) -> str | None:
    """Which camera took a photo: 16 hex digits that are the same for its make, model and number.

    A digest, as a serial number leads to its owner. None where the file names no camera.
    """
    for block in _exif_blocks(photo):
        told = {**_first_texts(block), **_texts(block)}
        parts = [told.get(tag, "") for tag in _CAMERA_TAGS]
        if any(parts):
            return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return None


def _exif_blocks(photo: bytes) -> Iterator[bytes]:
    """Where a file may keep its EXIF, from the byte order mark on."""
    if photo.startswith((b"II*\x00", b"MM\x00*")):  # a TIFF is one
        yield photo
    # JPEG, WebP and HEIC mark it themselves; PNG has a chunk for it.
    is_jpeg = photo.startswith(b"\xff\xd8")
    searched = photo[: min(_SEARCHED_BYTES, _header_bytes(photo) if is_jpeg else len(photo))]
    ways = [_MARKED, _UNMARKED] if photo[4:8] == b"ftyp" else [_MARKED]
    marks = chain.from_iterable(way.finditer(searched) for way in ways)
    for found in islice(marks, _MOST_BLOCKS):
        yield photo[found.end() - 4 : found.end() - 4 + _LONGEST_BLOCK]


def _texts(exif: bytes) -> dict[int, str]:
    """The texts of a block's EXIF directory by tag; empty where there is none."""
    try:
        order, first = first_directory(exif)
        entries = directory_entries(exif, order, first)
        place = next(
            (
                place
                for tag, kind, _, place in entries
                if (tag, kind) == (_EXIF_DIRECTORY_TAG, _LONG)
            ),
            None,
        )
        if place is None:
            return {}
        (start,) = struct.unpack_from(order + "I", exif, place)
    except struct.error:
        return {}
    return _directory_texts(exif, order, start)


def _first_texts(exif: bytes) -> dict[int, str]:
    """The texts of a block's first directory by tag; empty where there is none."""
    try:
        return _directory_texts(exif, *first_directory(exif))
    except struct.error:
        return {}


def _directory_texts(exif: bytes, order: str, start: int) -> dict[int, str]:
    texts: dict[int, str] = {}
    try:
        for own, of_kind, length, led in directory_entries(exif, order, start):
            # Shorter ones lie in the entry itself.
            if of_kind == _ASCII and 4 < length <= _LONGEST_TEXT:
                (at,) = struct.unpack_from(order + "I", exif, led)
                texts[own] = (
                    exif[at : at + length].split(b"\x00")[0].decode("ascii", "replace").strip()
                )
    except struct.error:  # the block ends early: what was found stands
        pass
    return texts


def first_directory(exif: bytes) -> tuple[str, int]:
    """A block's byte order, `<` or `>`, and where its first directory is.

    Raises struct.error where it is none.
    """
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        raise struct.error("no EXIF block")
    return order, struct.unpack_from(order + "I", exif, 4)[0]


def directory_entries(exif: bytes, order: str, start: int) -> Iterator[tuple[int, int, int, int]]:
    """A directory's entries: tag, kind, count, and where its value or the way to it stands."""
    (count,) = struct.unpack_from(order + "H", exif, start)
    for position in range(start + 2, start + 2 + 12 * min(count, _MOST_ENTRIES), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", exif, position)
        yield tag, kind, number, position + 8
