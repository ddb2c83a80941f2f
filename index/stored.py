"""A catalogue's file as it is, for copying and checking it: below the tables' classes, deleted photos too.

With `schema.py` the door of sqlite3. What is read here makes no sense to a curator; see `directory.py` for that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from index.schema import opening_mode, told


@contextmanager
def _opened(path: Path, *, wait_seconds: float = 5.0) -> Generator[sqlite3.Connection]:
    """The file opened, and closed at the end. Raises BadCatalogue, also for what SQLite says within."""
    try:
        raw = sqlite3.connect(f"{path.absolute().as_uri()}?{opening_mode(path)}", uri=True, timeout=wait_seconds)
        try:
            yield raw
        finally:
            raw.close()
    except sqlite3.Error as error:
        raise told(path, str(error)) from error


def copy_database(source: Path, target: Path) -> None:
    """Copy a catalogue that may be in use, as it is at one moment, into a new file without a log beside it.

    Raises BadCatalogue.
    """
    with _opened(source, wait_seconds=60.0) as read:
        written = sqlite3.connect(target)
        try:
            read.backup(written)
            # As opening it would do: looking at a copy then doesn't alter its file.
            written.execute("PRAGMA journal_mode = WAL")
        finally:
            written.close()


def put_paths(path: Path, paths: dict[int, str]) -> None:
    """Write into a copy, which nobody uses, where its photos lie: keys of photos and paths. Raises BadCatalogue."""
    with _opened(path) as raw, raw:
        raw.executemany("UPDATE photos SET path = ? WHERE id = ?", [(new, key) for key, new in paths.items()])


def stored_photos(path: Path) -> list[tuple[int, str, str, str, str]]:
    """All photos as they are stored, deleted ones too: key, name, path, content hash, state. Raises BadCatalogue."""
    with _opened(path) as raw:
        return raw.execute("SELECT id, name, path, content_hash, state FROM photos ORDER BY name").fetchall()


def photo_places(path: Path) -> dict[str, str]:
    """Where each photo's encounter was, by photo name, of those whose encounter has a place. Raises BadCatalogue."""
    query = (
        "SELECT photos.name, encounters.place FROM photos JOIN encounters ON encounters.id = encounter_id "
        "WHERE encounters.place IS NOT NULL AND encounters.place != ''"
    )
    with _opened(path) as raw:
        return dict(raw.execute(query))


def database_faults(path: Path) -> list[str]:
    """What is wrong with the file itself by SQLite's own check, and with references between its rows."""
    raw = sqlite3.connect(f"{path.absolute().as_uri()}?{opening_mode(path)}", uri=True)
    try:
        said = [str(row[0]) for row in raw.execute("PRAGMA integrity_check(100)")]
        loose = [
            f"{row[0]} row {row[1]} refers to {row[2]}, which is not there"
            for row in raw.execute("PRAGMA foreign_key_check")
        ]
    except sqlite3.Error as error:
        return [str(error)]
    finally:
        raw.close()
    return ([] if said == ["ok"] else said) + loose


def stored_vectors(path: Path) -> Generator[tuple[str, str, int, bytes]]:
    """All vectors as they are stored: photo name, fingerprint, dimension, bytes. Raises BadCatalogue."""
    query = (
        "SELECT photos.name, fingerprint, dimension, embedding FROM vectors JOIN photos ON photos.id = photo_id "
        "ORDER BY photos.name, fingerprint"
    )
    with _opened(path) as raw:
        yield from raw.execute(query)
