"""The tables in which PostgreSQL searches vectors, made on demand. Part of SQLAlchemy's door.

They are derived from the table `vectors`, and no copy of a catalogue has them. A row is valid from
the revision `since` until before the revision `until`, so that a search answers by one revision
whatever is written meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from index.search.rows.live_rows import Rows
from index.storage.address import BadCatalogue, CatalogueAddress
from index.stored.rows import Kind

KINDS = "vector_kinds"
SEARCHED = "searched_vectors"

_LEAST_VERSION = (0, 8)  # the first whose HNSW goes on where rows don't count
_MOST_INDEXED = 2000  # numbers of a vector that pgvector's HNSW takes
_FEWEST_INDEXED = 1000
_WIDTH = 8  # columns that are looked at together, as in LiveRows
_MOST_KINDS = 8
_LEAST_SHARE = 0.01


def extension_schema(connection: Connection) -> str | None:
    """The schema of the extension pgvector; None where it isn't created. Raises BadCatalogue."""
    query = (
        "SELECT quote_ident(n.nspname), e.extversion FROM pg_extension e "
        "JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
    )
    row = connection.exec_driver_sql(query).first()
    if row is None:
        return None
    version = tuple(int(part) for part in str(row[1]).split(".")[:2])
    if version < _LEAST_VERSION:
        raise BadCatalogue(
            f"the database has pgvector {row[1]}, and the engine pgvector needs 0.8 or newer: "
            "install it on the database's server, then run `ALTER EXTENSION vector UPDATE` there"
        )
    return str(row[0])


def create_extension(connection: Connection, address: CatalogueAddress) -> str:
    """Create the extension where it is absent; its schema. Raises BadCatalogue."""
    found = extension_schema(connection)
    if found is not None:
        return found
    offered = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
    if connection.exec_driver_sql(offered).scalar() is None:
        raise BadCatalogue(
            f"the server of {address} has no pgvector: install it there (Debian with PostgreSQL's "
            "own packages: apt-get install postgresql-18-pgvector, by the server's version), or "
            "use the engine auto, flat or pq"
        )
    try:
        with connection.begin_nested():
            # Not in the catalogue's own schema: that is dropped when the catalogue is replaced.
            connection.exec_driver_sql("CREATE EXTENSION vector WITH SCHEMA public")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "42501":
            raise
        raise BadCatalogue(
            f"pgvector is not created in the database of {address}, and this user may not do it: "
            "have an administrator run `CREATE EXTENSION vector WITH SCHEMA public` there once"
        ) from error
    return extension_schema(connection) or "public"


def has_tables(connection: Connection) -> bool:
    """Whether the tables are there."""
    return connection.exec_driver_sql(f"SELECT to_regclass('{SEARCHED}')").scalar() is not None


def create_vector_tables(connection: Connection, address: CatalogueAddress) -> None:
    """Create the extension and the tables where they are absent. Raises BadCatalogue."""
    schema = create_extension(connection, address)
    for statement in (
        f"CREATE TABLE IF NOT EXISTS {KINDS} (kind integer GENERATED ALWAYS AS IDENTITY "
        "PRIMARY KEY, fingerprint text NOT NULL, dimension integer NOT NULL, "
        "columns integer[] NOT NULL)",
        # Without a size: rows of one kind have as many numbers as the kind has columns.
        f"CREATE TABLE IF NOT EXISTS {SEARCHED} (photo_id bigint NOT NULL REFERENCES photos "
        f"ON DELETE CASCADE, kind integer NOT NULL REFERENCES {KINDS} ON DELETE CASCADE, "
        "checksum bigint NOT NULL, since bigint NOT NULL, until bigint, "
        f"embedding {schema}.vector NOT NULL)",
        # In the row: else each comparison would look long vectors up in another table.
        f"ALTER TABLE {SEARCHED} ALTER COLUMN embedding SET STORAGE MAIN",
        f"CREATE INDEX IF NOT EXISTS {SEARCHED}_photo ON {SEARCHED} (photo_id)",
        f"CREATE INDEX IF NOT EXISTS {SEARCHED}_kind ON {SEARCHED} (kind)",
        f"CREATE INDEX IF NOT EXISTS {SEARCHED}_until ON {SEARCHED} (until) "
        "WHERE until IS NOT NULL",
    ):
        connection.exec_driver_sql(statement)


