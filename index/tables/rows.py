"""The rows of a CSV: which separator it has, and in which line its header stands."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

SEPARATORS = (",", ";", "\t")
_SEARCHED_ROWS = 20
_HINT = "sep="  # Excel's own first line, which names the separator


@dataclass(frozen=True, slots=True)
class Header:
    """A CSV's header and the separator under which it was found."""

    cells: tuple[str, ...]
    separator: str
    line: int  # where it ends, from 1


Row = tuple[int, list[str]]  # the number of its last line, and its cells


def separator_of(text: str, is_header: Callable[[Sequence[str]], bool]) -> str:
    """Find a CSV's separator: that of a first line `sep=;`, else the one that yields the header.

    Where no separator yields one, it is the one that parts the first row most often.
    """
    named = _named_separator(text)
    if named is not None:
        return named
    first = {each: next(_parsed(text, each), (0, [""]))[1] for each in SEPARATORS}
    for separator, cells in first.items():
        if is_header(_tidy(cells)):
            return separator
    return max(SEPARATORS, key=lambda each: len(first[each]))


def read_rows(text: str, separator: str) -> Iterator[Row]:
    """Read the rows that hold anything, without a first line `sep=;`. Raises csv.Error."""
    has_hint = _named_separator(text) is not None
    for number, row in _parsed(text, separator):
        if not (has_hint and number == 1):
            yield number, row


def header_below(text: str, is_header: Callable[[Sequence[str]], bool]) -> Header | None:
    """Find a header that isn't the first row, as below a title; None where there is none."""
    for separator in SEPARATORS:
        try:
            found = header_within(_parsed(text, separator), is_header)
        except csv.Error:
            continue
        if found is not None:
            return Header(tuple(found[1]), separator, found[0])
    return None


def header_within(rows: Iterable[Row], is_header: Callable[[Sequence[str]], bool]) -> Row | None:
    """Find a header among the rows below the first one; None where there is none."""
    for number, row in islice(rows, 1, _SEARCHED_ROWS):
        if is_header(_tidy(row)):
            return number, _tidy(row)
    return None


def _named_separator(text: str) -> str | None:
    line = next(iter(text[:200].splitlines()), "").strip().strip('"')
    if not line.lower().startswith(_HINT):
        return None
    named = line[len(_HINT) :].strip(" ") or "\t"
    return named if len(named) == 1 and not named.isalnum() and named != '"' else None


def _parsed(text: str, separator: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _tidy(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]
