"""Keeps what PostgreSQL searches as the catalogue says, in the catalogue's own transactions.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from index.catalogue.vector_check import VectorCheck, vector_check
from index.pgvector.tables import KINDS, SEARCHED, Kinds, Rows, has_tables
from index.storage.schema import CATALOGUED, PhotoRow, VectorRow, is_postgres

_ROWS_AT_ONCE = 4096
_SAMPLED = 20_000  # vectors by which the first kinds are made
_MOST_NAMED = 10_000  # photos that are named to the database; with more it looks at all
_KEPT_REVISIONS = 1000  # for searches that run, and services that are about to follow

# Photos that are searched, with the vectors of a checkpoint.
_SEARCHABLE = (
    f"p.state = '{CATALOGUED}' AND p.individual_id IS NOT NULL AND v.fingerprint = :fingerprint"
)
_OPEN = (
    f"SELECT 1 FROM {SEARCHED} s JOIN {KINDS} k ON k.kind = s.kind "
    "WHERE s.photo_id = v.photo_id AND k.fingerprint = v.fingerprint "
    "AND s.until IS NULL AND s.checksum = v.checksum"
)


@dataclass(frozen=True, slots=True)
class Unsearched:
    """Photos that lack a row in the tables (n,), and those whose vectors are of no use.

    `stale` rows are there and no photo of theirs is searched any more.
    """

    good: int
    damaged: dict[str, str]
    stale: int

    @property
    def is_current(self) -> bool:
        """Whether the tables say what the catalogue says."""
        return not self.good and not self.stale


def unsearched(session: Session, fingerprint: str) -> Unsearched:
    """Compare the tables with the catalogue, in a transaction."""
    check = vector_check(session, fingerprint)
    good = 0
    damaged: dict[str, str] = {}
    for rows in _missing(session.connection(), fingerprint, None):
        faults = check.faults([(row[0], row[1], row[2]) for row in rows])
        good += faults.count("")
        keys = {row[0]: fault for row, fault in zip(rows, faults, strict=True) if fault}
        if keys:
            names = select(PhotoRow.id, PhotoRow.name).where(PhotoRow.id.in_(keys))
            damaged |= {name: keys[key] for key, name in session.execute(names)}
    counted = f"SELECT count(*) FROM {SEARCHED} s WHERE {_stale(None)}"
    stale = session.scalar(text(counted), {"fingerprint": fingerprint})
    return Unsearched(good, damaged, stale or 0)


def synchronise(
    connection: Connection, fingerprint: str, revision: int, photo_ids: Collection[int] | None
) -> None:
    """Have the tables say from a revision on what the catalogue says of photos; None: of all.

    Part of the transaction that writes the revision. Does nothing where there are no tables.
    """
    if not is_postgres(connection) or not has_tables(connection):
        return
    keys = None if photo_ids is None or len(photo_ids) > _MOST_NAMED else sorted(photo_ids)
    if keys is not None and not keys:
        return
    named: dict[str, Any] = {"fingerprint": fingerprint, "revision": revision}
    named |= {} if keys is None else {"keys": keys}
    close = f"UPDATE {SEARCHED} s SET until = :revision WHERE {_stale(keys)}"
    connection.execute(text(close), named)
    with Session(connection, join_transaction_mode="rollback_only") as session:
        check = vector_check(session, fingerprint)
        _write(session, check, revision, keys)
    old = f"DELETE FROM {SEARCHED} WHERE until <= :oldest"
    connection.execute(text(old), {"oldest": revision - _KEPT_REVISIONS})


def forget_checkpoints(connection: Connection, kept: Collection[str | None]) -> None:
    """Remove what is of none of these checkpoints from the tables."""
    if is_postgres(connection) and has_tables(connection):
        others = text(f"DELETE FROM {KINDS} WHERE NOT fingerprint = ANY(:kept)")
        connection.execute(others, {"kept": [one for one in kept if one is not None]})


def _stale(keys: Sequence[int] | None) -> str:
    """The condition of an open row that no photo of the catalogue stands behind."""
    named = "" if keys is None else "s.photo_id = ANY(:keys) AND "
    return (
        f"{named} s.until IS NULL AND s.kind IN "
        f"(SELECT kind FROM {KINDS} WHERE fingerprint = :fingerprint) "
        "AND NOT EXISTS (SELECT 1 FROM photos p JOIN vectors v ON v.photo_id = p.id "
        f"WHERE p.id = s.photo_id AND {_SEARCHABLE} AND v.checksum = s.checksum)"
    )


def _missing(
    connection: Connection, fingerprint: str, keys: Sequence[int] | None
) -> Generator[list[Any]]:
    """The searched photos without an open row: key, vector's bytes and checksum, in chunks."""
    query = (
        "SELECT v.photo_id, v.embedding, v.checksum FROM vectors v "
        f"JOIN photos p ON p.id = v.photo_id WHERE {_SEARCHABLE} AND NOT EXISTS ({_OPEN})"
    )
    if keys is not None:
        query += " AND v.photo_id = ANY(:keys)"
    named = {"fingerprint": fingerprint} | ({} if keys is None else {"keys": keys})
    found = connection.execute(text(query), named, execution_options={"yield_per": _ROWS_AT_ONCE})
    for rows in found.partitions():
        yield list(rows)