def is_indexed(kind: Kind) -> bool:
    """Whether HNSW is of use: fewer rows are compared as fast as an index is read."""
    return kind.rows >= _FEWEST_INDEXED and len(kind.columns) <= _MOST_INDEXED


class Kinds:
    """The kinds of a checkpoint's vectors, and which of them a vector is."""

    def __init__(self, connection: Connection, fingerprint: str, dimension: int) -> None:
        """Read the kinds of vectors with so many numbers."""
        self._connection, self._fingerprint = connection, fingerprint
        self._dimension = dimension
        self.kinds = list(kinds_of(connection, fingerprint, dimension))

    def seed(self, vectors: NDArray[np.float32]) -> None:
        """Make the kinds that most of a sample (r, d) is, where there are none yet."""
        if self.kinds or not len(vectors):
            return
        patterns, counts = np.unique(self._live(vectors), axis=0, return_counts=True)
        for at in np.argsort(-counts, kind="stable")[:_MOST_KINDS].tolist():
            if counts[at] >= _LEAST_SHARE * len(vectors):
                self._make(np.flatnonzero(patterns[at]))

    def of(self, vectors: NDArray[np.float32]) -> list[tuple[Kind, Rows]]:
        """Sort vectors (r, d) by their kinds: each with its rows. Makes a kind where none fits."""
        found: list[tuple[Kind, Rows]] = []
        patterns, which = np.unique(self._live(vectors), axis=0, return_inverse=True)
        for at, pattern in enumerate(patterns):
            found.append((self._fitting(pattern), np.flatnonzero(which.ravel() == at)))
        return found

    def _live(self, vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
        starts = np.arange(0, self._dimension, _WIDTH)
        live = np.logical_or.reduceat(vectors != 0, starts, axis=1)
        return np.repeat(live, _WIDTH, axis=1)[:, : self._dimension]

    def _fitting(self, pattern: NDArray[np.bool_]) -> Kind:
        columns = np.flatnonzero(pattern)
        wider = [kind for kind in self.kinds if np.isin(columns, kind.columns).all()]
        narrowest = min(wider, key=lambda kind: len(kind.columns), default=None)
        if narrowest is not None and len(narrowest.columns) == len(columns):
            return narrowest
        if len(self.kinds) < _MOST_KINDS:
            return self._make(columns)
        return narrowest or self._make(np.arange(self._dimension))

    def _make(self, columns: Rows) -> Kind:
        number = self._connection.exec_driver_sql(
            f"INSERT INTO {KINDS} (fingerprint, dimension, columns) VALUES (%s, %s, %s) "
            "RETURNING kind",
            (self._fingerprint, self._dimension, columns.tolist()),
        ).scalar_one()
        self.kinds.append(Kind(int(number), columns))
        return self.kinds[-1]


def kinds_of(connection: Connection, fingerprint: str, dimension: int) -> Sequence[Kind]:
    """The kinds of a checkpoint's vectors with so many numbers."""
    query = (
        f"SELECT kind, columns, (SELECT count(*) FROM {SEARCHED} v WHERE v.kind = k.kind) "
        f"FROM {KINDS} k WHERE fingerprint = %s AND dimension = %s ORDER BY kind"
    )
    rows = connection.exec_driver_sql(query, (fingerprint, dimension))
    return [Kind(int(row[0]), np.array(row[1], np.int64), int(row[2])) for row in rows]


def create_hnsw(connection: Connection, kinds: Sequence[Kind]) -> None:
    """Index the kinds with many rows, where they aren't. Readers and writers go on meanwhile.

    The connection commits each statement by itself.
    """
    schema = extension_schema(connection)
    for each in kinds:
        kind, live = each.kind, len(each.columns)
        name = f"{SEARCHED}_hnsw_{kind}"
        valid = connection.exec_driver_sql(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (name,)
        ).scalar()
        if valid or not is_indexed(each):
            continue
        if valid is False:  # what a killed process left
            connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
        connection.exec_driver_sql(
            f"CREATE INDEX CONCURRENTLY {name} ON {SEARCHED} USING hnsw "
            f"((embedding::{schema}.vector({live})) {schema}.vector_ip_ops) "
            f"WHERE kind = {kind}"
        )
