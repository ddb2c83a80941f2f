"""The catalogue's tables, and how its SQLite file is opened. Part of SQLAlchemy's door (`catalogue.py`)."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, BigInteger, Connection, Engine, ForeignKey, create_engine, event
from sqlalchemy import Table as SqlTable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool

from embedding.errors import FlukeprintError

SCHEMA_VERSION = 2
CATALOGUED, WAITING, REJECTED, DELETED = "catalogued", "waiting", "rejected", "deleted"
MOST_BOUND = 500
"""Keys or names in one query's IN; SQLite takes 999 values in its oldest builds."""
APPLICATION_ID = 0x666C756B  # "fluk": tells our SQLite files from another program's

_READ_WRITE = "mode=rw"
_IS_WRITING = "flukeprint_is_writing"


class BadCatalogue(FlukeprintError):
    """A catalogue that is absent, not ours, too new, damaged, locked or can't be written."""


class CatalogueBusy(BadCatalogue):
    """Another process is changing the catalogue just now."""


class Table(DeclarativeBase):
    """What all tables derive from."""


# The log names rows by their keys: none may be another row's later.
_KEYS_ONCE: Any = {"sqlite_autoincrement": True}


class IndividualRow(Table):
    """A known animal. `name` is the id that answers give; `other_names` are those it had, or has elsewhere.

    `merged_into`: it turned out to be that animal, to which its photos went; its name leads there.
    """

    __tablename__ = "individuals"
    __table_args__ = _KEYS_ONCE
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str | None]
    other_names: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    species: Mapped[str | None]
    sex: Mapped[str | None]
    notes: Mapped[str | None]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"))


class EncounterRow(Table):
    """One meeting with one animal; without an individual where the animal isn't known."""

    __tablename__ = "encounters"
    __table_args__ = _KEYS_ONCE
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    individual_id: Mapped[int | None] = mapped_column(ForeignKey("individuals.id"), index=True)
    at: Mapped[str | None]
    place: Mapped[str | None]
    observer: Mapped[str | None]
    notes: Mapped[str | None]


class PhotoRow(Table):
    """One file with its label. No individual means `new_whale`.

    `state`: "catalogued" (searched, where it has an individual), "waiting" (for a person to say whose it is),
    "rejected" (of no use) or "deleted". `answer` is what the service said of a photo when it came. A row is never
    taken out, so that a deletion can be undone and an old answer explained. `path` is relative to the catalogue's
    folder where the file lies in it, so that the folder can be moved whole.
    `mtime_ns` is empty when the file was too fresh for its time to prove anything.
    """

    __tablename__ = "photos"
    id: Mapped[int] = mapped_column(primary_key=True)
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
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class VectorRow(Table):
    """A photo's embedding: little-endian float32 of unit length, one for each checkpoint that embedded it."""

    __tablename__ = "vectors"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True, index=True)
    dimension: Mapped[int]
    embedding: Mapped[bytes]


class RevisionRow(Table):
    """One event, one transaction: what was done, when, by whom, and with which checkpoint the catalogue is searched.

    `calibration` is the one fitted after it, to so many catalogued photos; empty where the last one still stands.
    `kind` and `detail` say what was done and by what answer; `undoes` is the revision that this one took back.
    """

    __tablename__ = "revisions"
    revision: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    fingerprint: Mapped[str]
    calibration: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    calibrated_photos: Mapped[int | None]
    kind: Mapped[str] = mapped_column(default="update", server_default="update")
    made_by: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    undoes: Mapped[int | None]


class ChangeRow(Table):
    """One row's change in one revision, before and after; never altered, never deleted (triggers see to it).

    `photo` names the photo, individual or encounter. `detail` holds `before` and `after` in words and, in `rows`, every
    database row that was changed: its table, its key, and its columns before and after, which is what undoing needs.
    """

    __tablename__ = "changes"
    id: Mapped[int] = mapped_column(primary_key=True)
    # Deferred: a revision's own row is written last, when its calibration is fitted.
    revision: Mapped[int] = mapped_column(
        ForeignKey("revisions.revision", deferrable=True, initially="DEFERRED"), index=True
    )
    kind: Mapped[str]
    photo: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


# Other modules' tables (jobs, keys) are made by those modules, where they are used.
_OWN_TABLES: list[SqlTable] = [
    Table.metadata.tables[kind.__tablename__]
    for kind in (IndividualRow, EncounterRow, PhotoRow, VectorRow, RevisionRow, ChangeRow)
]
_APPEND_ONLY = ("changes", "revisions")


