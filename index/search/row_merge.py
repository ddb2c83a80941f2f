"""Remove and insert rows of a sorted table by copying runs of rows, without sorting again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Piece(NamedTuple):
    """Rows from `start` to `stop`, of those before or of those that are added."""

    start: int
    stop: int
    is_added: bool


def make_pieces(
    remaining: NDArray[np.int64], places: Sequence[int], added: Sequence[int]
) -> list[Piece]:
    """The rows that are kept, in runs, with each of the `added` before the kept row at its place.

    Both ascend.
    """
    cuts = sorted(
        {0, len(remaining), *places, *(np.flatnonzero(np.diff(remaining) != 1) + 1).tolist()}
    )
    coming = list(zip(places, added, strict=True))
    pieces: list[Piece] = []
    at = 0
    for start, stop in zip(cuts, [*cuts[1:], len(remaining) + 1], strict=True):
        while at < len(coming) and coming[at][0] == start:
            pieces.append(Piece(coming[at][1], coming[at][1] + 1, True))
            at += 1
        if start < len(remaining):
            pieces.append(Piece(int(remaining[start]), int(remaining[stop - 1]) + 1, False))
    return pieces


def splice_names(before: Sequence[str], added: Sequence[str], pieces: Sequence[Piece]) -> list[str]:
    """The words of the pieces, one after the other."""
    return list(
        chain.from_iterable(
            (added if is_added else before)[start:stop] for start, stop, is_added in pieces
        )
    )
