"""Walk the directories of a TIFF, or of EXIF, which is one; no damage in them leads outside."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

FIRST, NEXT = 0, 1  # the first directory, and those chained to it; others go by their pointer's tag
EXIF, GPS = 0x8769, 0x8825
_POINTERS = {EXIF, GPS, 0xA005, 0x014A}  # and of interoperability, and of parts of a picture
_HEADERS = {b"II*\x00": "<", b"MM\x00*": ">", b"II+\x00": "<", b"MM\x00+": ">"}
_VALUE_BYTES = {
    kind: length
    for length, kinds in {1: (1, 2, 6, 7), 2: (3, 8), 4: (4, 9, 11, 13)}.items()
    for kind in kinds
} | dict.fromkeys((5, 10, 12, 16, 17, 18), 8)
_MOST_ENTRIES = 50_000


class Entry(NamedTuple):
    """One entry of a directory; its value lies at `first` to `last`, maybe beyond the file."""

    directory: int
    tag: int
    kind: int
    number: int  # of values
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Directories:
    """What the directories of one TIFF hold.

    `unread`: the directories that aren't where a pointer leads. `spans`: first and last byte of the
    header, of each directory and of each longer value.
    """

    order: str  # struct's: < or >
    entries: tuple[Entry, ...]
    spans: tuple[tuple[int, int], ...]
    unread: frozenset[int]
    is_damaged: bool


def read_directories(data: bytes, start: int = 0) -> Directories | None:
    """Read every directory of the TIFF or BigTIFF that begins at `start`; None where none does.

    All offsets in the answer count from the file's beginning. Of a damaged directory the entries
    are there that are in the file.
    """
    order = _HEADERS.get(data[start : start + 4])
    if order is None:
        return None
    walk = _Walk(data, start, order)
    walk.run()
    return Directories(
        order, tuple(walk.entries), tuple(walk.spans), frozenset(walk.unread), walk.is_damaged
    )


class _Walk:
    def __init__(self, data: bytes, start: int, order: str) -> None:
        self.entries: list[Entry] = []
        self.unread: set[int] = set()
        self.is_damaged = False
        self._data, self._start, self._order = data, start, order
        is_big = b"+" in data[start : start + 4]
        self._header, self._count, self._offset = (
            (16, "Q", struct.Struct(order + "Q"))
            if is_big
            else (8, "H", struct.Struct(order + "I"))
        )
        self._entry = struct.Struct(order + ("HHQ8s" if is_big else "HHI4s"))
        self.spans = [(start, start + self._header)]

    def run(self) -> None:
        waiting = [(FIRST, self._number(self._offset, self._start + self._header // 2))]
        seen: set[int] = set()
        while waiting:
            directory, at = waiting.pop()
            if at is None or at < self._header or at in seen:
                self._fail(directory)
                continue
            seen.add(at)
            waiting += self._read(directory, self._start + at)

    def _read(self, directory: int, at: int) -> list[tuple[int, int | None]]:
        """Read one directory, and return those that it leads to."""
        counter = struct.Struct(self._order + self._count)
        count = self._number(counter, at)
        if count is None:
            self._fail(directory)
            return []
        leads: list[tuple[int, int | None]] = []
        place = at + counter.size
        for _ in range(count):
            if place + self._entry.size > len(self._data) or len(self.entries) >= _MOST_ENTRIES:
                self._fail(directory)
                return leads
            entry = self._entry_at(directory, place)
            self.entries.append(entry)
            if entry.tag in _POINTERS:
                leads += self._directories_of(entry)
            place += self._entry.size
        following = self._number(self._offset, place)
        self.spans.append((at, place + self._offset.size))
        if following:
            leads.append((directory or NEXT, following))
        elif following is None:
            self.is_damaged = True  # cut off behind the entries, which stand
        return leads

    def _entry_at(self, directory: int, place: int) -> Entry:
        tag, kind, count, value = self._entry.unpack_from(self._data, place)
        length = _VALUE_BYTES.get(kind, 1) * count
        first = place + self._entry.size - len(value)
        if length > len(value):
            first = self._start + self._offset.unpack(value)[0]
            self.spans.append((first, first + length))
        if kind not in _VALUE_BYTES or first + length > len(self._data):
            self.is_damaged = True
        return Entry(directory, tag, kind, count, first, first + length)

    def _directories_of(self, entry: Entry) -> list[tuple[int, int | None]]:
        width = _VALUE_BYTES.get(entry.kind, 1)
        if width not in (4, 8) or not 1 <= entry.number <= _MOST_ENTRIES:
            self._fail(entry.tag)
            return []
        number = struct.Struct(self._order + ("I" if width == 4 else "Q"))
        places = range(entry.first, entry.last, width)
        return [(entry.tag, self._number(number, place)) for place in places]

    def _number(self, kind: struct.Struct, at: int) -> int | None:
        if not 0 <= at <= len(self._data) - kind.size:
            return None
        return int(kind.unpack_from(self._data, at)[0])

    def _fail(self, directory: int) -> None:
        self.is_damaged = True
        self.unread.add(directory)
