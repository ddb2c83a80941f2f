"""API keys outlive their catalogue: what takes its place gets them. Part of SQLAlchemy's door."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from index.access.tables import KeyRow, read, write_transaction
from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine
from index.storage.schema import Table


def copy_keys(source: CatalogueAddress, target: CatalogueAddress) -> int:
    """Give `target` the keys of `source`, in place of its own, and return how many; where there are
    none, it keeps its.

    Revoked ones come along: one that a backup still knows as good must not open anything again.
    """
    table = Table.metadata.tables[KeyRow.__tablename__]
    reading, writing = open_engine(source), open_engine(target)
    try:
        rows = read(reading, select(*table.columns))
        if rows:
            with write_transaction(writing) as connection:
                connection.execute(delete(table))
                connection.execute(
                    insert(table),
                    [dict(zip(table.columns.keys(), row, strict=True)) for row in rows],
                )
    finally:
        reading.dispose()
        writing.dispose()
    return len(rows)
