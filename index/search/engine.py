"""The nearest-neighbour structure under a gallery, and the only door to FAISS.

FAISS proposes neighbours; their distances are then computed again from the vectors in float64. So
every engine gives the same distances, whatever its storage, its batch size or its threads, and
equal vectors tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import faiss  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.search.vectors import FloatArray, check_vectors

_faiss: Any = faiss

DISTANCE_DECIMALS = 6
"""Distances are rounded to this: nearer than float32 products can tell apart is equal."""

_FETCH_AT_LEAST = (
    64  # what an approximate engine looks through (HNSW's efSearch) even for a small k
)
_TIES_EXPECTED = (
    16  # neighbours fetched past k, so that most ties at the k-th place are seen at once
)
_STORAGE_ERROR = (
    1e-4  # fp16 storage may move a distance by this much, and so misplace the k-th neighbour
)
_BLOCK_BYTES = 64 * 2**20  # memory for one block of float64 work, whatever the number of queries
_NEVER_BLAS = 2**31 - 1  # for one query BLAS and a second thread cost four times as much


class BadEngine(FlukeprintError):
    """A factory string that FAISS does not know, or that does not suit the vectors."""


Neighbours = tuple[NDArray[np.float64], NDArray[np.int64]]


class Engine(Protocol):
    """Answers which rows are nearest; another store is another class with these two members."""

    @property
    def size(self) -> int:
        """m, the number of vectors held."""
        ...

    def search(self, queries: FloatArray, k: int) -> Neighbours:
        """Find each query's nearest rows: distances (n, k) ascending in [0, 2], positions (n, k).

        Ties come in row order. With fewer than k vectors all are returned: there are min(k, m)
        columns, never padding. Raises BadVectors for queries of another dimension, with NaN, or not
        of unit length.
        """
        ...


def exact_distances(
    queries: NDArray[np.floating], vectors: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Cosine distances (n, m) of unit rows in float64, in [0, 2] and rounded so that ties are
    ties.
    """
    products = queries.astype(np.float64) @ vectors.astype(np.float64).T  # (n, m)
    return to_distances(products)


def to_distances(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn float64 cosines into distances: rounding strays a hair outside [0, 2], so they are
    clipped.
    """
    return np.round(np.clip(1.0 - products, 0.0, 2.0), DISTANCE_DECIMALS) + 0.0


def build_engine(vectors: FloatArray, factory: str = "Flat", *, is_checked: bool = False) -> Engine:
    """Build an engine over (m, d) unit rows; positions in its answers are row numbers.

    `factory` is a FAISS index factory string, such as Flat (exact), SQfp16 (half the memory) or
    HNSW32 (approximate, fast on large galleries). `is_checked`: the rows are known to be float32,
    contiguous and of unit length. Raises BadEngine for a factory that FAISS refuses.
    """
    if is_checked:
        return _FaissEngine(vectors, factory)
    return _FaissEngine(check_vectors(vectors, named="catalogue vectors"), factory)


class _FaissEngine:
    def __init__(self, vectors: FloatArray, factory: str) -> None:
        self._vectors = vectors
        # FAISS compares with the rows where they lie: an index of this kind would be a second copy
        # of them all.
        self._index = None if factory == "Flat" else _build_index(vectors, factory)

    @property
    def size(self) -> int:
        return len(self._vectors)

    def search(self, queries: FloatArray, k: int) -> Neighbours:
        dimension = self._vectors.shape[1] if self.size else None
        queries = check_vectors(queries, dimension=dimension, named="queries")
        k = min(k, self.size)
        distances = np.zeros((len(queries), k))
        positions = np.zeros((len(queries), k), np.int64)
        if k == 0:
            return distances, positions
        remaining = np.arange(len(queries))
        fetch = max(_FETCH_AT_LEAST, k + _TIES_EXPECTED)
        while remaining.size and fetch < self.size // 2:
            still_left: list[NDArray[np.int64]] = []
            for rows in _blocks(remaining, self._vectors.shape[1] * fetch):
                distances[rows], positions[rows], is_complete = self._search_once(
                    queries[rows], k, fetch
                )
                still_left.append(rows[~is_complete])
            remaining = np.concatenate(still_left)
            fetch *= 4
        for rows in _blocks(remaining, self.size):
            distances[rows], positions[rows] = self._search_exactly(queries[rows], k)
        return distances, positions

    def _search_once(
        self, queries: FloatArray, k: int, fetch: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        """Distances and positions (n, k), and whether each query (n,) saw all ties for its k-th
        place.
        """
        rows = _faiss_search(self._index, self._vectors, queries, fetch)  # (n, fetch)
        found = self._vectors[rows].astype(np.float64)  # (n, fetch, d)
        distances = to_distances(np.einsum("nd,nfd->nf", queries.astype(np.float64), found))
        order = np.lexsort((rows, distances))
        is_complete = (rows >= 0).all(axis=1)  # FAISS pads with -1 where its graph led to too few
        distances = np.take_along_axis(distances, order, axis=1)
        is_complete &= distances[:, -1] > distances[:, k - 1] + _STORAGE_ERROR
        return distances[:, :k], np.take_along_axis(rows, order, axis=1)[:, :k], is_complete

    def _search_exactly(self, queries: FloatArray, k: int) -> Neighbours:
        """Compare with every vector: for small galleries, for k near their size and for ties
        without end.
        """
        every = exact_distances(queries, self._vectors)  # (n, m)
        positions = np.argsort(every, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(every, positions, axis=1), positions


def _blocks(rows: NDArray[np.int64], float64_per_row: int) -> Iterator[NDArray[np.int64]]:
    """Cut rows into blocks whose work fits in the memory set aside for one block."""
    size = max(1, _BLOCK_BYTES // (8 * float64_per_row))
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _build_index(vectors: FloatArray, factory: str) -> Any:
    try:
        index = _faiss.index_factory(max(1, vectors.shape[1]), factory, _faiss.METRIC_INNER_PRODUCT)
        if len(vectors):
            if not index.is_trained:
                index.train(vectors)
            index.add(vectors)
    except (RuntimeError, AssertionError) as error:
        raise BadEngine(
            f"FAISS cannot build {factory!r} over {len(vectors)} vectors of dimension "
            f"{vectors.shape[1]}; "
            "Flat, SQfp16 and HNSW32 suit every catalogue"
        ) from error
    return index


def _faiss_search(
    index: Any, vectors: FloatArray, queries: FloatArray, fetch: int
) -> NDArray[np.int64]:
    """Rows (n, fetch) that FAISS finds, -1 where it found too few, tuned to one query or to a
    batch.

    `index` None: compare with every vector.
    """
    is_single = len(queries) == 1
    # A plain C++ global: set at every search and never restored, so a racing thread loses speed at
    # most.
    _faiss.cvar.distance_compute_blas_threshold = _NEVER_BLAS if is_single else 1
    threads: int = _faiss.omp_get_max_threads()
    if is_single:
        _faiss.omp_set_num_threads(1)
    try:
        if index is None:
            return _faiss.knn(queries, vectors, fetch, metric=_faiss.METRIC_INNER_PRODUCT)[1]
        return index.search(queries, fetch)[1]
    finally:
        _faiss.omp_set_num_threads(threads)
