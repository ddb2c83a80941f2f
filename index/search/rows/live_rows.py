"""Vectors in groups that share their live columns: those where some of their numbers isn't 0.

A checkpoint of several experts leaves the numbers of the silent ones at 0. The product over those
columns is 0 exactly, so neither memory nor time is spent on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.search.vectors import FloatArray

Rows = NDArray[np.int64]

_WIDTH = 8  # columns that are looked at together: shorter runs of zeros are kept
_CHUNK_ROWS = 4096  # rows whose live columns are found at a time
_FLOAT64_ROWS = 2048  # rows turned into float64 at a time: a copy of all would be twice the rows
_MOST_GROUPS = 12
_FEWEST_ROWS = 256  # a smaller group isn't worth a search of its own
_LEAST_SHARE = 128  # nor one that is less than this part of all rows


@dataclass(frozen=True, eq=False, slots=True)
class LiveGroup:
    """Rows (g,), ascending, of which only `columns` (l,) are live, and these numbers (g, l)."""

    rows: Rows
    columns: Rows
    vectors: FloatArray

    def of(self, queries: NDArray[np.floating]) -> NDArray[np.floating]:
        """The group's columns of queries (n, d): (n, l), contiguous."""
        if len(self.columns) == queries.shape[1]:
            return queries
        return np.ascontiguousarray(queries[:, self.columns])


class LiveRows:
    """The rows (m, d) of a matrix, stored by groups. Never changes."""

    def __init__(self, groups: Sequence[LiveGroup], size: int, dimension: int) -> None:
        """Use `of`, `collect` or `take`."""
        self.groups = tuple(groups)
        self.size = size
        self.dimension = dimension

    @classmethod
    def of(cls, vectors: FloatArray) -> LiveRows:
        """Store rows (m, d). Where all columns are live in all rows, they are not copied."""
        size, dimension = len(vectors), int(vectors.shape[1])
        blocks = _live_blocks(vectors[:_CHUNK_ROWS])
        if size and len(blocks) == size and blocks.all():
            every: Rows = np.arange(size)
            columns: Rows = np.arange(dimension)
            return cls([LiveGroup(every, columns, np.ascontiguousarray(vectors))], size, dimension)
        starts = range(0, size, _CHUNK_ROWS)
        return cls.collect((vectors[start : start + _CHUNK_ROWS] for start in starts), dimension)

    @classmethod
    def collect(cls, chunks: Iterable[FloatArray], dimension: int) -> LiveRows:
        """Store the rows of chunks (r, d), one after the other; never all of them unreduced."""
        found: dict[bytes, list[tuple[Rows, FloatArray]]] = {}
        size = 0
        for chunk in chunks:
            blocks = _live_blocks(chunk)
            packed = np.packbits(blocks, axis=1)
            kinds = packed.view(f"V{packed.shape[1]}").ravel() if packed.size else packed[:, 0:0]
            for kind in set(kinds.tolist()) if packed.size else ():
                own = np.flatnonzero(kinds == np.void(kind))
                columns = _columns_of(kind, dimension)
                found.setdefault(kind, []).append((size + own, chunk[np.ix_(own, columns)]))
            size += len(chunk)
        groups = list[LiveGroup]()
        for kind in list(found):
            parts = found.pop(kind)
            rows = np.concatenate([rows for rows, _ in parts])
            vectors = np.concatenate([vectors for _, vectors in parts])
            groups.append(LiveGroup(rows, _columns_of(kind, dimension), vectors))
        return cls(_merge_small(groups, size), size, dimension)

    @property
    def nbytes(self) -> int:
        """The memory that the numbers take."""
        return sum(group.vectors.nbytes for group in self.groups)

    def dense(self, rows: Rows | None = None) -> FloatArray:
        """The whole rows (r, d), zeros included; None: all of them, not copied where possible."""
        if rows is None:
            whole = len(self.groups) == 1 and len(self.groups[0].columns) == self.dimension
            if whole and len(self.groups[0].rows) == self.size:
                return self.groups[0].vectors
            rows = np.arange(self.size)
        found = np.zeros((len(rows), self.dimension), np.float32)
        for group in self.groups:
            at, within = _places_of(group, rows)
            found[at[:, None], group.columns] = group.vectors[within]
        return found

    def take(self, rows: Rows) -> LiveRows:
        """Store rows (r,) of these, in the order that is given."""
        groups = list[LiveGroup]()
        for group in self.groups:
            at, within = _places_of(group, rows)
            if len(at):
                groups.append(LiveGroup(at, group.columns, group.vectors[within]))
        return LiveRows(groups, len(rows), self.dimension)

    def joined(self, other: LiveRows, order: Rows) -> LiveRows:
        """Store rows of these, and of `other` (numbered from `size` on), in one order (r,)."""
        groups = dict[bytes, list[LiveGroup]]()
        for rows, first in ((self, 0), (other, self.size)):
            for group in rows.groups:
                at, within = _places_of(group, order - first)
                if len(at):
                    part = LiveGroup(at, group.columns, group.vectors[within])
                    groups.setdefault(group.columns.tobytes(), []).append(part)
        merged = [_in_columns(parts, parts[0].columns) for parts in groups.values()]
        dimension = self.dimension if self.size else other.dimension
        return LiveRows(_merge_small(merged, len(order)), len(order), dimension)

    def products(self, queries: NDArray[np.floating]) -> NDArray[np.float64]:
        """Multiply queries (n, d) with all rows in float64: (n, m)."""
        products = np.zeros((len(queries), self.size))
        for group in self.groups:
            own = group.of(queries).astype(np.float64)
            for start in range(0, len(group.rows), _FLOAT64_ROWS):
                part = slice(start, start + _FLOAT64_ROWS)
                products[:, group.rows[part]] = own @ group.vectors[part].astype(np.float64).T
        return products


