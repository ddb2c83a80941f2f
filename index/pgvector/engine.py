"""An engine whose vectors stay in PostgreSQL: it asks the database, as others ask FAISS.

The database proposes neighbours; their distances are computed again in float64, as with every
engine. Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine as Database

from index.pgvector.tables import HNSW, SEARCHED, Kind, Rows, extension_schema, kinds_of
from index.search.engine import Nearby, RowEngine, surely_within, to_distances
from index.search.rows.live_rows import LiveRows
from index.search.vectors import FloatArray
from index.storage.address import BadCatalogue, CatalogueAddress
from index.storage.connection import translating_errors

_ROWS_AT_ONCE = 4096
_MOST_EF_SEARCH = 1000  # the most that pgvector's HNSW looks through at once
_LEAST_EF_SEARCH = 200
_MANY_QUERIES = 32  # from so many on, to read every vector once is faster than to ask for each
_INDEX_ROWS = 1000  # an index answers a query while so many vectors are read
_ASKED_TOGETHER = 16  # queries of one statement, whose neighbours are held together


@dataclass(frozen=True)
class VectorStore:
    """Vectors of one checkpoint in a database, those that are valid at one revision."""

    database: Database
    address: CatalogueAddress
    schema: str
    kinds: tuple[Kind, ...]
    dimension: int
    fingerprint: str
    revision: int
    factory: str

    @contextmanager
    def _reading(self) -> Generator[Any]:
        """The driver's connection, in a transaction that sees one moment. Raises BadCatalogue."""
        with (
            translating_errors(self.address),
            self.database.connect() as connection,
            connection.begin(),
        ):
            yield connection.connection.driver_connection

    @property
    def _valid(self) -> str:
        return f"v.since <= {self.revision} AND (v.until IS NULL OR v.until > {self.revision})"

    def is_approximate(self, kind: Kind) -> bool:
        """Whether an index that may miss a neighbour is asked for this kind."""
        return self.factory == HNSW and kind.is_indexed

    def nearest(
        self, kind: Kind, queries: FloatArray, fetch: int, chosen: Rows | None
    ) -> tuple[Rows, Rows, FloatArray]:
        """Find about `fetch` vectors of a kind near each query (n, l) of its columns.

        Returns which query each is of (f,), ascending, their photos (f,) and the vectors (f, l).
        `chosen`: among these photos alone, exactly.
        """
        is_hnsw = self.is_approximate(kind) and chosen is None
        live = len(kind.columns)
        embedding = f"(v.embedding::{self.schema}.vector({live}))" if is_hnsw else "v.embedding"
        among = "" if chosen is None else "AND v.photo_id = ANY(%(chosen)s)"
        # MATERIALIZED: else each row would read the query's text again.
        query = (
            f"WITH q AS MATERIALIZED (SELECT at, one::{self.schema}.vector({live}) AS numbers "
            "FROM unnest(%(queries)s::text[]) WITH ORDINALITY AS q(one, at)) "
            f"SELECT q.at, s.photo_id, {self.schema}.vector_send(s.embedding) "
            "FROM q CROSS JOIN LATERAL (SELECT v.photo_id, v.embedding "
            f"FROM {SEARCHED} v WHERE v.kind = {kind.kind} AND {self._valid} {among} "
            f"ORDER BY {embedding} OPERATOR({self.schema}.<#>) q.numbers LIMIT {fetch}) s "
            "ORDER BY q.at"
        )
        named: dict[str, Any] = {"queries": [_text(each) for each in queries]}
        named |= {} if chosen is None else {"chosen": chosen.tolist()}
        with self._reading() as driver:
            driver.execute("SET LOCAL jit = off")  # it takes longer than the search
            if is_hnsw:
                breadth = min(_MOST_EF_SEARCH, max(fetch, _LEAST_EF_SEARCH))
                driver.execute(f"SET LOCAL hnsw.ef_search = {breadth}")
                driver.execute("SET LOCAL hnsw.iterative_scan = relaxed_order")
            rows = driver.execute(query, named, binary=True).fetchall()
        which = np.array([row[0] - 1 for row in rows], np.int64)
        photos = np.array([row[1] for row in rows], np.int64)
        return which, photos, _sent([row[2] for row in rows], live)

    def chunks(self, photo_ids: Rows | None = None) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read vectors (r, l) with their photos (r,) and kind; None: all that are valid."""
        by_number = {kind.kind: kind for kind in self.kinds}
        query = (
            f"SELECT v.kind, v.photo_id, {self.schema}.vector_send(v.embedding) FROM {SEARCHED} v "
            f"WHERE v.kind = ANY(%(kinds)s) AND {self._valid}"
        )
        named: dict[str, Any] = {"kinds": list(by_number)}
        if photo_ids is not None:
            query += " AND v.photo_id = ANY(%(photos)s)"
            named["photos"] = photo_ids.tolist()
        with self._reading() as driver, driver.cursor("vectors", binary=True) as cursor:
            cursor.execute(query, named)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                numbers = np.array([row[0] for row in rows], np.int64)
                photos = np.array([row[1] for row in rows], np.int64)
                for number in set(numbers.tolist()):
                    at = np.flatnonzero(numbers == number)
                    kind = by_number[number]
                    sent = [rows[row][2] for row in at.tolist()]
                    yield kind, photos[at], _sent(sent, len(kind.columns))

    def at(self, revision: int) -> VectorStore:
        """The same checkpoint's vectors at another revision. Raises BadCatalogue."""
        with (
            translating_errors(self.address),
            self.database.connect() as connection,
            connection.begin(),
        ):
            kinds = tuple(kinds_of(connection, self.fingerprint, self.dimension))
            schema = extension_schema(connection) or self.schema
        return replace(self, kinds=kinds, schema=schema, revision=revision)

    def photo_ids(self, photo_names: Sequence[str]) -> Rows:
        """The keys of photos by their names. Raises BadCatalogue where one has no vector here."""
        query = (
            f"SELECT p.name, p.id FROM photos p JOIN {SEARCHED} v ON v.photo_id = p.id "
            f"WHERE p.name = ANY(%(names)s) AND v.kind = ANY(%(kinds)s) AND {self._valid}"
        )
        named = {"names": list(photo_names), "kinds": [kind.kind for kind in self.kinds]}
        with self._reading() as driver:
            found = dict(driver.execute(query, named).fetchall())
        absent = [name for name in photo_names if name not in found]
        if absent:
            raise BadCatalogue(
                f"the database has no vector of {absent[0]} for revision {self.revision}; start "
                "the service again, which compares its tables with the catalogue"
            )
        return np.array([found[name] for name in photo_names], np.int64)


