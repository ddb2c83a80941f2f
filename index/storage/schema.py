"""The catalogue's tables, on SQLite and on PostgreSQL. Part of SQLAlchemy's door (`catalogue.py`).

`opening.py` opens the databases that they stand in.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from sqlalchemy import JSON, BigInteger, Connection, ForeignKey, Identity, Integer, String, inspect
from sqlalchemy import Table as SqlTable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_VERSION = 5
CATALOGUED, WAITING, REJECTED, DELETED = "catalogued", "waiting", "rejected", "deleted"
MOST_BOUND = 500
"""Keys or names in one query's IN; SQLite takes 999 values in its oldest builds."""
APPLICATION_ID = 0x666C756B  # "fluk": tells our SQLite files from another program's
FORMAT_TABLE = "flukeprint_format"
"""PostgreSQL has no place for a format's version beside the tables: one row here says it."""

BUSY_STATES = frozenset({"55P03", "40P01", "40001"})
"""PostgreSQL's codes of a lock that can't be had, of a deadlock, and of what can't be
serialised."""

CHANNEL = "flukeprint_"
"""PostgreSQL tells of changes in the channel of this name and the schema's."""

PASSING = "flukeprint_passing"
"""In a table's `info`: what it holds is worth nothing a minute later, and no copy has it."""

_IS_WRITING = "flukeprint_is_writing"


class Table(DeclarativeBase):
    """The base of all tables.

    Text sorts by its bytes and whole numbers have 64 bits, on either database.
    """

    # Text: SQLite compares bytes, PostgreSQL by the collation that its database was made with.
    type_annotation_map = {  # noqa: RUF012
        str: String().with_variant(String(collation="C"), "postgresql"),
        int: BigInteger().with_variant(Integer(), "sqlite"),
    }


# The log names rows by their keys: none may be another row's later.
_KEYS_ONCE: Any = {"sqlite_autoincrement": True}


class IndividualRow(Table):
    """A known animal.

    `name` is the id that answers give; `other_names` are those it had, or has elsewhere.

    `merged_into`: it turned out to be that animal, to which its photos went; its name leads there.
    """

    __tablename__ = "individuals"
    __table_args__ = _KEYS_ONCE
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str | None]
    other_names: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    species: Mapped[str | None]
    sex: Mapped[str | None]
    notes: Mapped[str | None]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"))


class EncounterRow(Table):
    """One meeting with one animal; without an individual where the animal isn't known.

    `place` is private; `region` names a stretch so wide that everybody may know it, and searches
    are narrowed by it.
    """

    __tablename__ = "encounters"
    __table_args__ = _KEYS_ONCE
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    individual_id: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"), index=True)
    at: Mapped[str | None]
    place: Mapped[str | None]
    region: Mapped[str | None]
    observer: Mapped[str | None]
    notes: Mapped[str | None]


class PhotoRow(Table):
    """One file with its label. No individual means `new_whale`.

    `state`: "catalogued" (searched, where it has an individual), "waiting" (for a person to say
    whose it is), "rejected" (of no use) or "deleted". `answer` is what the service said of a photo
    when it came. A row is never taken out, so that a deletion can be undone and an old answer
    explained. `path` is relative to the catalogue's folder where the file lies in it, so that the
    folder can be moved whole. `mtime_ns` is empty when the file was too fresh for its time to prove
    anything. `perceptual_hash` (hex) says what the picture looks like; empty for one that was
    embedded before that was kept, and for one without a pattern.
    """

    __tablename__ = "photos"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    path: Mapped[str]
    content_hash: Mapped[str] = mapped_column(index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int | None] = mapped_column(BigInteger)
    individual_id: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"), index=True)
    encounter_id: Mapped[int | None] = mapped_column(ForeignKey("encounters.id"), index=True)
    species: Mapped[str | None]
    taken_at: Mapped[str | None]
    box: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))
    state: Mapped[str] = mapped_column(default=CATALOGUED, server_default=CATALOGUED, index=True)
    viewpoint: Mapped[str | None]
    quality: Mapped[str | None]
    perceptual_hash: Mapped[str | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class VectorRow(Table):
    """A photo's embedding by one checkpoint: little-endian float32 of unit length.

    `checksum` is `index.storage.checksums.vector_checksum`'s. Without one a vector isn't searched.
    """

    __tablename__ = "vectors"
    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True
    )
    fingerprint: Mapped[str] = mapped_column(primary_key=True, index=True)
    dimension: Mapped[int]
    embedding: Mapped[bytes]
    checksum: Mapped[int | None]


class RevisionRow(Table):
    """One event: what was done, when, by whom, and which checkpoint searches after it.

    `kind` and `detail` say what was done and by what answer; `undoes` is the revision that this one
    took back. `calibration` and `calibrated_photos` are of an older flukeprint, which fitted within
    the transaction; CalibrationRow has those of this one.
    """

    __tablename__ = "revisions"
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str]
    fingerprint: Mapped[str]
    calibration: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    calibrated_photos: Mapped[int | None]
    kind: Mapped[str] = mapped_column(default="update", server_default="update")
    made_by: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    undoes: Mapped[int | None]


