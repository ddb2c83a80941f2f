"""Photos sorted by (individual, photo name), and a few changes of them that copy no other row.

A segment never changes. A change adds to a second, small segment and notes which rows of the first
are gone: it costs what the changes since the last compaction cost, not what the catalogue costs.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from index.search.centroids import centres_of, sums_of
from index.search.engine import ROW_STEP, RowEngine, SearchPart, build_engine
from index.search.row_merge import Piece, make_pieces, splice_names
from index.search.rows.live_rows import LiveRows
from index.search.vectors import FloatArray

Rows = NDArray[np.int64]

_NONE: Rows = np.zeros(0, np.int64)
_CENTRES_AT_ONCE = 1024  # individuals whose photos are dense at a time
_SMALL_CHANGE = 1024  # photos that have changed before a compaction is worth its time
_MOST_CHANGED = 4  # so many times what is worth a compaction, and a change compacts at once


class Segment:
    """Rows sorted by individual and photo name, with their vectors. Never changes."""

    photo_names: Sequence[str]  # m, the row order
    individual_ids: list[str]  # c, sorted, each once
    columns: NDArray[np.int32]  # (m,) whose photo each row is
    starts: Rows  # (c,) first row of each

    def __init__(
        self,
        photo_names: Sequence[str],
        individual_ids: list[str],
        starts: Rows,
        engine: RowEngine,
        by_name: NDArray[np.int32] | None = None,
    ) -> None:
        """Hold rows that are already sorted, of individuals whose first rows are `starts`.

        `by_name` where that is known; use `of` for parallel rows.
        """
        self._by_name = by_name
        self.photo_names = photo_names
        self.individual_ids = individual_ids
        self.starts = starts
        counts = np.diff(np.append(starts, len(photo_names)))
        self.columns = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        self.rows = engine.rows
        self.engine = engine

    @classmethod
    def of(
        cls,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        engine: RowEngine,
        by_name: NDArray[np.int32] | None = None,
    ) -> Segment:
        """Make one of parallel rows that are already sorted."""
        ids, starts = list[str](), list[int]()
        at = 0
        for individual, own in groupby(individuals):
            ids.append(individual)
            starts.append(at)
            at += sum(1 for _ in own)
        return cls(list(photo_names), ids, np.array(starts, np.int64), engine, by_name)

    @property
    def size(self) -> int:
        """m, the number of rows."""
        return len(self.photo_names)

    @cached_property
    def individuals(self) -> list[str]:
        """Whose photo each row is."""
        return [self.individual_ids[column] for column in self.columns.tolist()]

    @cached_property
    def column_of(self) -> Mapping[str, int]:
        """Each individual's place among `individual_ids`."""
        return {individual: at for at, individual in enumerate(self.individual_ids)}

    @cached_property
    def by_name(self) -> NDArray[np.int32]:
        """The rows in the order of their photos' names."""
        if self._by_name is not None:
            return self._by_name
        return np.array(sorted(range(self.size), key=self.photo_names.__getitem__), np.int32)

    @cached_property
    def centres(self) -> LiveRows:
        """Each individual's mean direction, a row each."""
        return LiveRows.collect(self._centre_chunks(), self.rows.dimension)

    def _centre_chunks(self) -> Generator[FloatArray]:
        for first in range(0, len(self.starts), _CENTRES_AT_ONCE):
            starts = self.starts[first : first + _CENTRES_AT_ONCE]
            last = first + len(starts)
            stop = int(self.starts[last]) if last < len(self.starts) else self.size
            own: Rows = np.arange(int(starts[0]), stop)
            vectors = self.rows.dense(own)
            yield centres_of(sums_of(vectors, starts - starts[0])).astype(np.float32)

    def narrowed(self, rows: Rows) -> Segment:
        """The segment of some of these rows, ascending."""
        names = [self.photo_names[row] for row in rows.tolist()]
        whose = [self.individual_of(row) for row in rows.tolist()]
        return Segment.of(names, whose, self.engine.narrowed(rows))

    def prepare(self) -> None:
        """Make now what the first change would else wait for."""
        assert len(self.by_name) == self.size
        assert len(self.column_of) == len(self.individual_ids)

    def individual_of(self, row: int) -> str:
        """Whose photo a row is."""
        return self.individual_ids[int(self.columns[row])]

    def row_of(self, photo_name: str) -> int | None:
        """The row of a photo; None where it isn't there."""

        def name_at(at: int) -> str:
            return self.photo_names[int(self.by_name[at])]

        at = bisect.bisect_left(range(self.size), photo_name, key=name_at)
        return int(self.by_name[at]) if at < self.size and name_at(at) == photo_name else None

    def rows_of(self, individual: str) -> range:
        """An individual's rows, none where it isn't there."""
        column = self.column_of.get(individual)
        if column is None:
            return range(0)
        last = column + 1 == len(self.starts)
        return range(int(self.starts[column]), self.size if last else int(self.starts[column + 1]))

    def place(self, individual: str, photo_name: str) -> int:
        """Before which row a photo comes."""
        own = self.rows_of(individual)
        if own:
            return bisect.bisect_left(self.photo_names, photo_name, own.start, own.stop)
        column = bisect.bisect_left(self.individual_ids, individual)
        return int(self.starts[column]) if column < len(self.starts) else self.size


