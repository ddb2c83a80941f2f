"""Fresh copies of a scene for each trial, in a SQLite file or in a PostgreSQL database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from index.storage.address import PostgresAddress
from tests.faults.scene import Scene, copy_scene, make_scene, sqlite_scene

Copies = Callable[[], AbstractContextManager[Scene]]
"""Opens a fresh copy of a scene, and removes it at its end."""


def sqlite_copies(folder: Path) -> tuple[Scene, Copies]:
    """Make a scene whose catalogue is a SQLite file, and what copies it into `folder`."""
    scene = sqlite_scene(folder / "template")
    return scene, partial(_sqlite_copy, scene, folder)


@contextmanager
def _sqlite_copy(scene: Scene, folder: Path) -> Iterator[Scene]:
    place = folder / "trial"
    shutil.rmtree(place, ignore_errors=True)
    yield copy_scene(scene, place)
    shutil.rmtree(place)


@contextmanager
def postgres_copies(server: Path, folder: Path) -> Generator[tuple[Scene, Copies]]:
    """Make a scene in a database of its own, and what copies it; `server` has the socket."""
    address = PostgresAddress(
        user="flukeprint",
        database="postgres",
        options=(("host", str(server)),),
        files=folder / "template" / "home",
    )
    execute(server, "DROP DATABASE IF EXISTS template_scene", "CREATE DATABASE template_scene")
    own = PostgresAddress(**{**_fields(address), "database": "template_scene"})
    scene = make_scene(folder / "template", own)
    yield scene, partial(_postgres_copy, scene, folder, server)


def execute(server: Path, *statements: str) -> None:
    """Run statements in a connection of their own, because the server may have been restarted."""
    import psycopg

    with psycopg.connect(
        user="flukeprint", dbname="postgres", host=str(server), autocommit=True
    ) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def _postgres_copy(scene: Scene, folder: Path, server: Path) -> Iterator[Scene]:
    place = folder / "trial"
    shutil.rmtree(place, ignore_errors=True)
    # FORCE also ends the connection of a killed process that the server hasn't noticed yet.
    execute(
        server,
        "DROP DATABASE IF EXISTS trial WITH (FORCE)",
        "CREATE DATABASE trial TEMPLATE template_scene STRATEGY WAL_LOG",
        # Without it the copy's counters of keys go back when the server crashes (PostgreSQL 15):
        # the copied page counts as logged, and the next keys aren't written to the log.
        "CHECKPOINT",
    )
    yield copy_scene(scene, place, database="trial")
    execute(server, "DROP DATABASE IF EXISTS trial WITH (FORCE)")
    shutil.rmtree(place)


def _fields(address: PostgresAddress) -> dict[str, Any]:
    return {name: getattr(address, name) for name in PostgresAddress.__slots__}
