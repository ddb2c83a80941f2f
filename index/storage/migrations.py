"""Bring a catalogue of an older format up to this one, in place and in one transaction.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, MetaData, bindparam, inspect, select, tuple_, update

from index.storage.address import BadCatalogue, CatalogueAddress, PostgresAddress
from index.storage.checksums import vector_checksum
from index.storage.connection import open_engine, translating_errors
from index.storage.schema import (
    FORMAT_TABLE,
    MOST_BOUND,
    SCHEMA_VERSION,
    Table,
    VectorRow,
    create_tables,
    writing,
)
from index.storage.sqlite import is_writable

# A key or a NOT NULL has changed, which SQLite can't alter.
_REMADE = ("vectors", "revisions", "individuals", "encounters")
_EXTENDED = ("photos",)
# The format after which a column came, its table, its name.
_ADDED = (
    (2, "encounters", "region"),
    (3, "photos", "perceptual_hash"),
    (4, "vectors", "checksum"),
)
_LATER = (2, 3, 4)  # formats that only lack columns


def upgrade(address: CatalogueAddress, version: int) -> None:
    """Upgrade the catalogue at `address` from format `version` where that is an older one.

    Raises BadCatalogue when it can't be written, and then nothing has changed.
    """
    if version >= SCHEMA_VERSION:
        return
    if isinstance(address, Path):
        _upgrade_file(address, version)
    else:
        _upgrade_schema(address)


def _upgrade_schema(address: PostgresAddress) -> None:
    engine = open_engine(address)
    try:
        with (
            translating_errors(address),
            writing(engine.connect()) as connection,
            connection.begin(),
        ):
            connection.exec_driver_sql(f"LOCK TABLE {FORMAT_TABLE} IN ACCESS EXCLUSIVE MODE")
            found = connection.exec_driver_sql(f"SELECT max(version) FROM {FORMAT_TABLE}").scalar()
            if found in _LATER:
                _upgrade_later(connection, int(found))
            elif found != SCHEMA_VERSION:  # another process may have upgraded it meanwhile
                raise BadCatalogue(
                    f"{address} says that it has format {found}, which there never was in "
                    "PostgreSQL"
                )
    finally:
        engine.dispose()


def _upgrade_file(path: Path, version: int) -> None:
    if not is_writable(path):
        raise BadCatalogue(
            f"{path} has format {version}, this flukeprint reads format {SCHEMA_VERSION}, and "
            "the file can't be "
            "written: give write permission on it and on its folder once, and it is upgraded "
            "when it is opened"
        )
    engine = open_engine(path)
    with translating_errors(path), writing(engine.connect()) as connection:
        # References by name are to stay as they are while tables are exchanged; neither can be set
        # in a transaction.
        connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
        connection.connection.cursor().execute("PRAGMA legacy_alter_table = ON")
        with connection.begin():
            found = connection.exec_driver_sql("PRAGMA user_version").scalar()
            if found == 1:
                _upgrade_1(connection)
            elif found in _LATER:  # not by another process meanwhile
                _upgrade_later(connection, int(found))
    engine.dispose()


def _upgrade_later(connection: Connection, found: int) -> None:
    """Add the columns that came later: regions, perceptual hashes, checksums of vectors."""
    there = inspect(connection)
    for version, table, name in _ADDED:
        if found <= version and name not in {each["name"] for each in there.get_columns(table)}:
            kind = Table.metadata.tables[table].columns[name].type.compile(connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    _fill_checksums(connection)
    create_tables(connection)  # the table of calibrations; and it notes the format


def _fill_checksums(connection: Connection) -> None:
    """Give each vector the checksum of the bytes that are there now.

    In the order of their keys and not in one read, so that few of them are in memory at once.
    """
    table = Table.metadata.tables[VectorRow.__tablename__]
    key = tuple_(table.c.photo_id, table.c.fingerprint)
    rows = select(table.c.photo_id, table.c.fingerprint, table.c.embedding).order_by(
        table.c.photo_id, table.c.fingerprint
    )
    is_row = (table.c.photo_id == bindparam("of_photo")) & (table.c.fingerprint == bindparam("by"))
    fill = update(table).where(is_row).values(checksum=bindparam("counted"))
    last: tuple[int, str] | None = None
    while True:
        some = rows if last is None else rows.where(key > last)
        found = connection.execute(some.limit(MOST_BOUND)).all()
        if not found:
            return
        counted = [
            {"of_photo": photo_id, "by": by, "counted": vector_checksum(photo_id, by, embedding)}
            for photo_id, by, embedding in found
        ]
        connection.execute(fill, counted)
        last = (found[-1][0], found[-1][1])


def _upgrade_1(connection: Connection) -> None:
    old = MetaData()
    old.reflect(connection)
    for name in _EXTENDED:
        for column in Table.metadata.tables[name].columns:
            if column.name not in old.tables[name].columns:
                kind = column.type.compile(connection.dialect)
                default = "" if column.server_default is None else " NOT NULL DEFAULT 'catalogued'"
                reference = "".join(
                    f" REFERENCES {key.column.table.name}" for key in column.foreign_keys
                )
                connection.exec_driver_sql(
                    f"ALTER TABLE {name} ADD COLUMN {column.name} {kind}{default}{reference}"
                )
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_photos_state ON photos (state)")
    for name in _REMADE:
        for index in old.tables[name].indexes:
            connection.exec_driver_sql(f"DROP INDEX {index.name}")
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {name}_1")
    create_tables(connection)
    for name in _REMADE:
        columns = ", ".join(column.name for column in old.tables[name].columns)
        connection.exec_driver_sql(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {name}_1")
        connection.exec_driver_sql(f"DROP TABLE {name}_1")
    _fill_checksums(connection)