@dataclass(frozen=True, eq=False)
class ChangedSegment:
    """A segment of which some rows are `gone`, ascending, and a second one of those `added`.

    `places` (a,) say before which row of the first each of the second comes. Never changes. A row
    of the two together has its number in the first, or `base.size` more than that in the second.
    """

    base: Segment
    gone: Rows
    added: Segment
    places: Rows

    @classmethod
    def of(cls, base: Segment) -> ChangedSegment:
        """A segment without changes."""
        return cls(base, _NONE, no_photos(base.rows.dimension), _NONE)

    @property
    def size(self) -> int:
        """How many photos are there."""
        return self.base.size - len(self.gone) + self.added.size

    @property
    def changed(self) -> int:
        """How many rows are gone or added."""
        return len(self.gone) + self.added.size

    @property
    def is_worth_compacting(self) -> bool:
        """Whether so much has changed that one segment of all is worth its time."""
        return self.changed > _SMALL_CHANGE + 2 * math.isqrt(self.base.size)

    @cached_property
    def individual_count(self) -> int:
        """How many individuals have a photo."""
        ids = self.added.individual_ids
        return (
            len(self.base.individual_ids)
            + sum(one not in self.base.column_of for one in ids)
            - sum(
                self.base.individual_ids[column] not in self.added.column_of
                for column in self._emptied
            )
        )

    @cached_property
    def _emptied(self) -> list[int]:
        """The columns of the first segment of which no row is left."""
        columns, counts = np.unique(self.base.columns[self.gone], return_counts=True)
        stops = np.append(self.base.starts[1:], self.base.size)
        return columns[counts == (stops - self.base.starts)[columns]].tolist()

    @cached_property
    def individual_ids(self) -> list[str]:
        """All individuals that have a photo, sorted."""
        if not self.changed:
            return self.base.individual_ids
        emptied = {self.base.individual_ids[column] for column in self._emptied}
        return sorted(
            {*self.base.individual_ids, *self.added.individual_ids}
            - (emptied - set(self.added.individual_ids))
        )

    @cached_property
    def base_columns(self) -> Rows:
        """Where each individual of the first segment is among `individual_ids`; -1: no more."""
        return _columns_among(self.base.individual_ids, self.individual_ids, self.changed)

    @cached_property
    def added_columns(self) -> Rows:
        """Where each individual of the second segment is among `individual_ids`."""
        return _columns_among(self.added.individual_ids, self.individual_ids, self.changed)

    @cached_property
    def touched_columns(self) -> Rows:
        """Where those are among `individual_ids` who have lost or got a photo."""
        lost = self.base_columns[np.unique(self.base.columns[self.gone])]
        return np.union1d(lost[lost >= 0], self.added_columns)

    @cached_property
    def starts(self) -> Rows:
        """The first row of each individual, in order. Takes time in proportion to all rows."""
        if not self.changed:
            return self.base.starts
        counts = np.array([len(self.rows_of(one)) for one in self.individual_ids], np.int64)
        return np.cumsum(counts) - counts

    @cached_property
    def parts(self) -> tuple[SearchPart, ...]:
        """What to search; ties come in the order of individuals and photo names."""
        keys = 2 * ROW_STEP * self.places + np.arange(self.added.size)
        return (
            SearchPart(self.base.engine, self.gone),
            SearchPart(self.added.engine, keys=keys, first=self.base.size),
        )

    def photo_name(self, row: int) -> str:
        """The name of a row's photo."""
        own = row - self.base.size
        return self.added.photo_names[own] if own >= 0 else self.base.photo_names[row]

    def individual_of(self, row: int) -> str:
        """Whose photo a row is."""
        own = row - self.base.size
        return self.added.individual_of(own) if own >= 0 else self.base.individual_of(row)

    def rows_of(self, individual: str) -> Rows:
        """An individual's rows, in the order of their photos' names."""
        own = self.base.rows_of(individual)
        rows = np.setdiff1d(np.arange(own.start, own.stop), self.gone, assume_unique=True)
        more = self.added.rows_of(individual)
        if not more:
            return rows
        both = [*rows.tolist(), *range(self.base.size + more.start, self.base.size + more.stop)]
        return np.array(sorted(both, key=self.photo_name), np.int64)

    def row_of(self, photo_name: str) -> int | None:
        """The row of a photo; None where it isn't there."""
        row = self.added.row_of(photo_name)
        if row is not None:
            return self.base.size + row
        row = self.base.row_of(photo_name)
        return None if row is None or _has(self.gone, row) else row

    def vectors_of(self, rows: Rows) -> FloatArray:
        """The vectors (r, d) of rows."""
        if not self.added.size:
            return self.base.rows.dense(rows)
        if not self.base.size:
            return self.added.rows.dense(rows)
        return self.base.rows.dense(rows) + self.added.rows.dense(rows - self.base.size)

    @cached_property
    def _pieces(self) -> list[Piece]:
        remaining = np.delete(np.arange(self.base.size), self.gone)
        kept_before = self.places - np.searchsorted(self.gone, self.places)
        return make_pieces(remaining, kept_before.tolist(), range(self.added.size))

    @cached_property
    def order(self) -> Rows:
        """All rows, sorted by individual and photo name. Takes time in proportion to them."""
        if not self.changed:
            return np.arange(self.base.size)
        runs = [
            np.arange(start, stop) + (self.base.size if is_added else 0)
            for start, stop, is_added in self._pieces
        ]
        return np.concatenate(runs) if runs else _NONE

    @cached_property
    def photo_names(self) -> Sequence[str]:
        """All photos' names, in order. Takes time in proportion to them."""
        if not self.changed:
            return self.base.photo_names
        return splice_names(self.base.photo_names, self.added.photo_names, self._pieces)

    @cached_property
    def individuals(self) -> list[str]:
        """Whose photo each is, in order. Takes time in proportion to them."""
        if not self.changed:
            return self.base.individuals
        return splice_names(self.base.individuals, self.added.individuals, self._pieces)

    def selected(self, rows: Rows) -> ChangedSegment:
        """The photos of some rows, in their order, where the vectors are not in memory."""
        own = rows[rows < self.base.size]
        more = rows[rows >= self.base.size] - self.base.size
        added = self.added.narrowed(more)
        if 2 * len(own) > self.base.size:
            # To name most photos to the database would take longer than to pass the others over.
            gone = np.setdiff1d(np.arange(self.base.size), own, assume_unique=True)
            return ChangedSegment(self.base, gone, added, self.places[more])
        places = np.searchsorted(own, self.places[more])
        return ChangedSegment(self.base.narrowed(own), _NONE, added, places)

    def compacted(self, factory: str, revision: int = 0) -> ChangedSegment:
        """The same photos in one segment. Takes time in proportion to them.

        `revision` is that of the photos; it matters where the vectors are not in memory.
        """
        if not self.changed:
            return self
        added = self.added
        engine = self.base.engine.joined(
            added.engine.loaded(), added.photo_names, self.order, revision, factory
        )
        segment = Segment.of(self.photo_names, self.individuals, engine)
        segment.prepare()
        return ChangedSegment.of(segment)

    def replaced(
        self,
        removed: Collection[str],
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        factory: str,
    ) -> ChangedSegment:
        """Remove photos by name, and add parallel rows in any order."""
        rows = {row for name in removed if (row := self.row_of(name)) is not None}
        gone = [row for row in rows if row < self.base.size]
        kept = [at for at in range(self.added.size) if at + self.base.size not in rows]
        old = self.added
        joined = [
            (old.individual_of(at), old.photo_names[at], at, int(self.places[at])) for at in kept
        ] + [
            (whose, name, old.size + at, self.base.place(whose, name))
            for at, (name, whose) in enumerate(zip(photo_names, individuals, strict=True))
        ]
        joined.sort()
        order = np.array([at for _, _, at, _ in joined], np.int64)
        added_rows = old.engine.loaded().joined(LiveRows.of(vectors), order)
        added = Segment.of(
            [name for _, name, _, _ in joined],
            [whose for whose, _, _, _ in joined],
            build_engine(added_rows),
        )
        changed = ChangedSegment(
            self.base,
            np.sort(np.concatenate([self.gone, np.array(gone, np.int64)])),
            added,
            np.array([place for _, _, _, place in joined], np.int64),
        )
        most = _MOST_CHANGED * (_SMALL_CHANGE + 2 * math.isqrt(self.base.size))
        is_much = changed.changed > most or 2 * changed.changed > self.base.size
        # Where the vectors are not in memory, the database would be asked within the change.
        is_much &= not self.base.engine.is_stored
        return changed.compacted(factory) if is_much else changed


def _has(ascending: Rows, row: int) -> bool:
    at = int(np.searchsorted(ascending, row))
    return at < len(ascending) and int(ascending[at]) == row


def _columns_among(some: Sequence[str], every: Sequence[str], changed: int) -> Rows:
    """Where each of `some` is among all individuals, -1 where it is none of them."""
    if not changed and len(some) == len(every):
        return np.arange(len(some))
    at = {individual: column for column, individual in enumerate(every)}
    return np.array([at.get(individual, -1) for individual in some], np.int64)


def no_photos(dimension: int) -> Segment:
    """A segment without rows."""
    rows = LiveRows((), 0, dimension)
    return Segment.of([], [], build_engine(rows))