class CalibrationRow(Table):
    """The last calibration, and below it the revision that moved a distance since then.

    Such a revision's `calibration` is empty until it is fitted. It is derived from what the
    revision left, and may be fitted again at any time; earlier ones are not kept.
    """

    __tablename__ = "calibrations"
    revision: Mapped[int] = mapped_column(
        ForeignKey("revisions.revision", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement=False,
    )
    calibration: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class ChangeRow(Table):
    """One row's change in one revision, before and after.

    Never altered, never deleted (triggers see to it).

    `photo` names the photo, individual or encounter. `detail` holds `before` and `after` in words
    and, in `rows`, every database row that was changed: its table, its key, and its columns before
    and after, which is what undoing needs.
    """

    __tablename__ = "changes"
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    # Deferred: a revision's own row is written last, when its calibration is fitted.
    revision: Mapped[int] = mapped_column(
        ForeignKey("revisions.revision", deferrable=True, initially="DEFERRED"), index=True
    )
    kind: Mapped[str]
    photo: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


def unindexed(column: Any) -> Any:
    """A text column for a condition that is not to choose the index.

    Without statistics SQLite takes the index of states, which nearly all photos share, and not that
    of an individual's few.
    """
    return column.concat("")


# Other modules' tables (jobs, keys) are made by those modules, where they are used.
_OWN_TABLES: list[SqlTable] = [
    Table.metadata.tables[kind.__tablename__]
    for kind in (
        IndividualRow,
        EncounterRow,
        PhotoRow,
        VectorRow,
        RevisionRow,
        CalibrationRow,
        ChangeRow,
    )
]
APPEND_ONLY = ("changes", "revisions")
_REFUSAL = "the log of changes is append-only"


def create_tables(connection: Connection) -> None:
    """Create the catalogue's absent tables, and the triggers that keep its log append-only."""
    create_missing(connection, _OWN_TABLES)
    if is_postgres(connection):
        _finish_postgres(connection)
    else:
        _finish_sqlite(connection)


def is_busy(error: DBAPIError) -> bool:
    """Whether another writer keeps the database, by PostgreSQL's codes or SQLite's words."""
    state = getattr(error.orig, "sqlstate", None)
    return (
        state in BUSY_STATES
        if state
        else any(word in str(error.orig) for word in ("locked", "busy"))
    )


def create_missing(connection: Connection, tables: Sequence[SqlTable]) -> None:
    """Create those of some tables that are absent; another process may be about to do the same."""
    if is_postgres(connection):
        there = inspect(connection)
        if all(there.has_table(table.name) for table in tables):
            return
        # Held to the transaction's end: of two that create a table at once, PostgreSQL would fail
        # one.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(current_schema()))")
    Table.metadata.create_all(connection, tables=list(tables))


def is_postgres(connection: Connection) -> bool:
    """Whether this is PostgreSQL and not SQLite."""
    return connection.dialect.name == "postgresql"


def writing(connection: Connection) -> Connection:
    """Make the connection's next transaction one that writes.

    In SQLite it takes the database's one write lock at its start, not at its first change.
    """
    return connection.execution_options(**{_IS_WRITING: True})


def is_writing(connection: Connection) -> bool:
    """Whether the transaction that begins is to write."""
    return bool(connection.get_execution_options().get(_IS_WRITING, False))


def keep_others_out(connection: Connection, *tables: str) -> None:
    """Let no other writer near these tables until the transaction's end; readers go on.

    Its first statement.

    In SQLite a transaction that writes is alone already. In PostgreSQL a table's lock and not an
    advisory one: it also holds against a writer who doesn't know our rules, and what is read after
    it, READ COMMITTED, is what the writer before has left. Other tables stay free, so that jobs
    report while an hour's update runs.
    """
    if is_postgres(connection):
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")


def announce(connection: Connection) -> None:
    """Tell services that listen that the catalogue has changed, once the transaction is committed.

    In SQLite nobody can listen.
    """
    if is_postgres(connection):
        connection.exec_driver_sql(f"SELECT pg_notify('{CHANNEL}' || current_schema(), '')")


def _finish_sqlite(connection: Connection) -> None:
    for table, happening in product(APPEND_ONLY, ("UPDATE", "DELETE")):
        connection.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS {table}_refuse_{happening.lower()} BEFORE "
            f"{happening} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _finish_postgres(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    for table in APPEND_ONLY:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_refuse_change ON {table}")
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    connection.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {FORMAT_TABLE} (version integer NOT NULL)"
    )
    connection.exec_driver_sql(f"DELETE FROM {FORMAT_TABLE}")
    connection.exec_driver_sql(f"INSERT INTO {FORMAT_TABLE} VALUES ({SCHEMA_VERSION})")
