"""Vectors that PostgreSQL searches, as an engine asks for them. Part of SQLAlchemy's door."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Engine as Database

from index.pgvector.tables import SEARCHED, Rows, extension_schema, is_indexed, kinds_of
from index.search.vectors import FloatArray
from index.storage.address import BadCatalogue, CatalogueAddress
from index.storage.connection import translating_errors
from index.stored.engine_names import PGVECTOR_HNSW
from index.stored.rows import ROWS_AT_ONCE, Kind, Proposals, StoredRows

_MOST_EF_SEARCH = 1000  # the most that pgvector's HNSW looks through at once
_LEAST_EF_SEARCH = 200
_MANY_QUERIES = 32  # from so many on, to read every vector once is faster than to ask for each
_INDEX_ROWS = 1000  # an index answers a query while so many vectors are read


@dataclass(frozen=True)
class PostgresVectors:
    """Vectors of one checkpoint in a database, those that are valid at one revision.

    Their keys are those of their photos.
    """

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
        return self.factory == PGVECTOR_HNSW and is_indexed(kind)

    def is_read_whole(self, rows: StoredRows, queries: int, fetch: int) -> bool:
        """Whether to read every vector is faster for so many queries."""
        has_index = self.factory == PGVECTOR_HNSW and not rows.is_part
        return queries >= _MANY_QUERIES and (not has_index or rows.size < _INDEX_ROWS * queries)

    def choice_of(self, keys: Rows) -> list[int]:
        """The photos that are named to the database."""
        return keys.tolist()

    def nearest(self, kind: Kind, queries: FloatArray, fetch: int, rows: StoredRows) -> Proposals:
        """Find about `fetch` vectors of a kind near each query (n, l) of its columns.

        Of a part of the rows those alone, exactly. Raises BadCatalogue.
        """
        is_hnsw = self.is_approximate(kind) and not rows.is_part
        live = len(kind.columns)
        embedding = f"(v.embedding::{self.schema}.vector({live}))" if is_hnsw else "v.embedding"
        among = "AND v.photo_id = ANY(%(chosen)s)" if rows.is_part else ""
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
        named |= {"chosen": rows.choice} if rows.is_part else {}
        with self._reading() as driver:
            driver.execute("SET LOCAL jit = off")  # it takes longer than the search
            if is_hnsw:
                breadth = min(_MOST_EF_SEARCH, max(fetch, _LEAST_EF_SEARCH))
                driver.execute(f"SET LOCAL hnsw.ef_search = {breadth}")
                driver.execute("SET LOCAL hnsw.iterative_scan = relaxed_order")
            found = driver.execute(query, named, binary=True).fetchall()
        which = np.array([row[0] - 1 for row in found], np.int64)
        photos = np.array([row[1] for row in found], np.int64)
        counts = np.bincount(which, minlength=len(queries))
        return Proposals(which, photos, _sent([row[2] for row in found], live), counts)

    def chunks(self, keys: Rows | None) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read vectors (r, l) with their photos (r,) and kind; None: all that are valid."""
        by_number = {kind.kind: kind for kind in self.kinds}
        query = (
            f"SELECT v.kind, v.photo_id, {self.schema}.vector_send(v.embedding) FROM {SEARCHED} v "
            f"WHERE v.kind = ANY(%(kinds)s) AND {self._valid}"
        )
        named: dict[str, Any] = {"kinds": list(by_number)}
        if keys is not None:
            query += " AND v.photo_id = ANY(%(photos)s)"
            named["photos"] = keys.tolist()
        with self._reading() as driver, driver.cursor("vectors", binary=True) as cursor:
            cursor.execute(query, named)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                numbers = np.array([row[0] for row in rows], np.int64)
                photos = np.array([row[1] for row in rows], np.int64)
                for number in set(numbers.tolist()):
                    at = np.flatnonzero(numbers == number)
                    kind = by_number[number]
                    sent = [rows[row][2] for row in at.tolist()]
                    yield kind, photos[at], _sent(sent, len(kind.columns))

    def replaced(self, keys: Rows) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Nothing: what is valid at the revision is in the tables."""
        yield from ()

    def joined(
        self, revision: int, photo_names: Sequence[str], vectors: FloatArray, keys: Rows
    ) -> tuple[PostgresVectors, Rows]:
        """The same checkpoint's vectors at another revision, and the keys of photos.

        The act that added them has written them. Raises BadCatalogue.
        """
        with (
            translating_errors(self.address),
            self.database.connect() as connection,
            connection.begin(),
        ):
            # Of a catalogue that was empty the dimension is known only now.
            dimension = int(vectors.shape[1])
            kinds = tuple(kinds_of(connection, self.fingerprint, dimension))
            schema = extension_schema(connection) or self.schema
        changed = {"kinds": kinds, "schema": schema, "dimension": dimension}
        store = replace(self, **changed, revision=revision)
        return store, store._photo_ids(photo_names)

    def _photo_ids(self, photo_names: Sequence[str]) -> Rows:
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

    def refusal(self, count: int) -> BadCatalogue:
        """The error that so many vectors are not there any more."""
        return BadCatalogue(
            f"the database has {count:,} vectors fewer than revision {self.revision} of the "
            "catalogue: somebody removed them, or went over to another checkpoint twice. Start the "
            "service again"
        )


def _text(vector: FloatArray) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"


def _sent(embeddings: Sequence[bytes], live: int) -> FloatArray:
    """Vectors (r, l) of what `vector_send` gives: how many numbers, an unused word, the numbers."""
    layout = np.dtype([("live", ">u2"), ("unused", ">u2"), ("numbers", ">f4", (live,))])
    return np.frombuffer(b"".join(embeddings), layout)["numbers"].astype(np.float32)
