"""Distances from a catalogue's own photos to every individual, in bounded memory.

Each photo is left out of its own individual, with the burst that it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.ranks import true_ranks
from index.search.centroids import centres_of, sums_of
from index.search.engine import exact_distances, to_distances
from index.search.matching import Score
from index.search.vectors import FloatArray, check_vectors

_BLOCK_BYTES = 128 * 2**20  # memory for one block of photos against every other photo
_MOST_EXACT_BYTES = 2**23  # vectors that take more are compared in float32: true to 1e-6


class LeaveOneOutRanks(NamedTuple):
    """The rows of photos whose individual has another photo, and its rank without them."""

    rows: NDArray[np.int64]  # (q,)
    ranks: NDArray[np.int64]  # (q,), 1-based


class DistanceBlock(NamedTuple):
    """Some photos against every individual, each burst left out of its own individual."""

    at: NDArray[np.int64]  # (q,) places among the photos asked about
    columns: NDArray[np.int64]  # (q,) own individual, -1 for a photo of nobody known
    distances: NDArray[np.float64]  # (q, c), infinite for an individual seen in this burst alone
    queries: NDArray[np.floating]  # (q, l) the photos' vectors, without what is 0 throughout
    left_out: list[NDArray[np.int64]]  # of the sorted photos, those of each one's burst


def leave_one_out_ranks(
    vectors: FloatArray,
    individuals: Sequence[str],
    score: Score = "nearest",
    *,
    bursts: NDArray[np.int64] | None = None,
) -> LeaveOneOutRanks:
    """Rank each photo's own individual against all others, the photo itself left out.

    Ties by individual id. With `bursts` (m,), numbers of what was taken together, the others of its
    burst are left out as well; a burst is of one individual.

    Photos of individuals seen once are no queries (there is nothing left to find) but stay in the
    gallery.
    """
    rows: list[NDArray[np.int64]] = []
    ranks: list[NDArray[np.int64]] = []
    photos = LabelledPhotos(vectors, individuals)
    every = np.arange(len(individuals))
    left_out: list[list[int]] = [[row] for row in every.tolist()]
    if bursts is not None:
        members: defaultdict[int, list[int]] = defaultdict(list)
        for row, burst in enumerate(bursts.tolist()):
            members[burst].append(row)
        left_out = [members[burst] for burst in bursts.tolist()]
    for block in photos.distances(every, left_out, score):
        own = block.distances[np.arange(len(block.at)), block.columns]
        known = np.isfinite(own)
        rows.append(block.at[known])
        ranks.append(true_ranks(block.distances[known], block.columns[known]))
    if not rows:
        return LeaveOneOutRanks(np.zeros(0, np.int64), np.zeros(0, np.int64))
    found = np.concatenate(rows)
    order = np.argsort(found)
    return LeaveOneOutRanks(found[order], np.concatenate(ranks)[order])


class LabelledPhotos:
    """A catalogue's labelled photos, sorted by individual, that leave some of themselves out."""

    def __init__(self, vectors: FloatArray, individuals: Sequence[str | None]) -> None:
        """Take parallel rows (m, d); individual None is nobody known. Raises BadVectors."""
        self._given = check_vectors(vectors, named="catalogue vectors")
        self.ids = sorted({each for each in individuals if each is not None})
        column = {individual: at for at, individual in enumerate(self.ids)}
        self.columns = np.array(
            [-1 if each is None else column[each] for each in individuals], np.int64
        )
        labelled = np.flatnonzero(self.columns >= 0)
        self._rows = labelled[np.argsort(self.columns[labelled], kind="stable")]
        # Columns that are 0 throughout (the experts of absent species) add nothing to a product.
        self._lives = np.flatnonzero(self._given[self._rows].any(axis=0))
        sorted_vectors = self._given[np.ix_(self._rows, self._lives)]
        is_exact = 2 * sorted_vectors.nbytes <= _MOST_EXACT_BYTES
        self._vectors = sorted_vectors.astype(np.float64) if is_exact else sorted_vectors
        self._of_row = self.columns[self._rows]
        self._starts = np.searchsorted(self._of_row, np.arange(len(self.ids)))
        self._counts = np.bincount(self._of_row, minlength=len(self.ids))
        self._sums: NDArray[np.float64] | None = None

    def distances(
        self, rows: NDArray[np.int64], left_out: Sequence[Sequence[int]], score: Score
    ) -> Iterator[DistanceBlock]:
        """Compare photos, given by their rows (n,), with every individual, in blocks.

        `left_out` (n) are the rows that each photo is not compared with, all of its individual.
        """
        if not self.ids:
            return
        place = np.full(len(self._given), -1, np.int64)
        place[self._rows] = np.arange(len(self._rows))
        size = max(1, _BLOCK_BYTES // (8 * len(self._rows)))
        for start in range(0, len(rows), size):
            at = np.arange(start, min(start + size, len(rows)))
            columns = self.columns[rows[at]]
            out = [
                place[list(left_out[one])] if column >= 0 else place[:0]
                for one, column in zip(at.tolist(), columns.tolist(), strict=True)
            ]
            queries = self._given[np.ix_(rows[at], self._lives)].astype(self._vectors.dtype)
            distances = self._between(queries, score, columns, out)
            yield DistanceBlock(at, columns, distances, queries, out)

    def order_of(self, row: int) -> bytes:
        """What sorts photos the same whatever their rows."""
        return self._given[row].tobytes()

    def nearest_rows(self, block: DistanceBlock, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The row of the nearest individual's nearest photo, for the chosen photos of a block."""
        found: list[int] = []
        for at in np.flatnonzero(chosen).tolist():
            column = int(np.argmin(block.distances[at]))
            start = int(self._starts[column])
            run = np.arange(start, start + int(self._counts[column]), dtype=np.int64)
            if column == block.columns[at]:
                run = np.setdiff1d(run, block.left_out[at])
            found.append(int(self._rows[run[np.argmax(self._vectors[run] @ block.queries[at])]]))
        return np.array(found, np.int64)

    def _between(
        self,
        queries: NDArray[np.floating],
        score: Score,
        columns: NDArray[np.int64],
        left_out: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.float64]:
        if score == "nearest":
            distances = self._nearest(queries, left_out)
        elif score == "centre":
            distances = self._centre(queries, columns, left_out)
        else:
            distances = (
                self._nearest(queries, left_out) + self._centre(queries, columns, left_out)
            ) / 2
        for row, (column, out) in enumerate(zip(columns.tolist(), left_out, strict=True)):
            if len(out) and len(out) >= self._counts[column]:
                distances[row, column] = np.inf
        return distances

    def _nearest(
        self, queries: NDArray[np.floating], left_out: Sequence[NDArray[np.int64]]
    ) -> NDArray[np.float64]:
        products = queries @ self._vectors.T  # (q, m)
        for row, out in enumerate(left_out):
            products[row, out] = -np.inf
        nearest = np.maximum.reduceat(products, self._starts, axis=1)
        return to_distances(nearest.astype(np.float64))

    def _centre(
        self,
        queries: NDArray[np.floating],
        columns: NDArray[np.int64],
        left_out: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.float64]:
        if self._sums is None:
            self._sums = sums_of(self._vectors, self._starts)
        distances = exact_distances(queries, centres_of(self._sums))
        for row, (column, out) in enumerate(zip(columns.tolist(), left_out, strict=True)):
            if len(out):
                rest = self._sums[column] - self._vectors[out].sum(axis=0, dtype=np.float64)
                centre = centres_of(rest[None])
                distances[row, column] = exact_distances(queries[row][None], centre)[0, 0]
        return distances
