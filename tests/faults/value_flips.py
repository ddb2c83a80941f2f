"""One bit flips in a single value of the catalogue, behind the database's back."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.exchange.backup.verify import verify_catalogue
from tests.faults.copies import Copies
from tests.faults.scene import Scene

FOUND, SILENT = "found and named", "not found"
REFUSED = "refused by the database"
_MOST_TRIES = 50
_TABLES = ("photos", "individuals", "encounters", "vectors", "revisions", "calibrations", "changes")


def columns_with_values(scene: Scene) -> list[str]:
    """The columns of a catalogue's tables that hold something, `photos.name`, without keys."""
    raw = sqlite3.connect(str(scene.address))
    columns = [
        f"{table}.{each[1]}"
        for table in _TABLES
        for each in raw.execute(f"PRAGMA table_info({table})")
        if each[1] not in ("id", "photo_id")
        and raw.execute(f"SELECT 1 FROM {table} WHERE {_has_value(each[1])}").fetchone()
    ]
    raw.close()
    return columns


def _has_value(column: str) -> str:
    return f"{column} IS NOT NULL AND CAST({column} AS TEXT) NOT IN ('', 'null')"


def flip_value(scene: Scene, column: str, rng: random.Random) -> str:
    """Flip one bit of a value in a column, `photos.name`; what `catalogue verify` says of it."""
    table, _, name = column.partition(".")
    raw = sqlite3.connect(str(scene.address))
    rows = raw.execute(f"SELECT rowid, {name} FROM {table} WHERE {_has_value(name)}").fetchall()
    for _ in range(_MOST_TRIES):
        row, value = rng.choice(rows)
        try:
            with raw:
                changed = f"UPDATE {table} SET {name} = ? WHERE rowid = ?"
                raw.execute(changed, (_flipped(value, rng), row))
            break
        except sqlite3.IntegrityError:  # another row has that value, or a trigger forbids it
            continue
    else:
        raw.close()
        return REFUSED
    raw.close()
    try:
        if verify_catalogue(scene.address).faults:
            return FOUND
        with Catalogue.open(scene.address) as catalogue:
            catalogue.searchable()
    except FlukeprintError:
        return FOUND
    return SILENT


def _flipped(value: bytes | str | int | float, rng: random.Random) -> bytes | str | int:
    if isinstance(value, int | float):
        return int(value) ^ (1 << rng.randrange(16))
    data = bytearray(value.encode() if isinstance(value, str) else value)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(7)
    return data.decode(errors="replace") if isinstance(value, str) else bytes(data)


def flip_values(
    copies: Copies, count: int, seed: int, deadline: float
) -> Iterator[tuple[str, Counter[str]]]:
    """Flip one bit in each of so many values of every column; what came of each, by column."""
    rng = random.Random(seed)
    with copies() as scene:
        columns = columns_with_values(scene)
    for column in columns:
        outcomes: Counter[str] = Counter()
        while outcomes.total() < count and time.monotonic() < deadline:
            with copies() as scene:
                outcomes[flip_value(scene, column, rng)] += 1
        yield column, outcomes
