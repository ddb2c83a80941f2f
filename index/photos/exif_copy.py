"""Write EXIF anew from those of its values that can't say where a photo was taken."""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from typing import NamedTuple

from embedding.photos.exif import orientation, taken_at
from index.photos.place_texts import has_place_text
from index.photos.tiff_directories import EXIF, FIRST, Directories, Entry, read_directories

_ORIENTATION, _TIME, _OFFSET = 0x0112, 0x9003, 0x9011
# Make, model, orientation, resolution, software, date, artist, how colours lie, copyright.
_FIRST_TAGS = {
    *(0x010F, 0x0110, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x0213, 0x8298),
    EXIF,
}
# Exposure, dates, the light, the lens, the size: no notes of the maker, no comments, no owner.
_EXIF_TAGS = {
    *(0x829A, 0x829D, 0x8822, 0x8827, *range(0x8830, 0x8836), 0x9000, 0x9003, 0x9004),
    *(*range(0x9010, 0x9013), 0x9101, 0x9102, *range(0x9201, 0x920B), *range(0x9290, 0x9293)),
    *(*range(0xA000, 0xA004), *range(0xA20E, 0xA211), 0xA217, 0xA300, 0xA301),
    *(*range(0xA401, 0xA40B), 0xA40C, 0xA432, 0xA433, 0xA434),
}
_TEXT, _SHORT, _LONG = 2, 3, 4
_BYTES = {1, 6, 7}  # kinds that may hold anything: 8 of them are no place
_MOST_BYTES, _LONGEST_NUMBERS, _LONGEST_TEXT = 8, 64, 200
_ISO_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(.*)")


class _Value(NamedTuple):
    tag: int
    kind: int
    number: int
    value: bytes


def exif_without_place(exif: bytes) -> bytes:
    """The values of an EXIF block, from its byte order mark on, that can't say where it was taken.

    The very same block where it has no others. Of a damaged block the orientation and the time
    stay, as far as they can be read; empty where neither can.
    """
    found = read_directories(exif)
    if found is None or b"+" in exif[:4]:
        return b""
    # Damage can make anything the value of a harmless tag.
    is_whole = not found.is_damaged and not _has_overlap(found)
    copied = [each for each in found.entries if _is_harmless(exif, each)] if is_whole else []
    if is_whole and len(copied) == len(found.entries) and not _has_gaps(exif, found):
        return exif
    if not is_whole:
        return new_exif(orientation(exif), taken_at(exif))
    first, more = (
        [
            _Value(each.tag, each.kind, each.number, exif[each.first : each.last])
            for each in copied
            if each.directory == directory and each.tag not in {EXIF, _ORIENTATION}
        ]
        for directory in (FIRST, EXIF)
    )
    return _block(found.order, orientation(exif), first, more)


def new_exif(turn: int, at: str | None) -> bytes:
    """An EXIF block of an orientation and a time, as `taken_at` writes it; empty without both."""
    more: list[_Value] = []
    told = _ISO_TIME.fullmatch(at or "")
    if told:
        texts = {_TIME: f"{told[1]}:{told[2]}:{told[3]} {told[4]}", _OFFSET: told[5]}
        more = [
            _Value(tag, _TEXT, len(text) + 1, text.encode() + b"\x00")
            for tag, text in texts.items()
            if text
        ]
    return _block("<", turn, [], more)


def _block(order: str, turn: int, first: list[_Value], more: list[_Value]) -> bytes:
    if turn == 1 and not first and not more:
        return b""
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    head = mark + struct.pack(order + "I", 8)
    first = [*first, _Value(_ORIENTATION, _SHORT, 1, struct.pack(order + "H", turn))]
    if not more:
        return head + _directory(order, 8, first)
    # The pointer's own value doesn't change how long the first directory is.
    size = len(_directory(order, 8, [*first, _Value(EXIF, _LONG, 1, bytes(4))]))
    pointer = _Value(EXIF, _LONG, 1, struct.pack(order + "I", 8 + size))
    return head + _directory(order, 8, [*first, pointer]) + _directory(order, 8 + size, more)


def _directory(order: str, at: int, values: list[_Value]) -> bytes:
    """One directory that begins at `at`, and the longer values behind it."""
    entries, behind = struct.pack(order + "H", len(values)), b""
    start = at + 2 + 12 * len(values) + 4
    for each in sorted(values):
        entries += struct.pack(order + "HHI", each.tag, each.kind, each.number)
        if len(each.value) <= 4:
            entries += each.value.ljust(4, b"\x00")
        else:
            entries += struct.pack(order + "I", start + len(behind))
            behind += each.value + b"\x00" * (len(each.value) % 2)
    return entries + bytes(4) + behind


def _is_harmless(exif: bytes, entry: Entry) -> bool:
    if entry.tag not in {FIRST: _FIRST_TAGS, EXIF: _EXIF_TAGS}.get(entry.directory, ()):
        return False
    value = exif[entry.first : entry.last]
    if entry.kind == _TEXT:
        return len(value) <= _LONGEST_TEXT and _is_plain(value) and not has_place_text(value)
    return len(value) <= (_MOST_BYTES if entry.kind in _BYTES else _LONGEST_NUMBERS)


def _is_plain(value: bytes) -> bool:
    try:
        return value.rstrip(b"\x00").decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def _has_overlap(found: Directories) -> bool:
    spans = sorted(span for span in found.spans if span[0] < span[1])
    return any(last > first for (_, last), (first, _) in pairwise(spans))


def _has_gaps(exif: bytes, found: Directories) -> bool:
    """Whether something lies between the values, where no entry leads."""
    rest = bytearray(exif)
    for first, last in found.spans:
        rest[first:last] = bytes(len(rest[first:last]))
    return any(rest)
