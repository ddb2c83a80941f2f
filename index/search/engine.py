"""The nearest-neighbour structure under a gallery, and the only door to FAISS.

FAISS proposes neighbours; their distances are then computed again from the vectors in float64. So
every engine gives the same distances, whatever its storage, its batch size or its threads, and
equal vectors tie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, cast

import faiss  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.search.rows.live_rows import LiveGroup, LiveRows
from index.search.vectors import FloatArray, check_vectors

_faiss: Any = faiss

DISTANCE_DECIMALS = 6
"""Distances are rounded to this: nearer than float32 products can tell apart is equal."""

PQ_FROM = 200_000 * 192
"""With "auto", groups of so many numbers (rows by live columns) are searched by product
quantisation: 200,000 humpbacks, or half as many right whales, whose vectors are twice as long."""
ROW_STEP = 2**21
"""Rows of another part that may come between two rows, by their keys."""

_PQ_LEAST = 1000  # fewer rows don't fill sixteen points a quantiser well, and are compared at once
_COARSE = 3  # so many times the rows are compared again where an index orders them coarsely
_COARSE_AT_LEAST = 768
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
    """Compute cosine distances (n, m) of unit rows in float64.

    They are in [0, 2] and rounded, so that ties are ties.
    """
    products = queries.astype(np.float64) @ vectors.astype(np.float64).T  # (n, m)
    return to_distances(products)


def to_distances(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn float64 cosines into distances, clipped to [0, 2] because rounding strays outside."""
    return np.round(np.clip(1.0 - products, 0.0, 2.0), DISTANCE_DECIMALS) + 0.0


def build_engine(
    vectors: FloatArray | LiveRows, factory: str = "Flat", *, is_checked: bool = False
) -> LiveEngine:
    """Build an engine over (m, d) unit rows; positions in its answers are row numbers.

    `factory` is "auto" (by the number of rows), "flat" (exact), "pq" (approximate, many times as
    fast), or a FAISS index factory string, such as SQfp16 (half the memory) or HNSW32.
    `is_checked`: the rows are known to be float32, contiguous and of unit length. Raises BadEngine
    for a factory that FAISS refuses.
    """
    if not isinstance(vectors, LiveRows):
        if not is_checked:
            vectors = check_vectors(vectors, named="catalogue vectors")
        vectors = LiveRows.of(vectors)
    if not vectors.groups:  # a wrong factory is an error with no rows, too
        _index_of(np.zeros((0, max(1, vectors.dimension)), np.float32), factory)
    return LiveEngine(vectors, [_index_of(group.vectors, factory) for group in vectors.groups])


def stored_engine(rows: LiveRows, indexes: Sequence[NDArray[np.uint8] | None]) -> LiveEngine:
    """Make the engine that had these rows and `stored_indexes`, with the same version of FAISS."""
    read = [None if one is None else _faiss.deserialize_index(one) for one in indexes]
    return LiveEngine(rows, read)


def faiss_version() -> str:
    """The version of FAISS, of which another may read stored indexes otherwise."""
    return str(_faiss.__version__)


class Nearby(NamedTuple):
    """Rows (n, f) near each query with their exact distances, and what is known of all others.

    Each row that isn't among them comes, by distance and then by row number, after
    (`bound`, `bound_row`) (n,). A row of -1, at distance infinity, is none.
    """

    distances: NDArray[np.float64]
    rows: NDArray[np.int64]
    bound: NDArray[np.float64]
    bound_row: NDArray[np.int64]


class SearchableRows(Protocol):
    """The rows (m, d) that an engine searches, in memory or elsewhere."""

    @property
    def size(self) -> int:
        """m, the number of rows."""
        ...

    @property
    def dimension(self) -> int:
        """d, the length of each vector."""
        ...

    def dense(self, rows: NDArray[np.int64] | None = None) -> FloatArray:
        """The whole rows (r, d), zeros included; None: all of them. Rows beyond m are zeros."""
        ...

    def products(self, queries: NDArray[np.floating]) -> NDArray[np.float64]:
        """Multiply queries (n, d) with all rows in float64: (n, m)."""
        ...


