"""Distances from a catalogue's own photos to every individual, in bounded memory.

Each photo is left out of its own individual, with the burst that it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.distance_block import DistanceBlock
from index.calibration.photo_tiles import PhotoTiles
from index.search.centroids import centres_of
from index.search.matching import Score
from index.search.rows.live_rows import LiveRows
from index.search.vectors import FloatArray, check_vectors

_BLOCK_BYTES = 128 * 2**20  # memory for one block of photos against every individual
_MOST_QUERIES = 1024  # photos compared at a time; more aren't faster
_MOST_EXACT_BYTES = 2**23  # vectors that take more are compared in float32: true to 1e-6
_ROWS_AT_ONCE = 4096


class LeaveOneOutRanks(NamedTuple):
    """The rows of photos whose individual has another photo, and its rank without them."""

    rows: NDArray[np.int64]  # (q,)
    ranks: NDArray[np.int64]  # (q,), 1-based


def leave_one_out_ranks(
    vectors: FloatArray,
    individuals: Sequence[str],
    score: Score = "nearest",
    *,
    bursts: NDArray[np.int64] | None = None,
    queries: NDArray[np.int64] | None = None,
) -> LeaveOneOutRanks:
    """Rank each photo's own individual against all others, the photo itself left out.

    `queries` (q,) are the rows that are asked, all where None.

    Ties by individual id. With `bursts` (m,), numbers of what was taken together, the others of its
    burst are left out as well; a burst is of one individual.

    Photos of individuals seen once are no queries (there is nothing left to find) but stay in the
    gallery.
    """
    rows: list[NDArray[np.int64]] = []
    ranks: list[NDArray[np.int64]] = []
    photos = LabelledPhotos(vectors, individuals)
    asked = np.arange(len(individuals)) if queries is None else queries
    left_out: list[list[int]] = [[row] for row in asked.tolist()]
    if bursts is not None:
        members: defaultdict[int, list[int]] = defaultdict(list)
        for row, burst in enumerate(bursts.tolist()):
            members[burst].append(row)
        left_out = [members[burst] for burst in bursts[asked].tolist()]
    for block in photos.distances(asked, left_out, score):
        known = np.isfinite(block.own_cosines)
        rows.append(asked[block.at[known]])
        ranks.append(block.true_ranks(known))
    if not rows:
        return LeaveOneOutRanks(np.zeros(0, np.int64), np.zeros(0, np.int64))
    found = np.concatenate(rows)
    order = np.argsort(found)
    return LeaveOneOutRanks(found[order], np.concatenate(ranks)[order])


class LabelledPhotos:
    """A catalogue's labelled photos by individual, that leave some of themselves out.

    `ids` (c,) are the individuals, by their number of photos and then by name.
    """

    def __init__(self, vectors: FloatArray | LiveRows, individuals: Sequence[str | None]) -> None:
        """Take parallel rows (m, d); individual None is nobody known. Raises BadVectors."""
        if not isinstance(vectors, LiveRows):
            vectors = LiveRows.of(check_vectors(vectors, named="catalogue vectors"))
        self._given = vectors
        names = sorted({each for each in individuals if each is not None})
        number = {individual: at for at, individual in enumerate(names)}
        by_name = np.array([-1 if each is None else number[each] for each in individuals], np.int64)
        counts = np.bincount(by_name[by_name >= 0], minlength=len(names))
        self._by_name = np.argsort(counts, kind="stable")  # of each column, its place by name
        by_count: list[int] = self._by_name.tolist()
        self.ids = [names[at] for at in by_count]
        column = np.empty(len(names) + 1, np.int64)
        column[self._by_name], column[-1] = np.arange(len(names)), -1
        self.columns = column[by_name]
        self._tiles = PhotoTiles(counts[self._by_name])
        self._place = np.full(len(by_name), -1, np.int64)
        labelled = np.flatnonzero(self.columns >= 0)
        labelled = labelled[np.argsort(self.columns[labelled], kind="stable")]
        self._place[labelled] = self._tiles.places_of(self.columns[labelled])
        self._rows = np.empty(len(labelled), np.int64)
        self._rows[self._place[labelled]] = labelled
        # Columns that are 0 throughout (the experts of absent species) add nothing to a product.
        self._lives = _live_columns(vectors, self._rows)
        nbytes = 8 * len(labelled) * len(self._lives)
        self._vectors = np.empty(
            (len(labelled), len(self._lives)),
            np.float64 if nbytes <= _MOST_EXACT_BYTES else np.float32,
        )
        for start in range(0, len(labelled), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            self._vectors[part] = vectors.dense(self._rows[part])[:, self._lives]
        self._sums: NDArray[np.float64] | None = None

    def distances(
        self,
        rows: NDArray[np.int64],
        left_out: Sequence[Sequence[int]],
        score: Score,
        *,
        photos: int = 1,
    ) -> Iterator[DistanceBlock]:
        """Compare photos, given by their rows (n,), with every individual, in blocks.

        `left_out` (n) are the rows that each photo is not compared with, all of its individual. So
        many `photos` that follow one another are never in two blocks.
        """
        if not self.ids:
            return
        widest = max(len(self.ids), self._tiles.most_rows)
        size = min(_MOST_QUERIES, _BLOCK_BYTES // (self._vectors.itemsize * widest))
        size = max(1, size // photos) * photos
        for start in range(0, len(rows), size):
            at = np.arange(start, min(start + size, len(rows)))
            columns = self.columns[rows[at]]
            out = [
                self._place[list(left_out[one])] if column >= 0 else self._place[:0]
                for one, column in zip(at.tolist(), columns.tolist(), strict=True)
            ]
            queries = self._given.dense(rows[at])[:, self._lives].astype(self._vectors.dtype)
            cosines = self._cosines(queries, score, columns, out)
            yield DistanceBlock(at, columns, cosines, self._by_name, queries, out)

    def order_of(self, row: int) -> bytes:
        """What sorts photos the same whatever their rows."""
        return self._given.dense(np.array([row])).tobytes()

    def nearest_rows(self, block: DistanceBlock, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The row of the nearest individual's nearest photo, for the chosen photos of a block."""
        found: list[int] = []
        at = np.flatnonzero(chosen).tolist()
        for query, column in zip(at, block.nearest_columns(chosen).tolist(), strict=True):
            is_own = column == block.columns[query]
            run = self._tiles.places(column, block.left_out[query] if is_own else None)
            products = self._vectors[run] @ block.queries[query]
            found.append(int(self._rows[run[np.argmax(products)]]))
        return np.array(found, np.int64)

    def _cosines(
        self,
        queries: NDArray[np.floating],
        score: Score,
        columns: NDArray[np.int64],
        left_out: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.floating]:
        """Cosines (q, c) in [-1, 1], -inf for an individual of whom all photos are left out."""
        if score == "nearest":
            cosines = self._nearest(queries, columns, left_out)
        elif score == "centre":
            cosines = self._centre(queries, columns, left_out)
        else:
            cosines = self._nearest(queries, columns, left_out)
            cosines = (cosines + self._centre(queries, columns, left_out)) / 2
        for row, (column, out) in enumerate(zip(columns.tolist(), left_out, strict=True)):
            if len(out) and len(out) >= self._tiles.counts[column]:
                cosines[row, column] = -np.inf
        return cosines

    def _nearest(
        self,
        queries: NDArray[np.floating],
        columns: NDArray[np.int64],
        left_out: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.floating]:
        cosines = self._tiles.nearest(queries, self._vectors)
        for row, (column, out) in enumerate(zip(columns.tolist(), left_out, strict=True)):
            if len(out):
                products = self._vectors[self._tiles.places(column, out)] @ queries[row]
                cosines[row, column] = products.max(initial=-np.inf)
        return np.clip(cosines, -1.0, 1.0, out=cosines)

    def _centre(
        self,
        queries: NDArray[np.floating],
        columns: NDArray[np.int64],
        left_out: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.float64]:
        if self._sums is None:
            self._sums = self._tiles.sums(self._vectors)
        exact = queries.astype(np.float64)
        cosines = exact @ centres_of(self._sums).T
        for row, (column, out) in enumerate(zip(columns.tolist(), left_out, strict=True)):
            if len(out):
                rest = self._sums[column] - self._vectors[out].sum(axis=0, dtype=np.float64)
                cosines[row, column] = exact[row] @ centres_of(rest[None])[0]
        return np.clip(cosines, -1.0, 1.0, out=cosines)


def _live_columns(vectors: LiveRows, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The columns (l,) that aren't 0 throughout in these rows."""
    is_live = np.zeros(vectors.dimension, np.bool_)
    for group in vectors.groups:
        held = np.isin(group.rows, rows)
        # Parts: what is compared with 0 would be a copy of all.
        for start in range(0, len(held), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            is_live[group.columns] |= group.vectors[part][held[part]].any(axis=0)
    return np.flatnonzero(is_live)
