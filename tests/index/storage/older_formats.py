"""Takes a catalogue of this format back to an older one, for tests of upgrading."""

from __future__ import annotations

from pathlib import Path

from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine
from index.storage.schema import FORMAT_TABLE, writing

# What each format has that the one before it lacked, where only columns came.
_CAME = {3: ("encounters", "region"), 4: ("photos", "perceptual_hash"), 5: ("vectors", "checksum")}


def take_back(address: CatalogueAddress, version: int) -> None:
    """Take a catalogue back to format 2, 3 or 4: the later columns and what they hold are gone."""
    engine = open_engine(address)
    with writing(engine.connect()) as connection, connection.begin():
        for table, column in (_CAME[later] for later in range(version + 1, 6)):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
        if version < 4:
            connection.exec_driver_sql("DROP TABLE calibrations")
        is_file = isinstance(address, Path)
        connection.exec_driver_sql(
            f"PRAGMA user_version = {version}"
            if is_file
            else f"UPDATE {FORMAT_TABLE} SET version = {version}"
        )
    engine.dispose()