class StoredRows:
    """The rows (m, d) of a matrix, of which only the photos' keys (m,) are in memory."""

    def __init__(self, store: VectorStore, photo_ids: Rows, *, is_part: bool = False) -> None:
        """Hold all that is valid at the store's revision, or a part of it, in an order."""
        self.store = store
        self.is_part = is_part
        self.photo_ids = photo_ids
        self._by_id = np.argsort(photo_ids, kind="stable").astype(np.int32)

    @property
    def size(self) -> int:
        """m, the number of rows."""
        return len(self.photo_ids)

    @property
    def dimension(self) -> int:
        """d, the length of each vector."""
        return self.store.dimension

    def rows_of(self, photo_ids: Rows) -> Rows:
        """The rows of photos by their keys, -1 where one isn't among these."""
        if not self.size:
            return np.full(len(photo_ids), -1, np.int64)
        at = np.searchsorted(self.photo_ids, photo_ids, sorter=self._by_id)
        rows = self._by_id[np.minimum(at, self.size - 1)].astype(np.int64)
        return np.where(self.photo_ids[rows] == photo_ids, rows, -1)

    def dense(self, rows: Rows | None = None) -> FloatArray:
        """The whole rows (r, d), zeros included; None: all. A row that isn't here is zeros.

        Raises BadCatalogue where the database doesn't have one any more.
        """
        wanted = np.arange(self.size) if rows is None else rows
        found = np.zeros((len(wanted), self.dimension), np.float32)
        is_here = (wanted >= 0) & (wanted < self.size)
        ids = self.photo_ids[wanted[is_here]]
        unique, back = np.unique(ids, return_inverse=True)
        own = np.zeros((len(unique), self.dimension), np.float32)
        count = 0
        for kind, photos, vectors in self.store.chunks(None if rows is None else unique):
            at = np.minimum(np.searchsorted(unique, photos), max(0, len(unique) - 1))
            is_own = unique[at] == photos if len(unique) else np.zeros(len(photos), np.bool_)
            own[at[is_own][:, None], kind.columns] = vectors[is_own]
            count += int(is_own.sum())
        self._refuse_fewer(count, len(unique))
        found[is_here] = own[back.ravel()]
        return found

    def take(self, rows: Rows) -> StoredRows:
        """These rows (r,), in the order that is given."""
        return StoredRows(self.store, self.photo_ids[rows], is_part=self.is_part)

    def part(self, rows: Rows) -> StoredRows:
        """Some of these rows, ascending."""
        return StoredRows(self.store, self.photo_ids[rows], is_part=True)

    def chunks(self) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read all vectors (r, l), with their rows (r,) and kind.

        Raises BadCatalogue where the database lacks one.
        """
        count = 0
        for kind, photos, vectors in self.store.chunks(self.photo_ids if self.is_part else None):
            rows = self.rows_of(photos)
            is_own = rows >= 0
            yield kind, rows[is_own], vectors[is_own]
            count += int(is_own.sum())
        self._refuse_fewer(count, self.size)

    def products(self, queries: NDArray[np.floating]) -> NDArray[np.float64]:
        """Multiply queries (n, d) with all rows in float64: (n, m). Reads every vector."""
        products = np.zeros((len(queries), self.size))
        numbers = queries.astype(np.float64)
        for kind, rows, vectors in self.chunks():
            products[:, rows] = numbers[:, kind.columns] @ vectors.astype(np.float64).T
        return products

    def loaded(self) -> LiveRows:
        """All rows in memory, for work that compares each with each."""
        starts = range(0, self.size, _ROWS_AT_ONCE)
        rows = (np.arange(at, min(at + _ROWS_AT_ONCE, self.size)) for at in starts)
        return LiveRows.collect((self.dense(each) for each in rows), self.dimension)

    def _refuse_fewer(self, found: int, wanted: int) -> None:
        if found < wanted:
            raise BadCatalogue(
                f"the database has {wanted - found:,} vectors fewer than revision "
                f"{self.store.revision} of the catalogue: somebody removed them, or went over to "
                "another checkpoint twice. Start the service again"
            )


class StoredEngine:
    """Searches rows in the database, a kind after the other."""

    is_stored = True

    def __init__(self, rows: StoredRows) -> None:
        self.rows = rows

    @property
    def size(self) -> int:
        """m, the number of rows."""
        return self.rows.size

    def numbers_a_query(self, fetch: int) -> int:
        """What is found near it, or the distances of a chunk where all vectors are read once."""
        return 2 * (fetch + _ROWS_AT_ONCE)

    def nearby(self, queries: FloatArray, fetch: int) -> list[Nearby]:
        """Find about `fetch` rows near each query (n, d) of each kind."""
        if not self.size:
            return []
        is_indexed = self.rows.store.factory == HNSW and not self.rows.is_part
        is_read = not is_indexed or self.size < _INDEX_ROWS * len(queries)
        if len(queries) >= _MANY_QUERIES and is_read:
            return [_nearby_of_all(self.rows, queries, fetch)]
        return [self._nearby(kind, queries, fetch) for kind in self.rows.store.kinds]

    def _nearby(self, kind: Kind, queries: FloatArray, fetch: int) -> Nearby:
        own = np.ascontiguousarray(queries[:, kind.columns])
        # A query that shares no column with the kind is at distance 1 from all of it, exactly.
        every = np.flatnonzero((own != 0).any(axis=1))
        distances = np.full((len(queries), fetch), np.inf)
        rows = np.full((len(queries), fetch), -1, np.int64)
        bound = np.ones(len(queries))
        chosen = self.rows.photo_ids if self.rows.is_part else None
        for start in range(0, len(every), _ASKED_TOGETHER):
            near = every[start : start + _ASKED_TOGETHER]
            which, photos, vectors = self.rows.store.nearest(kind, own[near], fetch, chosen)
            counts = np.bincount(which, minlength=len(near))
            place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
            at = self.rows.rows_of(photos)
            numbers = own[near].astype(np.float64)[which]
            products = np.einsum("nd,nd->n", numbers, vectors.astype(np.float64))
            found = np.where(at < 0, np.inf, to_distances(products))
            distances[near[which], place], rows[near[which], place] = found, at
            # Fewer than were asked for: the index led nowhere else, or there are no more.
            fewer = -np.inf if self.rows.store.is_approximate(kind) else np.inf
            reach = np.full(len(near), -np.inf)
            np.maximum.at(reach, which, to_distances(products))
            bound[near] = np.where(counts < fetch, fewer, surely_within(reach))
        return Nearby(distances, rows, bound, np.full(len(queries), -1, np.int64))

    def loaded(self) -> LiveRows:
        """All rows in memory."""
        return self.rows.loaded()

    def narrowed(self, rows: Rows) -> RowEngine:
        """The engine of some of these rows, ascending."""
        return StoredEngine(self.rows.part(rows))

    def joined(
        self,
        added: LiveRows,
        photo_names: Sequence[str],
        order: Rows,
        revision: int,
        factory: str,
    ) -> RowEngine:
        """The engine of these rows and those `added` of these photos, at a revision, in an order.

        Raises BadCatalogue.
        """
        store = self.rows.store.at(revision)
        ids = np.concatenate([self.rows.photo_ids, store.photo_ids(photo_names)])
        assert added.size == len(photo_names) and factory == store.factory
        return StoredEngine(StoredRows(store, ids[order]))


def _nearby_of_all(rows: StoredRows, queries: FloatArray, fetch: int) -> Nearby:
    """Read every vector once, for many queries (n, d); never more than a chunk is in memory."""
    numbers = queries.astype(np.float64)
    found = np.zeros((len(queries), 0))
    nearest = np.zeros((len(queries), 0), np.int64)
    for kind, own, vectors in rows.chunks():
        distances = to_distances(numbers[:, kind.columns] @ vectors.astype(np.float64).T)
        found = np.concatenate([found, distances], axis=1)
        nearest = np.concatenate([nearest, np.tile(own, (len(queries), 1))], axis=1)
        if found.shape[1] > fetch:
            kept = np.argpartition(found, fetch - 1, axis=1)[:, :fetch]
            found = np.take_along_axis(found, kept, axis=1)
            nearest = np.take_along_axis(nearest, kept, axis=1)
    every = found.shape[1] == rows.size
    bound = np.full(len(queries), np.inf) if every else surely_within(found.max(axis=1))
    return Nearby(found, nearest, bound, np.full(len(queries), -1, np.int64))


def _text(vector: FloatArray) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"


def _sent(embeddings: Sequence[bytes], live: int) -> FloatArray:
    """Vectors (r, l) of what `vector_send` gives: how many numbers, an unused word, the numbers."""
    layout = np.dtype([("live", ">u2"), ("unused", ">u2"), ("numbers", ">f4", (live,))])
    return np.frombuffer(b"".join(embeddings), layout)["numbers"].astype(np.float32)