def _write(session: Session, check: VectorCheck, revision: int, keys: Sequence[int] | None) -> None:
    connection = session.connection()
    kinds = Kinds(connection, check.fingerprint, check.dimension)
    if keys is None:
        kinds.seed(_sample(session, check))
    for rows in _missing(connection, check.fingerprint, keys):
        faults = check.faults([(row[0], row[1], row[2]) for row in rows])
        good = [row for row, fault in zip(rows, faults, strict=True) if not fault]
        if not good:
            continue
        vectors = _vectors([row[1] for row in good], check.dimension)
        ids = np.array([row[0] for row in good], np.int64)
        checksums = np.array([row[2] for row in good], np.int64)
        for kind, at in kinds.of(vectors):
            _copy(
                connection,
                _Copied(kind.kind, revision, ids[at], checksums[at]),
                vectors[np.ix_(at, kind.columns)],
            )


def _sample(session: Session, check: VectorCheck) -> NDArray[np.float32]:
    query = select(VectorRow.embedding).where(
        VectorRow.fingerprint == check.fingerprint,
        func.length(VectorRow.embedding) == 4 * check.dimension,
    )
    return _vectors(list(session.scalars(query.limit(_SAMPLED))), check.dimension)


def _vectors(embeddings: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    return np.frombuffer(b"".join(embeddings), "<f4").reshape(len(embeddings), dimension)


@dataclass(frozen=True, slots=True)
class _Copied:
    kind: int
    since: int
    photo_ids: Rows
    checksums: Rows


def _copy(connection: Connection, rows: _Copied, vectors: NDArray[np.float32]) -> None:
    """Add rows with vectors (r, l), in PostgreSQL's binary form of COPY.

    As text a vector would take five times as long.
    """
    fields = (("photo_id", ">i8"), ("kind", ">i4"), ("checksum", ">i8"), ("since", ">i8"))
    layout: list[Any] = [("fields", ">i2")]
    for name, kind in fields:
        layout += [(f"{name}_size", ">i4"), (name, kind)]
    live = vectors.shape[1]
    # pgvector's own: how many numbers, an unused half word, the numbers.
    layout += [("size", ">i4"), ("live", ">u2"), ("unused", ">u2"), ("numbers", ">f4", (live,))]
    table = np.zeros(len(vectors), np.dtype(layout))
    table["fields"] = len(fields) + 1
    for name, kind in fields:
        table[f"{name}_size"] = np.dtype(kind).itemsize
    table["photo_id"], table["checksum"] = rows.photo_ids, rows.checksums
    table["kind"], table["since"] = rows.kind, rows.since
    table["size"], table["live"], table["numbers"] = 4 + 4 * live, live, vectors
    driver: Any = connection.connection.driver_connection
    named = ", ".join([name for name, _ in fields])
    copying = f"COPY {SEARCHED} ({named}, embedding) FROM STDIN (FORMAT binary)"
    with driver.cursor().copy(copying) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        copy.write(table.tobytes())
        copy.write(b"\xff\xff")