class RowEngine(Protocol):
    """Rows and how they are searched. Never changes.

    `is_stored`: the vectors are not in memory, and work that needs many of them reads them first.
    """

    @property
    def is_stored(self) -> bool: ...

    @property
    def rows(self) -> SearchableRows:
        """What is searched."""
        ...

    @property
    def size(self) -> int:
        """m, the number of rows."""
        ...

    def numbers_a_query(self, fetch: int) -> int:
        """How many float64 numbers `nearby` holds for each query."""
        ...

    def nearby(self, queries: FloatArray, fetch: int) -> list[Nearby]:
        """Find about `fetch` rows near each query (n, d) in each part of the rows."""
        ...

    def loaded(self) -> LiveRows:
        """All rows in memory."""
        ...

    def narrowed(self, rows: NDArray[np.int64]) -> RowEngine:
        """An engine of some of these rows, ascending, that is exact."""
        ...

    def joined(
        self,
        added: LiveRows,
        photo_names: Sequence[str],
        order: NDArray[np.int64],
        revision: int,
        factory: str,
    ) -> RowEngine:
        """An engine of these rows and those `added` of these photos, in one order (r,).

        Rows that are added are numbered from m on. They are what the catalogue holds at the
        revision.
        """
        ...


class LiveEngine:
    """Searches rows by groups: a query is compared with each on the group's live columns."""

    is_stored = False

    def __init__(self, rows: LiveRows, indexes: Sequence[Any]) -> None:
        """Use `build_engine`, or `stored_engine`."""
        self.rows = rows
        # FAISS compares with the rows where they lie: an index of the exact kind would be a second
        # copy of them all.
        self._indexes = indexes

    def stored_indexes(self) -> list[NDArray[np.uint8] | None]:
        """FAISS's index of each group as bytes; None where its rows alone are compared."""
        return [None if one is None else _faiss.serialize_index(one) for one in self._indexes]

    @property
    def size(self) -> int:
        """m, the number of vectors held."""
        return self.rows.size

    def numbers_a_query(self, fetch: int) -> int:
        """The numbers of all rows that are found near it."""
        return self.rows.dimension * fetch * len(self.rows.groups)

    def loaded(self) -> LiveRows:
        """All rows; they are in memory."""
        return self.rows

    def narrowed(self, rows: NDArray[np.int64]) -> RowEngine:
        """The exact engine of some of these rows."""
        return build_engine(self.rows.take(rows))

    def joined(
        self,
        added: LiveRows,
        photo_names: Sequence[str],
        order: NDArray[np.int64],
        revision: int,
        factory: str,
    ) -> RowEngine:
        """The engine of these rows and those `added`, in one order."""
        assert added.size == len(photo_names), revision
        return build_engine(self.rows.joined(added, order), factory)

    def search(self, queries: FloatArray, k: int) -> Neighbours:
        """Find each query's nearest rows, as `Engine.search` says."""
        return search_parts([SearchPart(self)], queries, k)

    def nearby(self, queries: FloatArray, fetch: int) -> list[Nearby]:
        """Find about `fetch` rows near each query (n, d) in each group."""
        return [
            _nearby(group, index, queries, fetch)
            for group, index in zip(self.rows.groups, self._indexes, strict=True)
            if len(group.rows)
        ]


