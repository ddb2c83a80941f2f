"""Opens a catalogue's database, whichever it is: a SQLite file or a schema of PostgreSQL.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from index.storage import postgres, sqlite
from index.storage.address import BadCatalogue, CatalogueAddress, snapshot_folder
from index.storage.serving_marker import refuse_served

_BEGAN = "flukeprint-began"


def open_engine(address: CatalogueAddress, *, wait_seconds: float = 5.0) -> Engine:
    """Open a catalogue's database; `wait_seconds` is how long to wait for another writer."""
    if isinstance(address, Path):
        return sqlite.open_engine(address, wait_seconds=wait_seconds)
    return postgres.open_engine(address, wait_seconds=wait_seconds)


def open_listener(address: CatalogueAddress) -> postgres.Listener | None:
    """Listen to what others change; None where a database tells nobody. Raises BadCatalogue."""
    return None if isinstance(address, Path) else postgres.Listener(address)


def exists(address: CatalogueAddress) -> bool:
    """Whether there is anything at a catalogue's address.

    Raises BadCatalogue where that can't be asked.
    """
    return (
        address.exists() if isinstance(address, Path) else postgres.format_of(address) is not None
    )


def check_catalogue(address: CatalogueAddress) -> int:
    """The format's version of the catalogue there.

    Raises BadCatalogue unless this flukeprint can read it.
    """
    return sqlite.check_file(address) if isinstance(address, Path) else postgres.check(address)


def create_schema(address: CatalogueAddress) -> None:
    """Write an empty catalogue. Raises BadCatalogue where there is one, or it can't be written."""
    if isinstance(address, Path):
        sqlite.create_schema(address)
    else:
        postgres.create(address)
    _remove_snapshots(address)


def refuse_read_only(address: CatalogueAddress) -> None:
    """Raise BadCatalogue where a file can't be written; a database says so at the first change."""
    if isinstance(address, Path):
        sqlite.refuse_read_only(address)


def sibling_address(address: CatalogueAddress, word: str) -> CatalogueAddress:
    """Where a catalogue is made that isn't complete yet: a hidden file beside it, or a schema."""
    if isinstance(address, Path):
        return address.with_name(f".{address.name}.{word}")
    return address.sibling(word)


def refuse_in_use(address: CatalogueAddress) -> None:
    """Raise BadCatalogue where a catalogue can't be replaced now.

    A file must not have a log beside it then.

    A schema is exchanged in one transaction, which waits for whoever reads it. A service is told by
    its mark: it holds nothing open between requests, but answers from memory.
    """
    refuse_served(address)
    if isinstance(address, Path):
        sqlite.settle(address)


def put_in_place(new: CatalogueAddress, address: CatalogueAddress) -> None:
    """Give a complete catalogue its name, in place of what had it: before or after, never between.

    Raises BadCatalogue while another process has the old one open, or serves it.
    """
    refuse_served(address)
    if isinstance(new, Path) and isinstance(address, Path):
        if address.exists():
            sqlite.settle(address)
        else:
            sqlite.remove_log(address)
        _rename(new, address)
    elif not isinstance(new, Path) and not isinstance(address, Path):
        postgres.put_in_place(new, address)
    else:
        raise TypeError("a file can't take a database's place")
    _remove_snapshots(address)


def remove_database(address: CatalogueAddress) -> None:
    """Remove a catalogue that isn't complete, where it is there."""
    if not isinstance(address, Path):
        postgres.remove(address)
        return
    for suffix in ("", "-wal", "-shm", "-journal"):
        address.with_name(address.name + suffix).unlink(missing_ok=True)


def discard_database(address: CatalogueAddress) -> None:
    """Remove a catalogue that isn't complete, after an error of which somebody is to hear first.

    On a disk that can't be written it stays, and the next try removes it.
    """
    with contextlib.suppress(OSError, BadCatalogue):
        remove_database(address)


def database_faults(address: CatalogueAddress) -> list[str]:
    """What is wrong with the database itself, and with references between its rows."""
    return sqlite.faults(address) if isinstance(address, Path) else postgres.faults(address)


@contextmanager
def translating_errors(address: CatalogueAddress) -> Generator[None]:
    """Turn what the database and the disk say into a BadCatalogue that says what to do."""
    own: AbstractContextManager[None] = (
        sqlite.translating_errors(address)
        if isinstance(address, Path)
        else postgres.translating_errors(address)
    )
    try:
        with own:
            yield
    except (JSONDecodeError, UnicodeDecodeError) as error:
        # Of a column whose text was altered beside us, or of a damaged name in SQLite's own words.
        raise BadCatalogue(
            f"{address} is damaged (a record can't be read: {error}); restore a copy of it, or "
            "remove it and build it anew"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise sqlite.disk_full(address) from error
        if error.errno == errno.EROFS:
            raise sqlite.disk_failed(address, error) from error
        raise  # the command and the service say which disk fails


def _remove_snapshots(address: CatalogueAddress) -> None:
    """Remove what was derived from the catalogue that was there before."""
    with contextlib.suppress(BadCatalogue):  # a URL without a folder has none
        shutil.rmtree(snapshot_folder(address), ignore_errors=True)


def _rename(temporary: Path, path: Path) -> None:
    """Give a complete file its name; both are on disk before this returns."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def hear_queries(hear: Callable[[str, str, int, int], None]) -> Callable[[], None]:
    """Have `hear` called after each query of this process, in its thread; the answer ends that.

    It gets the kind of the database, the statement with places for its values, and when the query
    began and ended, in nanoseconds since 1970.
    """

    def before(connection: Connection, *_: Any) -> None:
        connection.info.setdefault(_BEGAN, []).append(time.time_ns())

    def after(connection: Connection, _: Any, statement: str, *__: Any) -> None:
        began = connection.info[_BEGAN].pop()
        hear(connection.dialect.name, statement, began, time.time_ns())

    def failed(context: Any) -> None:
        if context.connection is not None:
            connection: Connection = context.connection
            connection.info.pop(_BEGAN, None)

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    event.listen(Engine, "handle_error", failed)

    def stop() -> None:
        event.remove(Engine, "before_cursor_execute", before)
        event.remove(Engine, "after_cursor_execute", after)
        event.remove(Engine, "handle_error", failed)

    return stop
