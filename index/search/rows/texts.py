"""Many texts as one array of bytes, which may lie in a mapped file and is decoded as it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

_TAKEN_AT_ONCE = 65_536  # each byte that is taken needs eight more while it is


class Texts(Sequence[str]):
    """Texts (n) in UTF-8, one after the other in `data`; text i is from bounds[i] to bounds[i + 1].

    Never changes. Reading one costs the same wherever it stands.
    """

    def __init__(self, data: NDArray[np.uint8], bounds: NDArray[np.int64]) -> None:
        """Hold arrays that fit each other; use `of` for texts."""
        self.data = data
        self.bounds = bounds
        # Of a memoryview a slice costs a fifth of what it costs of an array.
        self._data, self._bounds = data.data, bounds.data

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Store texts."""
        encoded = [text.encode() for text in texts]
        bounds = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(each) for each in encoded], out=bounds[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), bounds)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        """One text, or a list of those of a slice."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(f"there is no text {at} among {len(self)}")
        at %= len(self)
        return str(self._data[self._bounds[at] : self._bounds[at + 1]], "utf-8")

    def __iter__(self) -> Iterator[str]:
        """All of them."""
        data = self._data
        return (str(data[start:stop], "utf-8") for start, stop in pairwise(self.bounds.tolist()))

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """Store some of these, in the order that is given."""
        lengths = np.diff(self.bounds)[rows]
        bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        data = np.empty(int(bounds[-1]), np.uint8)
        for start in range(0, len(rows), _TAKEN_AT_ONCE):
            part = slice(start, start + _TAKEN_AT_ONCE)
            first, last = int(bounds[start]), int(bounds[min(part.stop, len(rows))])
            moved = self.bounds[:-1][rows[part]] - bounds[:-1][part]
            data[first:last] = self.data[np.repeat(moved, lengths[part]) + np.arange(first, last)]
        return Texts(data, bounds)

    def joined(self, other: Texts) -> Texts:
        """Store these, and then those of another."""
        bounds = np.concatenate([self.bounds, other.bounds[1:] + self.bounds[-1]])
        return Texts(np.concatenate([self.data, other.data]), bounds)
