"""Rank known individuals by their photos' distances to queries, by each score."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from functools import cached_property
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from index.search.centroids import centres_of, sums_of
from index.search.engine import exact_distances, search_parts, to_distances
from index.search.matching import BadQuery, Candidate, Score
from index.search.rows.live_rows import Rows
from index.search.segments import ChangedSegment
from index.search.vectors import FloatArray, check_vectors

_PHOTOS_AN_INDIVIDUAL = (
    4  # neighbours first asked for per wanted individual; more when that falls short
)
_BLOCK_BYTES = 64 * 2**20  # memory for one block of queries against every photo


class SearchedPhotos:
    """Photos sorted by (individual, photo name), so that no answer depends on their order.

    Never changes. Safe to search from several threads.
    """

    def __init__(self, photos: ChangedSegment) -> None:
        """Hold photos with vectors that are already checked."""
        self._photos = photos
        self._dense: weakref.ref[FloatArray] | None = None

    @property
    def photos(self) -> ChangedSegment:
        """The rows, and what changes made of them."""
        return self._photos

    @property
    def size(self) -> int:
        """m, the number of photos."""
        return self._photos.size

    @property
    def individual_count(self) -> int:
        """c, the number of individuals."""
        return self._photos.individual_count

    @property
    def dimension(self) -> int:
        """d, the length of each vector."""
        rows = (self._photos.base if self._photos.base.size else self._photos.added).rows
        return rows.dimension

    @property
    def photo_names(self) -> Sequence[str]:
        """The photos' names (m), in the order of rows."""
        return self._photos.photo_names

    @property
    def individuals(self) -> list[str]:
        """Whose photo each row is (m)."""
        return self._photos.individuals

    @property
    def individual_ids(self) -> list[str]:
        """The individuals (c), sorted, each once."""
        return self._photos.individual_ids

    @property
    def vectors(self) -> FloatArray:
        """The vectors (m, d), zeros included. Where they are stored without, this is a copy."""
        dense = None if self._dense is None else self._dense()
        if dense is None:
            photos = self._photos
            dense = photos.vectors_of(photos.order) if photos.changed else photos.base.rows.dense()
            self._dense = weakref.ref(dense)
        return dense

    def vectors_at(self, rows: Rows | Sequence[int] | slice) -> FloatArray:
        """The vectors (r, d) of some rows, zeros included."""
        return self._photos.vectors_of(self._photos.order[rows])

    @cached_property
    def centres(self) -> FloatArray:
        """Each individual's mean direction (c, d), as `individual_ids`."""
        photos = self._photos
        centres = np.empty((self.individual_count, self.dimension), np.float32)
        if photos.base.size:
            of_base = photos.base.centres.dense()
            is_kept = photos.base_columns >= 0
            centres[photos.base_columns[is_kept]] = of_base[is_kept]
        at, own = self._touched_centres
        centres[at] = own
        return centres

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
        """Compute each query's exact distances to every individual: (n, c), as `individual_ids`."""
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
        """Compute each query's distances to each photo of one individual.

        Returns the p photo names, sorted, and (n, p) distances.

        Raises BadQuery for an individual that the gallery does not hold.
        """
        queries = self._checked(queries)
        rows = self._photos.rows_of(individual)
        if not len(rows):
            raise BadQuery(
                f"the gallery holds no photo of {individual!r}; give the id of an individual it "
                "knows"
            )
        names = [self._photos.photo_name(row) for row in rows.tolist()]
        return names, exact_distances(queries, self._photos.vectors_of(rows))

    def rows_of(self, column: int) -> slice:
        """One individual's run of rows, by its place in `individual_ids`."""
        starts = self._photos.starts
        stop = int(starts[column + 1]) if column + 1 < self.individual_count else self.size
        return slice(int(starts[column]), stop)

    def _checked(self, queries: FloatArray) -> FloatArray:
        return check_vectors(
            queries, dimension=self.dimension if self.size else None, named="queries"
        )

    def _block_distances(self, queries: FloatArray, score: Score) -> NDArray[np.float64]:
        if score == "centre":
            return self._centre_distances(queries)
        nearest = self._nearest_distances(queries)
        return nearest if score == "nearest" else (nearest + self._centre_distances(queries)) / 2

    def _nearest_distances(self, queries: FloatArray) -> NDArray[np.float64]:
        """Distances (n, c) of each individual's nearest photo."""
        # One product with all photos, then the best of each individual's run of rows.
        photos = self._photos
        nearest = np.full((len(queries), self.individual_count), -np.inf)
        for segment, gone, columns in (
            (photos.base, photos.gone, photos.base_columns),
            (photos.added, photos.gone[:0], photos.added_columns),
        ):
            if segment.size:
                products = segment.rows.products(queries)  # (n, m)
                products[:, gone] = -np.inf
                of_each = np.maximum.reduceat(products, segment.starts, axis=1)
                is_kept = columns >= 0
                at = columns[is_kept]
                nearest[:, at] = np.maximum(nearest[:, at], of_each[:, is_kept])
        return to_distances(nearest)

    def _centre_distances(self, queries: FloatArray) -> NDArray[np.float64]:
        """Distances (n, c) of each individual's centre."""
        photos = self._photos
        distances = np.empty((len(queries), self.individual_count))
        if photos.base.size:
            is_kept = photos.base_columns >= 0
            products = photos.base.centres.products(queries)
            distances[:, photos.base_columns[is_kept]] = to_distances(products)[:, is_kept]
        at, own = self._touched_centres
        if len(at):
            distances[:, at] = exact_distances(queries, own)
        return distances

    @cached_property
    def _touched_centres(self) -> tuple[Rows, FloatArray]:
        """The centres (t, d) of those who have other photos than the first segment says."""
        photos = self._photos
        at = photos.touched_columns
        centres = np.empty((len(at), self.dimension), np.float32)
        columns: list[int] = at.tolist()
        for row, column in enumerate(columns):
            vectors = photos.vectors_of(photos.rows_of(photos.individual_ids[column]))
            centres[row] = centres_of(sums_of(vectors, np.zeros(1, np.int64))).astype(np.float32)[0]
        return at, centres

    def _rank_by_nearest(self, queries: FloatArray, k: int) -> list[tuple[Candidate, ...]]:
        """Search for photos, four times as many while a query has too few individuals."""
        ranked: list[tuple[Candidate, ...]] = [()] * len(queries)
        remaining = list(range(len(queries)))
        photos = k * max(_PHOTOS_AN_INDIVIDUAL, 2 * self.size // self.individual_count)
        while remaining:
            distances, rows = search_parts(self._photos.parts, queries[remaining], photos)
            for at, query in enumerate(remaining):
                ranked[query] = self._first_of_each(distances[at].tolist(), rows[at].tolist(), k)
            remaining = [query for query in remaining if len(ranked[query]) < k]
            photos *= 4
        return ranked

    def _first_of_each(
        self, distances: Sequence[float], rows: Sequence[int], k: int
    ) -> tuple[Candidate, ...]:
        """Keep each individual's nearest photo.

        Ties come in the order of individuals, and so in id order.
        """
        found: dict[str, Candidate] = {}
        for distance, row in zip(distances, rows, strict=True):
            individual = self._photos.individual_of(row)
            if individual not in found:
                found[individual] = Candidate(individual, distance, self._photos.photo_name(row))
                if len(found) == k:
                    break
        return tuple(found.values())

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
                    self._nearest_photo(queries[row], self.individual_ids[column]),
                )
                for column in columns
            )
            for row, columns in enumerate(order)
        ]

    def _nearest_photo(self, query: FloatArray, individual: str) -> str:
        """Name the individual's photo that is nearest to the query (d,)."""
        names, distances = self.photo_distances(query[None, :], individual)
        return names[int(np.argmin(distances[0]))]


def _check_score(score: str) -> None:
    if score not in get_args(Score):
        raise BadQuery(f"score is {score!r}; the scores are {', '.join(get_args(Score))}")
