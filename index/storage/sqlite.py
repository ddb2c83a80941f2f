"""A SQLite catalogue's file: how it is opened, checked, replaced, and what its errors mean.

The door of sqlite3, and part of SQLAlchemy's. `opening.py` is asked, which knows PostgreSQL too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from index.storage.address import BadCatalogue, CatalogueAddress, CatalogueBusy, files_folder
from index.storage.schema import APPLICATION_ID, SCHEMA_VERSION, create_tables, is_writing

_READ_WRITE = "mode=rw"
_WITHOUT_LOG = "mode=ro&immutable=1"
_NO_LOG = ("disk is full", "disk I/O error", "unable to open", "readonly")
"""What SQLite says where it can't make its log."""


def create_schema(path: Path) -> None:
    """Write an empty catalogue. Raises BadCatalogue when the file exists or can't be written."""
    try:
        path.open("xb").close()
        remove_log(path)
    except OSError as error:
        raise BadCatalogue(f"the catalogue {path} can't be created: {error.strerror}") from error
    engine = open_engine(path)
    with translating_errors(path), engine.begin() as connection:
        create_tables(connection)


def open_engine(path: Path, *, wait_seconds: float = 5.0) -> Engine:
    """Open the SQLite file at `path`, which must be there.

    Each connection is closed after its use. On a disk that takes no writes SQLite can't make its
    log. Where nobody has left one, the file is whole, and reading goes on without it.
    """

    def connect() -> sqlite3.Connection:
        mode = opening_mode(path)
        raw = _connected(path, mode, wait_seconds, sqlite3.Connection)
        if mode != _READ_WRITE:
            return raw
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("PRAGMA synchronous = FULL")
        except sqlite3.OperationalError as error:
            raw.close()
            if not any(words in str(error) for words in _NO_LOG) or _has_log(path):
                raise
            reading = _connected(path, _WITHOUT_LOG, wait_seconds, _ReadingConnection)
            assert isinstance(reading, _ReadingConnection)
            reading.reason = str(error)
            return reading
        return raw

    def begin(connection: Connection) -> None:
        raw = connection.connection.dbapi_connection
        if is_writing(connection) and isinstance(raw, _ReadingConnection):
            raise catalogue_error(path, raw.reason)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing(connection) else "BEGIN")

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", begin)
    return engine


class _ReadingConnection(sqlite3.Connection):
    """A connection that can't write, and why."""

    reason = ""


def _connected(
    path: Path, mode: str, wait_seconds: float, kind: type[sqlite3.Connection]
) -> sqlite3.Connection:
    # isolation_level None: SQLAlchemy's event above says BEGIN, not Python's guesswork.
    raw = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=wait_seconds,
        isolation_level=None,
        check_same_thread=False,
        factory=kind,
    )
    raw.execute("PRAGMA foreign_keys = ON")
    return raw


def is_writable(path: Path) -> bool:
    """Whether file and folder can be written; the log of WAL lies in the folder."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def refuse_read_only(path: Path) -> None:
    """Raise BadCatalogue when the catalogue can't be written."""
    if not is_writable(path):
        raise catalogue_error(path, "readonly")


def opening_mode(path: Path) -> str:
    """How SQLite is to open the file, as the query of its URI."""
    if is_writable(path):
        return _READ_WRITE
    # Without a log nobody is writing, and SQLite, which can't make one here, must be told so.
    return "mode=ro" if _has_log(path) else _WITHOUT_LOG


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    try:
        return log.stat().st_size > 0
    except OSError:
        return False