@dataclass(frozen=True, eq=False, slots=True)
class SearchPart:
    """An engine whose rows `gone` (ascending) don't count, and how its rows are ordered and named.

    `keys` (m,) order rows among those of all parts; None: 2 `ROW_STEP` r + `ROW_STEP` for row r.
    Positions in answers are row numbers from `first` on.
    """

    engine: RowEngine
    gone: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    keys: NDArray[np.int64] | None = None
    first: int = 0

    @property
    def size(self) -> int:
        """How many rows count."""
        return self.engine.size - len(self.gone)

    def keys_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The keys of rows; -1 stays before all."""
        if self.keys is None:
            return np.where(rows < 0, -1, 2 * ROW_STEP * rows + ROW_STEP)
        return np.where(rows < 0, -1, self.keys[rows])

    def without_gone(self, near: Nearby) -> Nearby:
        """The same, rows that are gone as far as can be."""
        if not len(self.gone):
            return near
        is_gone = np.isin(near.rows, self.gone)
        return near._replace(distances=np.where(is_gone, np.inf, near.distances))


def search_parts(parts: Sequence[SearchPart], queries: FloatArray, k: int) -> Neighbours:
    """Find each query's nearest rows in several engines together.

    Distances (n, k) ascend, positions (n, k); ties come by the parts' keys. There are as many
    columns as rows, at most k. Raises BadVectors as `Engine.search`.
    """
    parts = [part for part in parts if part.size]
    size = sum(part.engine.size for part in parts)
    dimension = parts[0].engine.rows.dimension if parts else None
    queries = check_vectors(queries, dimension=dimension, named="queries")
    k = min(k, sum(part.size for part in parts))
    distances = np.zeros((len(queries), k))
    positions = np.zeros((len(queries), k), np.int64)
    if k == 0:
        return distances, positions
    remaining = np.arange(len(queries))
    fetch = max(_FETCH_AT_LEAST, k + _TIES_EXPECTED)
    while remaining.size and fetch < size // 2:
        still_left: list[NDArray[np.int64]] = []
        held = max(part.engine.numbers_a_query(fetch) for part in parts)
        for rows in _blocks(remaining, held):
            found = _search_once(parts, queries[rows], k, fetch)
            distances[rows], positions[rows], is_complete = found
            still_left.append(rows[~is_complete])
        remaining = np.concatenate(still_left)
        fetch *= 4
    for rows in _blocks(remaining, size):
        distances[rows], positions[rows] = _search_exactly(parts, queries[rows], k)
    return distances, positions


def _search_once(
    parts: Sequence[SearchPart], queries: FloatArray, k: int, fetch: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Search once: distances and positions (n, k), and whether each query (n,) saw all ties."""
    found = [
        (part, part.without_gone(near))
        for part in parts
        for near in part.engine.nearby(queries, fetch)
    ]
    distances = np.concatenate([near.distances for _, near in found], axis=1)
    keys = np.concatenate([part.keys_of(near.rows) for part, near in found], axis=1)
    positions = np.concatenate([part.first + near.rows for part, near in found], axis=1)
    order = np.lexsort((keys, distances))[:, :k]
    if order.shape[1] < k:  # every group led FAISS to too few
        return np.zeros((len(queries), k)), np.zeros((len(queries), k), np.int64), _none(queries)
    distances = np.take_along_axis(distances, order, axis=1)
    last, last_key = distances[:, -1], np.take_along_axis(keys, order, axis=1)[:, -1]
    is_complete = np.isfinite(last)
    for part, near in found:
        bound_key = part.keys_of(near.bound_row)
        is_complete &= (last < near.bound) | ((last == near.bound) & (last_key <= bound_key))
    return distances, np.take_along_axis(positions, order, axis=1), is_complete


def _none(queries: FloatArray) -> NDArray[np.bool_]:
    return np.zeros(len(queries), np.bool_)


def _search_exactly(parts: Sequence[SearchPart], queries: FloatArray, k: int) -> Neighbours:
    """Compare with every vector.

    For small galleries, for k near their size, and for ties without end.
    """
    every, keys, positions = list[NDArray[np.float64]](), list[NDArray[np.int64]](), list[Any]()
    for part in parts:
        distances = to_distances(part.engine.rows.products(queries))  # (n, m)
        distances[:, part.gone] = np.inf
        every.append(distances)
        rows = np.arange(part.engine.size)
        keys.append(part.keys_of(rows))
        positions.append(part.first + rows)
    distances = np.concatenate(every, axis=1) if len(parts) > 1 else every[0]
    order = np.argsort(np.concatenate(keys)) if len(parts) > 1 else None
    if order is not None:
        distances = distances[:, order]
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    at = np.concatenate(positions)
    at = at if order is None else at[order]
    return np.take_along_axis(distances, nearest, axis=1), at[nearest]


