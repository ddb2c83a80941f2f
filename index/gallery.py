"""The searchable vectors of the known individuals at one catalogue revision, ranked for a query."""

from __future__ import annotations

import bisect
import copy
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.embedders import FloatArray, check_vectors
from index.engine import Engine, build_engine, exact_distances, to_distances
from index.labels import NEW_WHALE
from index.matching import BadQuery, Candidate, Score
from index.splicing import gathered, pieces_of, spliced

_PHOTOS_AN_INDIVIDUAL = 4  # neighbours first asked for per wanted individual; more when that falls short
_BLOCK_BYTES = 64 * 2**20  # memory for one block of queries against every photo
_FLOAT64_ROWS = 2048  # photos turned into float64 at a time: a copy of all of them would be twice the gallery


class BadGallery(FlukeprintError):
    """Photos, individuals and vectors that do not make a gallery."""


class Gallery:
    """Photos sorted by (individual, photo name), so that no answer depends on the order of their coming.

    Never changes after `build`: a service swaps a gallery whole. Safe to search from several threads.
    """

    photo_names: list[str]  # m, the row order
    individuals: list[str]  # m, whose photo each row is
    individual_ids: list[str]  # c, sorted, each once
    vectors: FloatArray  # (m, d)
    centres: FloatArray  # (c, d), each individual's mean direction
    fingerprint: str
    revision: int

    def __init__(
        self,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        engine: Engine,
        *,
        fingerprint: str,
        revision: int,
        factory: str = "Flat",
        before: Gallery | None = None,
        differing: Collection[str] = (),
    ) -> None:
        """Hold rows that are already checked and sorted; use `Gallery.build`.

        `before`: a gallery whose individuals have the same vectors, but for `differing`; it saves computing them again.
        """
        self.photo_names = list(photo_names)
        self.individuals = list(individuals)
        self.vectors = vectors
        self.fingerprint = fingerprint
        self.revision = revision
        self._engine = engine
        self._factory = factory
        counts = Counter(self.individuals)  # in the order of the rows, which is sorted
        self.individual_ids = list(counts)
        numbers = np.array(list(counts.values()), np.int64)
        self._columns = np.repeat(np.arange(len(counts)), numbers)  # (m,)
        self._starts = np.cumsum(numbers) - numbers  # (c,) first row of each
        self.centres = self._centres() if before is None else self._centres_after(before, differing)

    @classmethod
    def build(
        cls,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        *,
        fingerprint: str,
        revision: int,
        factory: str = "Flat",
    ) -> Gallery:
        """Build a gallery from parallel rows in any order; `factory` as in `build_engine`.

        Raises BadGallery for rows that do not match up, for a photo named twice and for photos of new_whale;
        BadVectors and BadEngine as their modules say.
        """
        _check_rows(photo_names, individuals, len(vectors))
        vectors = check_vectors(vectors, named="catalogue vectors")
        order = sorted(range(len(photo_names)), key=lambda row: (individuals[row], photo_names[row]))
        vectors = np.ascontiguousarray(vectors[order])
        return cls(
            [photo_names[row] for row in order],
            [individuals[row] for row in order],
            vectors,
            build_engine(vectors, factory),
            fingerprint=fingerprint,
            revision=revision,
            factory=factory,
        )

    def only(self, is_kept: NDArray[np.bool_]) -> Gallery:
        """Narrow to the rows (m,) that are True: the same answers as a gallery built of these photos alone.

        Exact whatever the engine of this one. An individual that keeps no photo is not there any more.
        """
        if is_kept.shape != (self.size,):
            raise BadGallery(f"a choice of shape {is_kept.shape} was given for {self.size} photos; give one bool a row")
        rows: list[int] = np.flatnonzero(is_kept).tolist()
        vectors = np.ascontiguousarray(self.vectors[is_kept])
        return Gallery(
            [self.photo_names[row] for row in rows],
            [self.individuals[row] for row in rows],
            vectors,
            build_engine(vectors, is_checked=True),
            fingerprint=self.fingerprint,
            revision=self.revision,
            before=self,
            differing={self.individuals[row] for row in np.flatnonzero(~is_kept).tolist()},
        )

    def changed(
        self,
        removed: Collection[str],
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        *,
        revision: int,
    ) -> Gallery:
        """Take out the photos of the names `removed`, where they are there, and add parallel rows in any order.

        The same, bit for bit, as a gallery built anew of what is there then; far faster where little changes. A photo
        that goes from one individual to another is removed and added. Raises BadGallery and BadVectors as `build`.
        """
        _check_rows(photo_names, individuals, len(vectors))
        gone = frozenset(removed)
        is_kept = ~np.fromiter(map(gone.__contains__, self.photo_names), np.bool_, self.size)
        kept: NDArray[np.intp] = np.flatnonzero(is_kept)
        if len(kept) == self.size and not photo_names:
            return self._as_of(revision)
        self._refuse_twice(photo_names, gone)
        vectors = check_vectors(vectors, dimension=self.dimension if len(kept) else None, named="catalogue vectors")
        added = sorted(range(len(photo_names)), key=lambda at: (individuals[at], photo_names[at]))
        places = [self._place(kept, individuals[at], photo_names[at]) for at in added]
        pieces = pieces_of(kept, places, added)
        merged = gathered(self.vectors, vectors, pieces)
        return Gallery(
            spliced(self.photo_names, photo_names, pieces),
            spliced(self.individuals, individuals, pieces),
            merged,
            build_engine(merged, self._factory, is_checked=True),
            fingerprint=self.fingerprint,
            revision=revision,
            factory=self._factory,
            before=self,
            differing={*individuals, *(self.individuals[row] for row in np.flatnonzero(~is_kept).tolist())},
        )

    def _place(self, kept: NDArray[np.intp], individual: str, photo_name: str) -> int:
        """Before which of the rows that are kept a photo comes."""

        def order_of(row: int) -> tuple[str, str]:
            return self.individuals[row], self.photo_names[row]

        return bisect.bisect_left(cast("Sequence[int]", kept), (individual, photo_name), key=order_of)

    def _as_of(self, revision: int) -> Gallery:
        """The same rows at another revision, sharing their memory."""
        other = copy.copy(self)
        other.revision = revision
        return other

    def _refuse_twice(self, photo_names: Sequence[str], gone: Collection[str]) -> None:
        added = set(photo_names) - set(gone)
        twice = added.intersection(self.photo_names)
        if twice:
            raise BadGallery(f"photo {min(twice)} is in the gallery already; remove it in the same change")

    def _centres(self) -> FloatArray:
        return centres_of(sums_of(self.vectors, self._starts)).astype(np.float32)

    def _centres_after(self, before: Gallery, differing: Collection[str]) -> FloatArray:
        centres = np.empty((self.individual_count, self.dimension), np.float32)
        column_before = {individual: at for at, individual in enumerate(before.individual_ids)}
        same = [at for at, individual in enumerate(self.individual_ids) if individual not in differing]
        centres[same] = before.centres[[column_before[self.individual_ids[at]] for at in same]]
        for at, individual in enumerate(self.individual_ids):
            if individual in differing:
                own = sums_of(self.vectors[self.rows_of(at)], np.zeros(1, np.int64))
                centres[at] = centres_of(own).astype(np.float32)[0]
        return centres

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

    def rank(self, queries: FloatArray, k: int, score: Score = "nearest") -> list[tuple[Candidate, ...]]:
        """Rank each query's best k individuals, nearest first, ties by individual id.

        An answer is shorter than k only when the gallery holds fewer individuals. `score` is how near an
        individual is: as its "nearest" photo, as the "centre" of its photos, or "blend", the mean of the two.
        Raises BadQuery for k below 1 or another score, BadVectors for queries that cannot be compared.
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

    def individual_distances(self, queries: FloatArray, score: Score = "nearest") -> NDArray[np.float64]:
        """Distance of each query to every individual, exactly: (n, c), columns as `individual_ids`."""
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

    def photo_distances(self, queries: FloatArray, individual: str) -> tuple[list[str], NDArray[np.float64]]:
        """Distance of each query to each photo of one individual: p photo names, sorted, and (n, p) distances.

        Raises BadQuery for an individual that the gallery does not hold.
        """
        queries = self._checked(queries)
        column = bisect.bisect_left(self.individual_ids, individual)
        if column == self.individual_count or self.individual_ids[column] != individual:
            raise BadQuery(f"the gallery holds no photo of {individual!r}; give the id of an individual it knows")
        rows = self.rows_of(column)
        return self.photo_names[rows], exact_distances(queries, self.vectors[rows])

    def _checked(self, queries: FloatArray) -> FloatArray:
        return check_vectors(queries, dimension=self.dimension if self.size else None, named="queries")

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
        """Ask the engine for photos, and for four times as many while a query saw too few individuals."""
        ranked: list[tuple[Candidate, ...]] = [()] * len(queries)
        left = list(range(len(queries)))
        asked = k * _PHOTOS_AN_INDIVIDUAL
        while left:
            distances, positions = self._engine.search(queries[left], asked)
            for at, query in enumerate(left):
                ranked[query] = self._first_of_each(distances[at], positions[at], k)
            left = [query for query in left if len(ranked[query]) < k]
            asked *= 4
        return ranked

    def _first_of_each(
        self, distances: NDArray[np.float64], positions: NDArray[np.int64], k: int
    ) -> tuple[Candidate, ...]:
        """Keep each individual's nearest photo; rows are sorted by individual, so ties come in id order."""
        _, first = np.unique(self._columns[positions], return_index=True)
        kept = np.sort(first)[:k]
        rows: list[int] = positions[kept].tolist()
        return tuple(
            Candidate(self.individuals[row], float(distance), self.photo_names[row])
            for row, distance in zip(rows, distances[kept], strict=True)
        )

    def _rank_by_all(self, queries: FloatArray, k: int, score: Score) -> list[tuple[Candidate, ...]]:
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