def _live_blocks(vectors: FloatArray) -> NDArray[np.bool_]:
    """Which runs of columns (r, blocks) hold a number other than 0."""
    starts: Rows = np.arange(0, int(vectors.shape[1]), _WIDTH)
    if not len(starts):
        return np.zeros((len(vectors), 0), np.bool_)
    return np.logical_or.reduceat(vectors != 0, starts, axis=1)


def _columns_of(kind: bytes, dimension: int) -> Rows:
    """The live columns of packed blocks."""
    blocks = np.unpackbits(np.frombuffer(kind, np.uint8)).astype(np.bool_)
    return np.flatnonzero(np.repeat(blocks, _WIDTH)[:dimension])


def _places_of(group: LiveGroup, rows: Rows) -> tuple[Rows, Rows]:
    """Which of `rows` (r,) are of the group, and where each stands in it."""
    within = np.searchsorted(group.rows, rows)
    within[within == len(group.rows)] = 0
    at = np.flatnonzero(group.rows[within] == rows) if len(group.rows) else within[:0]
    return at, within[at]


def _merge_small(groups: Sequence[LiveGroup], size: int) -> list[LiveGroup]:
    """Join groups that are too small to be searched alone to one that has their columns too."""
    least = max(_FEWEST_ROWS, size // _LEAST_SHARE)
    by_size = sorted(groups, key=lambda group: (-len(group.rows), group.columns.tobytes()))
    kept = [group for group in by_size[:_MOST_GROUPS] if len(group.rows) >= least] or by_size[:1]
    joining: list[list[LiveGroup]] = [[group] for group in kept]
    rest = list[LiveGroup]()
    for small in by_size[len(kept) :]:
        wider = [at for at, group in enumerate(kept) if np.isin(small.columns, group.columns).all()]
        if wider:
            joining[min(wider, key=lambda at: len(kept[at].columns))].append(small)
        else:
            rest.append(small)
    merged = [_in_columns(parts, parts[0].columns) for parts in joining]
    if rest:
        columns = np.unique(np.concatenate([group.columns for group in rest]))
        merged.append(_in_columns(rest, columns))
    return merged


def _in_columns(parts: Sequence[LiveGroup], columns: Rows) -> LiveGroup:
    """Make one group of several, in columns that include theirs."""
    if len(parts) == 1 and len(parts[0].columns) == len(columns):
        return parts[0]
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows))
    vectors = np.zeros((len(rows), len(columns)), np.float32)
    start = 0
    for part in parts:
        stop = start + len(part.rows)
        if len(part.columns) == len(columns):
            vectors[place[start:stop]] = part.vectors
        else:
            within = np.searchsorted(columns, part.columns)
            vectors[place[start:stop, None], within] = part.vectors
        start = stop
    return LiveGroup(rows[order], columns, vectors)