def _nearby(group: LiveGroup, index: Any, queries: FloatArray, fetch: int) -> Nearby:
    """Find about `fetch` rows of a group near each query (n, d)."""
    own = group.of(queries)
    is_near = (own != 0).any(axis=1) if len(group.columns) < queries.shape[1] else None
    if is_near is None or is_near.all():
        return _nearby_on_columns(group, index, cast("FloatArray", own), fetch)
    # Queries that share no column with the group are at distance 1 from all of it, exactly: the
    # first rows stand for it.
    fetch = min(fetch, len(group.rows))
    first = group.rows[:fetch]
    beyond = (1.0, int(first[-1])) if fetch < len(group.rows) else (np.inf, -1)
    distances, rows = np.ones((len(queries), fetch)), np.tile(first, (len(queries), 1))
    bound = np.full(len(queries), beyond[0])
    bound_row = np.full(len(queries), beyond[1], np.int64)
    if is_near.any():
        near = _nearby_on_columns(group, index, cast("FloatArray", own)[is_near], fetch)
        distances[is_near], rows[is_near] = near.distances, near.rows
        bound[is_near], bound_row[is_near] = near.bound, near.bound_row
    return Nearby(distances, rows, bound, bound_row)


def _nearby_on_columns(group: LiveGroup, index: Any, queries: FloatArray, fetch: int) -> Nearby:
    """Find the rows of a group that are near queries (n, l) of its own columns."""
    wanted = min(fetch, len(group.rows))
    is_coarse = isinstance(index, _faiss.IndexPQFastScan)
    fetch = min(max(_COARSE_AT_LEAST, _COARSE * wanted) if is_coarse else wanted, len(group.rows))
    rows = _faiss_search(index, group.vectors, queries, fetch)  # (n, fetch)
    found = group.vectors[rows].astype(np.float64)  # (n, fetch, l)
    distances = to_distances(np.einsum("nd,nfd->nf", queries.astype(np.float64), found))
    distances[rows < 0] = np.inf  # FAISS pads with -1 where its graph led to too few
    if fetch > wanted:
        nearest = np.argpartition(distances, wanted - 1, axis=1)[:, :wanted]
        rows = np.take_along_axis(rows, nearest, axis=1)
        distances = np.take_along_axis(distances, nearest, axis=1)
        fetch = wanted
    if fetch == len(group.rows):
        bound = np.where((rows >= 0).all(axis=1), np.inf, -np.inf)
    else:
        bound = np.where((rows >= 0).all(axis=1), surely_within(distances.max(axis=1)), -np.inf)
    at = np.where(rows < 0, -1, group.rows[rows])
    return Nearby(distances, at, bound, np.full(len(queries), -1, np.int64))


def surely_within(reach: NDArray[np.float64]) -> NDArray[np.float64]:
    """Up to where nothing is missed, by the distances (n,) that an inexact comparison reached."""
    return reach - _STORAGE_ERROR


def _blocks(rows: NDArray[np.int64], float64_per_row: int) -> Iterator[NDArray[np.int64]]:
    """Cut rows into blocks whose work fits in the memory set aside for one block."""
    size = max(1, _BLOCK_BYTES // (8 * float64_per_row))
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _index_of(vectors: FloatArray, factory: str) -> Any:
    """The index of one group's vectors (g, l); None: compare with every vector."""
    rows, columns = vectors.shape
    if factory in ("auto", "pq"):
        # Half a byte for every two numbers: a quantiser of sixteen points in the plane.
        is_large = rows >= _PQ_LEAST and (factory == "pq" or rows * columns >= PQ_FROM)
        factory = f"PQ{columns // 2}x4fs" if is_large and columns % 2 == 0 else "Flat"
    if factory.lower() == "flat":
        return None
    return _build_index(vectors, factory)


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
    """Search FAISS for rows (n, fetch).

    A row is -1 where it found too few. It is tuned to one query or to a batch.

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
