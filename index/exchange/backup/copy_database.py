"""Copies a whole catalogue from one database into a new one, of either kind.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, inspect, select, text, update
from sqlalchemy import Table as SqlTable

from index.access import tables as access_tables
from index.jobs import tables as job_tables
from index.storage import sqlite
from index.storage.address import CatalogueAddress
from index.storage.connection import create_schema, open_engine, translating_errors
from index.storage.schema import PASSING, Table, create_missing, is_postgres, writing

_ROWS_AT_ONCE = 500
_ALL_TABLES = (
    Table.metadata,
    access_tables,
    job_tables,
)  # importing the two makes their tables known, too


def copy_catalogue(source: CatalogueAddress, target: CatalogueAddress) -> None:
    """Copy a catalogue as it is at one moment to where there is none.

    It may be in use. Every table and every key is copied.

    From a file to a file its pages are copied. Raises BadCatalogue.
    """
    if isinstance(source, Path) and isinstance(target, Path):
        sqlite.copy_file(source, target)
        return
    create_schema(target)
    read, written = open_engine(source), open_engine(target)
    try:
        with (
            translating_errors(source),
            read.connect() as reading,
            translating_errors(target),
            writing(written.connect()) as writer,
            writer.begin(),
        ):
            _copy_tables(reading, writer)
    finally:
        read.dispose()
        written.dispose()


def _copy_tables(reading: Connection, writer: Connection) -> None:
    there = inspect(reading)
    tables = [
        table
        for table in Table.metadata.sorted_tables
        if PASSING not in table.info and there.has_table(table.name)
    ]
    create_missing(writer, tables)
    for table in tables:
        _copy_rows(reading, writer, table)
        if _counts_keys(table):
            _put_last_key(writer, table.name, _last_key(reading, table))


def _copy_rows(reading: Connection, writer: Connection, table: SqlTable) -> None:
    # A row may lead to a later one of its own table: such columns are filled when all rows are
    # there.
    later = [key.parent.name for key in table.foreign_keys if key.column.table is table]
    ordered = (
        select(table)
        .order_by(*table.primary_key.columns)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    leading: list[tuple[int, dict[str, Any]]] = []
    for rows in reading.execute(ordered).mappings().partitions():
        values = [dict(row) for row in rows]
        leading += [
            (row["id"], {name: row[name] for name in later}) for row in values if _any(row, later)
        ]
        writer.execute(insert(table), [row | dict.fromkeys(later) for row in values])
    for key, columns in leading:
        writer.execute(update(table).where(table.c.id == key).values(columns))


def _any(row: dict[str, Any], names: Sequence[str]) -> bool:
    return any(row[name] is not None for name in names)


def _counts_keys(table: SqlTable) -> bool:
    return table.autoincrement_column is not None


def _last_key(connection: Connection, table: SqlTable) -> int:
    """The greatest key that a table ever gave: it is in the log, also where its row is gone."""
    greatest = connection.scalar(select(func.max(table.c.id))) or 0
    if is_postgres(connection):
        counter = connection.scalar(
            text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name}
        )
        last_value, is_given = connection.execute(
            text(f"SELECT last_value, is_called FROM {counter}")
        ).one()
        return max(greatest, last_value if is_given else 0)
    counted = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return max(greatest, connection.scalar(counted, {"name": table.name}) or 0)


def _put_last_key(connection: Connection, name: str, last: int) -> None:
    if last == 0:
        return
    if is_postgres(connection):
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),
            {"name": name, "last": last},
        )
        return
    # SQLite counts here the tables that are made so, by their first row on.
    changed = connection.execute(
        text("UPDATE sqlite_sequence SET seq = :last WHERE name = :name"),
        {"name": name, "last": last},
    )
    counts = text("SELECT 1 FROM sqlite_master WHERE name = :name AND sql LIKE '%AUTOINCREMENT%'")
    if changed.rowcount == 0 and connection.scalar(counts, {"name": name}):
        connection.execute(
            text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), {"name": name, "last": last}
        )