def create_tables(connection: Connection) -> None:
    """Create those of the catalogue's tables that are absent, and the triggers that keep its log append-only."""
    Table.metadata.create_all(connection, tables=_OWN_TABLES)
    for table, happening in product(_APPEND_ONLY, ("UPDATE", "DELETE")):
        connection.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS {table}_refuse_{happening.lower()} BEFORE {happening} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'the log of changes is append-only'); END"
        )
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def create_schema(path: Path) -> None:
    """Write an empty catalogue. Raises BadCatalogue when the file exists or can't be written."""
    try:
        path.open("xb").close()
    except OSError as error:
        raise BadCatalogue(f"the catalogue {path} can't be created: {error.strerror}") from error
    engine = open_engine(path)
    with telling(path), engine.begin() as connection:
        create_tables(connection)


def open_engine(path: Path, *, wait_seconds: float = 5.0) -> Engine:
    """Open the SQLite file at `path`, which must be there; each connection is closed after its use."""

    def connect() -> sqlite3.Connection:
        mode = opening_mode(path)
        # isolation_level None: SQLAlchemy's event below says BEGIN, not Python's guesswork.
        raw = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=wait_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        raw.execute("PRAGMA foreign_keys = ON")
        if mode == _READ_WRITE:
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("PRAGMA synchronous = FULL")
        return raw

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def is_writable(path: Path) -> bool:
    """Whether file and folder can be written; the log of WAL lies in the folder."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def refuse_read_only(path: Path) -> None:
    """Raise BadCatalogue when the catalogue can't be written."""
    if not is_writable(path):
        raise told(path, "readonly")


def opening_mode(path: Path) -> str:
    """How SQLite is to open the file, as the query of its URI."""
    if is_writable(path):
        return _READ_WRITE
    # Without a log nobody is writing, and SQLite, which can't make one here, must be told so.
    return "mode=ro" if path.with_name(path.name + "-wal").exists() else "mode=ro&immutable=1"


def writing(connection: Connection) -> Connection:
    """Make the connection's next transaction take the write lock at its start, not at its first change."""
    return connection.execution_options(**{_IS_WRITING: True})


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(_IS_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def check_file(path: Path) -> int:
    """The format's version of a catalogue at `path`. Raises BadCatalogue unless this flukeprint can read it."""
    if path.is_dir():
        raise BadCatalogue(f"{path} is a folder; give the catalogue's file, such as {path / 'catalogue.db'}")
    if not path.exists():
        raise BadCatalogue(
            f"there is no catalogue at {path}; give --catalogue FILE, or make one with `flukeprint index build`"
        )
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise BadCatalogue(f"the catalogue {path} can't be read: {error.strerror}") from error
    # https://www.sqlite.org/fileformat.html#the_database_header
    application_id = int.from_bytes(header[68:72], "big")
    version = int.from_bytes(header[60:64], "big")
    if not header.startswith(b"SQLite format 3\0") or application_id != APPLICATION_ID:
        raise BadCatalogue(f"{path} is not a flukeprint catalogue; give the file that `flukeprint index build` wrote")
    if version > SCHEMA_VERSION:
        raise BadCatalogue(
            f"{path} was made by a newer flukeprint (format {version}; this one reads up to {SCHEMA_VERSION}); "
            "install the newer flukeprint"
        )
    return version


def settle(path: Path) -> None:
    """Bring a catalogue's write-ahead log into its file, so that the file may be replaced.

    A log left beside the new file would be replayed into it. Raises BadCatalogue while another process has the
    catalogue open.
    """
    try:
        raw = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)
        try:
            raw.execute("PRAGMA journal_mode = DELETE")
        finally:
            raw.close()
    except sqlite3.Error as error:
        raise BadCatalogue(
            f"{path} can't be replaced now ({error}): another process may have it open. Stop it and try again, "
            "or use `flukeprint index update`, which a running service doesn't mind"
        ) from error


@contextmanager
def telling(path: Path) -> Generator[None]:
    """Turn what SQLite and the disk say into a BadCatalogue that says what to do."""
    try:
        yield
    except DBAPIError as error:
        raise told(path, str(error.orig)) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise told(path, "disk is full") from error


def told(path: Path, said: str) -> BadCatalogue:
    if "disk is full" in said:
        return BadCatalogue(
            f"the disk of {path.parent} is full: nothing was changed. Free some space there, then run the same "
            "command again"
        )
    if "locked" in said or "busy" in said:
        return CatalogueBusy(f"another flukeprint is changing {path} just now; wait until it has finished")
    if "readonly" in said:
        return BadCatalogue(f"{path} can't be written: ask for write permission on the file and on its folder")
    if "malformed" in said or "not a database" in said:
        return BadCatalogue(f"{path} is damaged ({said}); restore a copy of it, or remove it and build it anew")
    return BadCatalogue(f"SQLite refused {path}: {said}")
