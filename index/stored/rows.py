"""The rows of vectors that are not in memory, and what a store of them has to answer."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from index.search.rows.live_rows import LiveRows, Rows
from index.search.vectors import FloatArray
from index.storage.address import BadCatalogue

ROWS_AT_ONCE = 4096


class Kind(NamedTuple):
    """Vectors of one checkpoint of which only `columns` (l,) are live, and how many there are."""

    kind: int
    columns: Rows
    rows: int = 0


class StoreAway(Exception):
    """A store can't propose anything just now; what it holds is read elsewhere."""


class Proposals(NamedTuple):
    """Vectors (f, l) that a store proposes: `which` query each is of (f,), ascending, their keys.

    `counts` (n,) says how many it found for each query, of which some may be left out here.
    """

    which: Rows
    keys: Rows
    vectors: FloatArray
    counts: Rows


class VectorStore(Protocol):
    """Vectors of one checkpoint outside this process, by keys that are whole numbers."""

    @property
    def dimension(self) -> int: ...

    @property
    def factory(self) -> str:
        """The engine's name."""
        ...

    @property
    def kinds(self) -> Sequence[Kind]:
        """What is searched, a kind after the other."""
        ...

    def is_approximate(self, kind: Kind) -> bool:
        """Whether an index that may miss a neighbour is asked for this kind."""
        ...

    def is_read_whole(self, rows: StoredRows, queries: int, fetch: int) -> bool:
        """Whether so many queries are answered faster, or only, by reading every vector."""
        ...

    def choice_of(self, keys: Rows) -> Any:
        """What `nearest` needs of a part of the rows; it is made once."""
        ...

    def nearest(self, kind: Kind, queries: FloatArray, fetch: int, rows: StoredRows) -> Proposals:
        """Find about `fetch` vectors of a kind near each query (n, l) of its columns.

        Of a part of the rows those alone, exactly. Raises StoreAway.
        """
        ...

    def chunks(self, keys: Rows | None) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read vectors (r, l) with their keys and kind; None: all, and maybe others."""
        ...

    def replaced(self, keys: Rows) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read vectors that `chunks` has no more, where they are still to be had."""
        ...

    def joined(
        self, revision: int, photo_names: Sequence[str], vectors: FloatArray, keys: Rows
    ) -> tuple[VectorStore, Rows]:
        """The store of rows with these `keys`, and of photos that were added, with their keys."""
        ...

    def refusal(self, count: int) -> BadCatalogue:
        """The error that so many vectors are to be had nowhere."""
        ...


class StoredRows:
    """The rows (m, d) of a matrix, of which only the keys (m,) are in memory."""

    def __init__(self, store: VectorStore, keys: Rows, *, is_part: bool = False) -> None:
        """Hold all that is searched, or a part of it, in an order."""
        self.store = store
        self.is_part = is_part
        self.keys = keys
        self._by_key = np.argsort(keys, kind="stable").astype(np.int32)

    @property
    def size(self) -> int:
        """m, the number of rows."""
        return len(self.keys)

    @property
    def dimension(self) -> int:
        """d, the length of each vector."""
        return self.store.dimension

    @cached_property
    def choice(self) -> Any:
        """What the store needs to know of a part; None of all."""
        return self.store.choice_of(self.keys) if self.is_part else None

    def rows_of(self, keys: Rows) -> Rows:
        """The rows of vectors by their keys, -1 where one isn't among these."""
        if not self.size:
            return np.full(len(keys), -1, np.int64)
        at = np.searchsorted(self.keys, keys, sorter=self._by_key)
        rows = self._by_key[np.minimum(at, self.size - 1)].astype(np.int64)
        return np.where(self.keys[rows] == keys, rows, -1)

    def dense(self, rows: Rows | None = None) -> FloatArray:
        """The whole rows (r, d), zeros included; None: all. A row that isn't here is zeros.

        Raises BadCatalogue where one is to be had nowhere any more.
        """
        needed = np.arange(self.size) if rows is None else rows
        found = np.zeros((len(needed), self.dimension), np.float32)
        is_here = (needed >= 0) & (needed < self.size)
        unique, back = np.unique(self.keys[needed[is_here]], return_inverse=True)
        own = np.zeros((len(unique), self.dimension), np.float32)
        for kind, at, vectors in self._read(unique, is_all=rows is None and not self.is_part):
            own[at[:, None], kind.columns] = vectors
        found[is_here] = own[back.ravel()]
        return found

    def vectors_of(self, keys: Rows) -> FloatArray:
        """The whole vectors (r, d) of keys, which ascend and are among these.

        Raises BadCatalogue where one is to be had nowhere any more.
        """
        found = np.zeros((len(keys), self.dimension), np.float32)
        for kind, at, vectors in self._read(keys, is_all=False):
            found[at[:, None], kind.columns] = vectors
        return found

    def take(self, rows: Rows) -> StoredRows:
        """These rows (r,), in the order that is given."""
        return StoredRows(self.store, self.keys[rows], is_part=self.is_part)

    def part(self, rows: Rows) -> StoredRows:
        """Some of these rows, ascending."""
        return StoredRows(self.store, self.keys[rows], is_part=True)

    def chunks(self) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read all vectors (r, l), with their rows (r,) and kind.

        Raises BadCatalogue where one is to be had nowhere.
        """
        ascending = self.keys[self._by_key]
        for kind, at, vectors in self._read(ascending, is_all=not self.is_part):
            yield kind, self._by_key[at].astype(np.int64), vectors

    def products(self, queries: NDArray[np.floating]) -> NDArray[np.float64]:
        """Multiply queries (n, d) with all rows in float64: (n, m). Reads every vector."""
        products = np.zeros((len(queries), self.size))
        numbers = queries.astype(np.float64)
        for kind, rows, vectors in self.chunks():
            products[:, rows] = numbers[:, kind.columns] @ vectors.astype(np.float64).T
        return products

    def loaded(self) -> LiveRows:
        """All rows in memory, for work that compares each with each."""
        starts = range(0, self.size, ROWS_AT_ONCE)
        rows = (np.arange(at, min(at + ROWS_AT_ONCE, self.size)) for at in starts)
        return LiveRows.collect((self.dense(each) for each in rows), self.dimension)

    def _read(self, keys: Rows, *, is_all: bool) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read the vectors of keys, which ascend: each with its place among them."""
        is_read = np.zeros(len(keys), np.bool_)

        def own(found: Generator[tuple[Kind, Rows, FloatArray]]):
            for kind, theirs, vectors in found:
                at = np.minimum(np.searchsorted(keys, theirs), max(0, len(keys) - 1))
                is_own = keys[at] == theirs if len(keys) else np.zeros(len(theirs), np.bool_)
                is_read[at[is_own]] = True
                yield kind, at[is_own], vectors[is_own]

        yield from own(self.store.chunks(None if is_all else keys))
        if not is_read.all():
            yield from own(self.store.replaced(keys[~is_read]))
        if not is_read.all():
            raise self.store.refusal(int((~is_read).sum()))
