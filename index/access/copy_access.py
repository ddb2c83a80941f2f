"""Keys and accounts outlive their catalogue: what takes its place gets them. SQLAlchemy's door."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from index.access.accounts.rows import InvitationRow, SessionRow
from index.access.tables import ACCESS_ROWS, read, write_transaction
from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine
from index.storage.schema import Table


def copy_access(source: CatalogueAddress, target: CatalogueAddress) -> int:
    """Give `target` the keys and accounts of `source`, in place of its own; return how many.

    Where there are none, it keeps its. Sessions and invitations come along.

    Revoked and deactivated ones come along: one that a backup still knows as good must not open
    anything again.
    """
    tables = [Table.metadata.tables[row.__tablename__] for row in ACCESS_ROWS]
    reading, writing = open_engine(source), open_engine(target)
    try:
        found = {table: read(reading, select(*table.columns)) for table in tables}
        copied = sum(map(len, found.values()))
        if copied:
            with write_transaction(writing) as connection:
                for table, rows in found.items():
                    names = table.columns.keys()
                    values = [dict(zip(names, row, strict=True)) for row in rows]
                    connection.execute(delete(table))
                    if values:
                        connection.execute(insert(table), values)
    finally:
        reading.dispose()
        writing.dispose()
    return copied


def forget_devices(address: CatalogueAddress) -> None:
    """End every session and invitation of a copy that is to be kept.

    A backup holds names, roles and the hashes of passwords and keys, as what is restored needs
    them. Whoever signed out since, or an invitation that was used, must not come back with it.
    """
    engine = open_engine(address)
    try:
        is_there = any(read(engine, select(row.id).limit(1)) for row in (SessionRow, InvitationRow))
        if is_there:
            with write_transaction(engine) as connection:
                connection.execute(delete(SessionRow))
                connection.execute(delete(InvitationRow))
    finally:
        engine.dispose()