def sums_of(vectors: NDArray[np.floating], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum each individual's run of rows: (m, d) -> (c, d)."""
    sums = np.empty((len(starts), vectors.shape[1]))
    # One run at a time: a float64 copy of all rows would be twice the gallery, and takes twenty times as long.
    for at, (start, stop) in enumerate(pairwise([*starts.tolist(), len(vectors)])):
        sums[at] = vectors[start:stop].sum(axis=0, dtype=np.float64)
    return sums


def centres_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale sums (c, d) to unit length; vectors that cancel out leave zeros, at distance 1 from all."""
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


def _check_score(score: str) -> None:
    if score not in get_args(Score):
        raise BadQuery(f"score is {score!r}; the scores are {', '.join(get_args(Score))}")


def _check_rows(photo_names: Sequence[str], individuals: Sequence[str], vector_count: int) -> None:
    if not len(photo_names) == len(individuals) == vector_count:
        raise BadGallery(
            f"{len(photo_names)} photo names, {len(individuals)} individuals and {vector_count} vectors were "
            "given; each photo needs one of each"
        )
    if len(set(photo_names)) < len(photo_names):
        seen: set[str] = set()
        twice = next(name for name in photo_names if name in seen or seen.add(name))
        raise BadGallery(f"photo {twice} is given twice; each photo belongs in the gallery once")
    for name, individual in zip(photo_names, individuals, strict=True):
        if individual in ("", NEW_WHALE):
            raise BadGallery(f"photo {name} has the individual {individual!r}, which names nobody; leave it out")
