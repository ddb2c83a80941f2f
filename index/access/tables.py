"""The tables of keys, accounts and kept answers, and how they are reached. SQLAlchemy's door.

They stand in the catalogue's database, and appear there with the first row of any of them: reading
never writes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Connection, Engine, Index, LargeBinary, Row, Select, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from embedding.errors import FlukeprintError
from index.access.accounts.rows import AccountRow, InvitationRow, SessionRow
from index.storage.schema import Table, create_missing, is_busy, keep_others_out, writing


class AccessUnavailable(FlukeprintError):
    """Keys, accounts or kept answers can't be reached just now; the message says why."""


class KeyRow(Table):
    """A key: the SHA-256 of its secret, never the secret.

    A revoked one stays, so that its name keeps its meaning.
    """

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[str]
    secret_hash: Mapped[str]
    created_at: Mapped[str]
    last_used_at: Mapped[str | None]
    revoked_at: Mapped[str | None]


# A name says in the log who made a change: two keys in use may not share one.
Index(
    "ix_api_keys_name_in_use",
    KeyRow.name,
    unique=True,
    sqlite_where=KeyRow.revoked_at.is_(None),
    postgresql_where=KeyRow.revoked_at.is_(None),
)


class StoredAnswerRow(Table):
    """What a request was answered, for when it is sent again.

    Without a status it is still being answered.

    `id` is a hash of who sent it, where to and under which Idempotency-Key. `at` is in seconds
    since 1970.
    """

    __tablename__ = "stored_answers"
    id: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    at: Mapped[float] = mapped_column(index=True)
    status: Mapped[int | None]
    headers: Mapped[list[Any]] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


ACCESS_ROWS = (KeyRow, AccountRow, SessionRow, InvitationRow)
"""Who may use the catalogue, as far as its database says."""
_TABLES = [Table.metadata.tables[row.__tablename__] for row in (*ACCESS_ROWS, StoredAnswerRow)]


def read(engine: Engine, query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
    """The rows of a query, none where the tables are not there yet. Raises AccessUnavailable."""
    with _translating_errors(), engine.connect() as connection:
        try:
            return connection.execute(query).all()
        except DBAPIError:
            connection.rollback()
            there = inspect(connection)
            # An older flukeprint made the tables of keys and answers alone.
            if not all(there.has_table(str(table)) for table in query.get_final_froms()):
                return ()
        # Another connection may have made the tables since: what is wrong fails once more.
        return connection.execute(query).all()


def has_rows(engine: Engine, *rows: type[Table]) -> bool:
    """Whether any of these tables has a row; one that isn't there has none.

    Each request of a service that is open to its machine asks so. Raises AccessUnavailable.
    """
    if engine.dialect.name != "sqlite":
        return any(read(engine, select(row).limit(1)) for row in rows)
    names = [row.__tablename__ for row in rows]
    # Plain texts: to make SQL of expressions, and to find out why one failed, took 2 ms.
    with _translating_errors(), engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        there = set(found.scalars())
        return any(
            connection.exec_driver_sql(f"SELECT id FROM {name} LIMIT 1").first() is not None
            for name in names
            if name in there
        )


@contextmanager
def write_transaction(engine: Engine) -> Generator[Connection]:
    """Open one transaction that changes the tables, made where they are absent.

    Raises AccessUnavailable.
    """
    with _translating_errors(), writing(engine.connect()) as connection, connection.begin():
        create_missing(connection, _TABLES)
        keep_others_out(connection, *(table.name for table in _TABLES))
        yield connection


@contextmanager
def _translating_errors() -> Generator[None]:
    try:
        yield
    except DBAPIError as error:
        message = " ".join(str(error.orig).split())
        advice = (
            "try again in a moment"
            if is_busy(error)
            else "see that the catalogue's database can be written"
        )
        raise AccessUnavailable(
            f"keys and accounts can't be reached ({message}); {advice}"
        ) from error