def check_file(path: Path) -> int:
    """The format's version of a catalogue at `path`.

    Raises BadCatalogue unless this flukeprint can read it.
    """
    if path.is_dir():
        raise BadCatalogue(
            f"{path} is a folder; give the catalogue's file, such as {path / 'catalogue.db'}"
        )
    if not path.exists():
        raise BadCatalogue(
            f"there is no catalogue at {path}; give --catalogue FILE, or make one with "
            "`flukeprint index build`"
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
        raise BadCatalogue(
            f"{path} is not a flukeprint catalogue; give the file that `flukeprint index build` "
            "wrote"
        )
    if version > SCHEMA_VERSION:
        raise BadCatalogue(
            f"{path} was made by a newer flukeprint (format {version}; this one reads up to "
            f"{SCHEMA_VERSION}); "
            "install the newer flukeprint"
        )
    return version


def settle(path: Path) -> None:
    """Bring a catalogue's write-ahead log into its file, so that the file may be replaced.

    A log left beside the new file would be replayed into it. Raises BadCatalogue while another
    process has the catalogue open.
    """
    try:
        raw = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)
        try:
            raw.execute("PRAGMA journal_mode = DELETE")
        finally:
            raw.close()
    except sqlite3.Error as error:
        raise BadCatalogue(
            f"{path} can't be replaced now ({error}): another process may have it open. Stop it "
            "and try again, "
            "or use `flukeprint index update`, which a running service doesn't mind"
        ) from error


def remove_log(path: Path) -> None:
    """Remove the log of a file that is gone, which would be replayed into the next one.

    A killed process leaves one, and whoever removes a catalogue may pass it over.
    """
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def translating_errors(path: Path) -> Generator[None]:
    """Turn what SQLite and the disk say into a BadCatalogue that says what to do.

    What another database says, as of a copy from one to the other, is left to its own.
    """
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error):
            raise
        raise catalogue_error(path, str(error.orig)) from error


def catalogue_error(path: Path, message: str) -> BadCatalogue:
    if "disk is full" in message:
        return disk_full(path)
    if "locked" in message or "busy" in message:
        return CatalogueBusy(
            f"another flukeprint is changing {path} just now; wait until it has finished"
        )
    if "readonly" in message:
        return BadCatalogue(
            f"{path} can't be written: ask for write permission on the file and on its folder"
        )
    if "malformed" in message or "not a database" in message:
        return BadCatalogue(
            f"{path} is damaged ({message}); restore a copy of it, or remove it and build it anew"
        )
    return BadCatalogue(f"SQLite refused {path}: {message}")


def disk_full(address: CatalogueAddress) -> BadCatalogue:
    """What to do on a full disk: the catalogue's own, or the one of its photos."""
    return BadCatalogue(
        f"the disk of {files_folder(address)} is full: nothing was changed. Free some space "
        "there, then run the same "
        "command again"
    )


def disk_failed(address: CatalogueAddress, error: OSError) -> BadCatalogue:
    """What to do where a disk fails, or has become read-only."""
    return BadCatalogue(
        f"the disk of {files_folder(address)} can't be written ({error.strerror}): nothing was "
        "changed. Look at the disk, then run the same command again"
    )


def faults(path: Path) -> list[str]:
    """List the file's faults by SQLite's own check, and references between rows that are wrong."""
    raw = sqlite3.connect(f"{path.absolute().as_uri()}?{opening_mode(path)}", uri=True)
    try:
        found = [str(row[0]) for row in raw.execute("PRAGMA integrity_check(100)")]
        loose = [
            f"{row[0]} row {row[1]} refers to {row[2]}, which is not there"
            for row in raw.execute("PRAGMA foreign_key_check")
        ]
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: its words are damaged, too
        return [str(error)]
    finally:
        raw.close()
    return ([] if found == ["ok"] else found) + loose


def copy_file(source: Path, target: Path) -> None:
    """Copy a catalogue at one moment into a new file without a log; it may be in use.

    Raises BadCatalogue.
    """
    try:
        read = sqlite3.connect(
            f"{source.absolute().as_uri()}?{opening_mode(source)}", uri=True, timeout=60.0
        )
        written = sqlite3.connect(target)
        try:
            read.backup(written)
            # As opening it would do: looking at a copy then doesn't alter its file.
            written.execute("PRAGMA journal_mode = WAL")
        finally:
            written.close()
            read.close()
    except sqlite3.Error as error:
        raise catalogue_error(source, str(error)) from error
