"""Photos of known individuals as sorted rows, and how near those individuals are to queries, by
each score.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from index.search.centroids import centres_of, sums_of
from index.search.engine import Engine, exact_distances, to_distances
from index.search.matching import BadQuery, Candidate, Score
from index.search.vectors import FloatArray, check_vectors

_PHOTOS_AN_INDIVIDUAL = (
    4  # neighbours first asked for per wanted individual; more when that falls short
)
_BLOCK_BYTES = 64 * 2**20  # memory for one block of queries against every photo
_FLOAT64_ROWS = (
    2048  # photos turned into float64 at a time: a copy of all of them would be twice the gallery
)


@dataclass(frozen=True, eq=False, slots=True)
class KnownCentres:
    """The centres (c, d) of a gallery's individuals, which hold but for those in `changed`."""

    individual_ids: Sequence[str]
    centres: FloatArray
    changed: Collection[str]


class SearchedPhotos:
    """Photos sorted by (individual, photo name), so that no answer depends on the order of their
    coming.

    Never changes. Safe to search from several threads.
    """

    photo_names: list[str]  # m, the row order
    individuals: list[str]  # m, whose photo each row is
    individual_ids: list[str]  # c, sorted, each once
    vectors: FloatArray  # (m, d)
    centres: FloatArray  # (c, d), each individual's mean direction

    def __init__(
        self,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        engine: Engine,
        known_centres: KnownCentres | None = None,
    ) -> None:
        """Hold rows that are already checked and sorted.

        `known_centres` saves computing the centres of individuals whose photos are the same.
        """
        self.photo_names = list(photo_names)
        self.individuals = list(individuals)
        self.vectors = vectors
        self._engine = engine
        counts = Counter(self.individuals)  # in the order of the rows, which is sorted
        self.individual_ids = list(counts)
        numbers = np.array(list(counts.values()), np.int64)
        self._columns = np.repeat(np.arange(len(counts)), numbers)  # (m,)
        self._starts = np.cumsum(numbers) - numbers  # (c,) first row of each
        self.centres = (
            self._centres() if known_centres is None else self._centres_after(known_centres)
        )

    @property
    def size(self) -> int:
        """m, the number of photos."""
        return len(self.photo_names)

    @property
    def individual_count(self) -> int:
        """c, the number of individuals."""
        return len(self.individual_ids)

    @property
    def dimension(self) -> int:
        """d, the length of each vector."""
        return self.vectors.shape[1]

    def rank(
        self, queries: FloatArray, k: int, score: Score = "nearest"
    ) -> list[tuple[Candidate, ...]]:
        """Rank each query's best k individuals, nearest first, ties by individual id.

        An answer is shorter than k only when the gallery holds fewer individuals. `score` is how
        near an individual is: as its "nearest" photo, as the "centre" of its photos, or "blend",
        the mean of the two. Raises BadQuery for k below 1 or another score, BadVectors for queries
        that cannot be compared.
        """
        if k < 1:
            raise BadQuery(f"k is {k}; ask for at least 1 individual")
        _check_score(score)
        queries = self._checked(queries)
        k = min(k, self.individual_count)
        if k == 0:
            return [() for _ in queries]
        if score == "nearest":
            return self._rank_by_nearest(queries, k)
        return self._rank_by_all(queries, k, score)

    def individual_distances(
        self, queries: FloatArray, score: Score = "nearest"
    ) -> NDArray[np.float64]:
        """Distance of each query to every individual, exactly: (n, c), columns as
        `individual_ids`.
        """
        _check_score(score)
        queries = self._checked(queries)
        distances = np.zeros((len(queries), self.individual_count))
        if distances.size == 0:
            return distances
        block = max(1, _BLOCK_BYTES // (8 * self.size))
        for start in range(0, len(queries), block):
            rows = slice(start, start + block)
            distances[rows] = self._block_distances(queries[rows], score)
        return distances

    def photo_distances(
        self, queries: FloatArray, individual: str
    ) -> tuple[list[str], NDArray[np.float64]]:
        """Distance of each query to each photo of one individual: p photo names, sorted, and (n, p)
        distances.

        Raises BadQuery for an individual that the gallery does not hold.
        """
        queries = self._checked(queries)
        column = bisect.bisect_left(self.individual_ids, individual)
        if column == self.individual_count or self.individual_ids[column] != individual:
            raise BadQuery(
                f"the gallery holds no photo of {individual!r}; give the id of an individual it "
                "knows"
            )
        rows = self.rows_of(column)
        return self.photo_names[rows], exact_distances(queries, self.vectors[rows])

    def _checked(self, queries: FloatArray) -> FloatArray:
        return check_vectors(
            queries, dimension=self.dimension if self.size else None, named="queries"
        )

    def _block_distances(self, queries: FloatArray, score: Score) -> NDArray[np.float64]:
        centre = exact_distances(queries, self.centres)
        if score == "centre":
            return centre
        # One product with all photos, then the best of each individual's run of rows.
        products = np.empty((len(queries), self.size))  # (n, m)
        for start in range(0, self.size, _FLOAT64_ROWS):
            rows = slice(start, start + _FLOAT64_ROWS)
            products[:, rows] = queries.astype(np.float64) @ self.vectors[rows].astype(np.float64).T
        nearest = to_distances(np.maximum.reduceat(products, self._starts, axis=1))  # (n, c)
        return nearest if score == "nearest" else (nearest + centre) / 2

    def _rank_by_nearest(self, queries: FloatArray, k: int) -> list[tuple[Candidate, ...]]:
        """Ask the engine for photos, and for four times as many while a query saw too few
        individuals.
        """
        ranked: list[tuple[Candidate, ...]] = [()] * len(queries)
        remaining = list(range(len(queries)))
        photos = k * _PHOTOS_AN_INDIVIDUAL
        while remaining:
            distances, positions = self._engine.search(queries[remaining], photos)
            for at, query in enumerate(remaining):
                ranked[query] = self._first_of_each(distances[at], positions[at], k)
            remaining = [query for query in remaining if len(ranked[query]) < k]
            photos *= 4
        return ranked

    def _first_of_each(
        self, distances: NDArray[np.float64], positions: NDArray[np.int64], k: int
    ) -> tuple[Candidate, ...]:
        """Keep each individual's nearest photo; rows are sorted by individual, so ties come in id
        order.
        """
        _, first = np.unique(self._columns[positions], return_index=True)
        rows_kept = np.sort(first)[:k]
        rows: list[int] = positions[rows_kept].tolist()
        return tuple(
            Candidate(self.individuals[row], float(distance), self.photo_names[row])
            for row, distance in zip(rows, distances[rows_kept], strict=True)
        )

    def _rank_by_all(
        self, queries: FloatArray, k: int, score: Score
    ) -> list[tuple[Candidate, ...]]:
        distances = self.individual_distances(queries, score)
        order: list[list[int]] = np.argsort(distances, axis=1, kind="stable")[:, :k].tolist()
        return [
            tuple(
                Candidate(
                    self.individual_ids[column],
                    float(distances[row, column]),
                    self._nearest_photo(queries[row], column),
                )
                for column in columns
            )
            for row, columns in enumerate(order)
        ]

    def _nearest_photo(self, query: FloatArray, column: int) -> str:
        """Name the individual's photo that is nearest to the query (d,)."""
        rows = self.rows_of(column)
        distances = exact_distances(query[None, :], self.vectors[rows])[0]
        return self.photo_names[rows][int(np.argmin(distances))]

    def rows_of(self, column: int) -> slice:
        """One individual's run of rows, by its place in `individual_ids`."""
        stop = int(self._starts[column + 1]) if column + 1 < self.individual_count else self.size
        return slice(int(self._starts[column]), stop)

    def _centres(self) -> FloatArray:
        return centres_of(sums_of(self.vectors, self._starts)).astype(np.float32)

    def _centres_after(self, known: KnownCentres) -> FloatArray:
        centres = np.empty((self.individual_count, self.dimension), np.float32)
        known_rows = {individual: row for row, individual in enumerate(known.individual_ids)}
        ids = enumerate(self.individual_ids)
        same = [row for row, individual in ids if individual not in known.changed]
        centres[same] = known.centres[[known_rows[self.individual_ids[row]] for row in same]]
        for row, individual in enumerate(self.individual_ids):
            if individual in known.changed:
                own = sums_of(self.vectors[self.rows_of(row)], np.zeros(1, np.int64))
                centres[row] = centres_of(own).astype(np.float32)[0]
        return centres


def _check_score(score: str) -> None:
    if score not in get_args(Score):
        raise BadQuery(f"score is {score!r}; the scores are {', '.join(get_args(Score))}")
