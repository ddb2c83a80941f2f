"""A catalogue in PostgreSQL: how its schema is opened, checked and replaced.

The door of psycopg, an optional extra, and part of SQLAlchemy's. `opening.py` is asked, which knows
SQLite too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from index.storage.address import (
    BadCatalogue,
    CatalogueAway,
    CatalogueBusy,
    PostgresAddress,
)
from index.storage.schema import (
    APPEND_ONLY,
    BUSY_STATES,
    CHANNEL,
    FORMAT_TABLE,
    SCHEMA_VERSION,
    Table,
    create_tables,
    is_writing,
    writing,
)

_CONNECT_SECONDS = 10
_READ_ONLY = ("25006", "42501")  # read-only transaction, insufficient privilege
_DISK_FULL = ("53100",)
# Shut down, crashed, starting up; and all of its connections are in use.
_GOING_OR_COMING = ("57P01", "57P02", "57P03", "53300")
_CONNECTION = "08"  # the class of what goes wrong with a connection


def open_engine(
    address: PostgresAddress, *, wait_seconds: float = 5.0, is_pooled: bool = True
) -> Engine:
    """Open the database; `wait_seconds` is how long to wait for another writer's lock.

    Connects when it is used.

    Reading sees one moment (REPEATABLE READ, READ ONLY); writing is READ COMMITTED behind
    `keep_others_out`.
    """
    psycopg = _psycopg()
    connect = _connector(psycopg, address, wait_seconds)
    if is_pooled:
        # Connecting costs a process there and a handshake, and each request asks several times.
        engine = create_engine(
            "postgresql+psycopg://",
            creator=connect,
            pool_pre_ping=True,
            max_overflow=20,
            pool_recycle=1800,
        )
    else:
        engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    levels = psycopg.IsolationLevel

    def begin(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        is_changing = is_writing(connection)
        raw.isolation_level = levels.READ_COMMITTED if is_changing else levels.REPEATABLE_READ
        raw.read_only = not is_changing

    event.listen(engine, "begin", begin)
    return engine


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise BadCatalogue(
            "a catalogue in PostgreSQL needs psycopg, which is not installed: install "
            "flukeprint with the extra "
            "`postgres`, as in `pip install 'flukeprint[postgres]'`"
        ) from error
    return psycopg


def _connector(psycopg: Any, address: PostgresAddress, wait_seconds: float) -> Callable[[], Any]:
    named = {
        "host": address.host,
        "port": address.port,
        "dbname": address.database,
        "user": address.user,
        "password": address.password,
    }
    parameters: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "flukeprint",
    }
    parameters |= dict(address.options) | {name: value for name, value in named.items() if value}
    settings = {
        "search_path": address.schema,
        "lock_timeout": max(1, round(wait_seconds * 1000)),  # 0 would be for ever
        # an update embeds for an hour before its next statement
        "idle_in_transaction_session_timeout": 0,
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    parameters["options"] = f"{parameters.get('options', '')} {options}".strip()
    parameters["client_encoding"] = "UTF8"
    return lambda: psycopg.connect(**parameters)


@contextmanager
def _once(address: PostgresAddress, *, is_changing: bool = False) -> Generator[Connection]:
    """One transaction in a connection of its own. Raises BadCatalogue."""
    engine = open_engine(address, is_pooled=False)
    with translating_errors(address), engine.connect() as connection:
        _ = writing(connection) if is_changing else connection
        with connection.begin():
            yield connection


def format_of(address: PostgresAddress) -> int | None:
    """The format's version of the catalogue there, None where there is none yet.

    Raises BadCatalogue.
    """
    with _once(address) as connection:
        return _format(connection, address)


def _format(connection: Connection, address: PostgresAddress) -> int | None:
    if connection.exec_driver_sql(f"SELECT to_regclass('{FORMAT_TABLE}')").scalar() is not None:
        return connection.exec_driver_sql(f"SELECT max(version) FROM {FORMAT_TABLE}").scalar()
    # Functions and types too, such as an extension's: the schema would be dropped with them.
    named = (
        "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid) "
        "OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = n.oid) "
        "OR EXISTS (SELECT FROM pg_type WHERE typnamespace = n.oid) FROM pg_namespace n WHERE "
        "n.nspname = %s"
    )
    if connection.exec_driver_sql(named, (address.schema,)).scalar():
        raise BadCatalogue(
            f"the schema {address.schema} of {address} holds something else than a flukeprint "
            "catalogue; give another "
            "one as ?schema=NAME"
        )
    return None


def check(address: PostgresAddress) -> int:
    """The format's version of the catalogue there.

    Raises BadCatalogue unless this flukeprint can read it.
    """
    version = format_of(address)
    if version is None:
        raise BadCatalogue(
            f"there is no catalogue at {address}; make one with `flukeprint index build`, or "
            "restore a backup into it"
        )
    if version > SCHEMA_VERSION:
        raise BadCatalogue(
            f"{address} was made by a newer flukeprint (format {version}; this one reads up to "
            f"{SCHEMA_VERSION}); "
            "install the newer flukeprint"
        )
    return version


def identity(address: PostgresAddress) -> dict[str, str]:
    """What tells a catalogue from all others, however its server is called. Raises BadCatalogue."""
    with _once(address) as connection:
        named = "SELECT system_identifier::text, current_database() FROM pg_control_system()"
        server, database = connection.exec_driver_sql(named).one()
    return {"server": str(server), "database": str(database), "schema": address.schema}


def create(address: PostgresAddress) -> None:
    """Make an empty catalogue. Raises BadCatalogue where there is one, or something else."""
    with _once(address, is_changing=True) as connection:
        if _format(connection, address) is not None:
            raise BadCatalogue(f"there is a catalogue at {address} already")
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {address.schema}")
        create_tables(connection)


def remove(address: PostgresAddress) -> None:
    """Drop a catalogue's schema where it is there.

    Raises BadCatalogue where it holds something else.
    """
    with _once(address, is_changing=True) as connection:
        _drop(connection, address)


def put_in_place(new: PostgresAddress, address: PostgresAddress) -> None:
    """Give a complete catalogue's schema its name in one transaction, in place of what had it."""
    with _once(address, is_changing=True) as connection:
        _drop(connection, address)
        connection.exec_driver_sql(f"ALTER SCHEMA {new.schema} RENAME TO {address.schema}")


def _drop(connection: Connection, address: PostgresAddress) -> None:
    _format(connection, address)
    connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {address.schema} CASCADE")


def faults(address: PostgresAddress) -> list[str]:
    """List the database's own faults: triggers that are off, references that lead nowhere."""
    found: list[str] = []
    with _once(address) as connection:
        enabled = (
            "SELECT 1 FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = %s AND "
            "tgenabled IN ('O', 'A')"
        )
        for table in APPEND_ONLY:
            if (
                connection.exec_driver_sql(enabled, (table, f"{table}_refuse_change")).scalar()
                is None
            ):
                found.append(f"the trigger that keeps the table {table} append-only is gone or off")
        for reference in (
            key for table in Table.metadata.sorted_tables for key in table.foreign_keys
        ):
            found += _loose(connection, reference)
    return found


def _loose(connection: Connection, reference: Any) -> list[str]:
    table, column, target = reference.parent.table.name, reference.parent.name, reference.column
    if connection.exec_driver_sql("SELECT to_regclass(%s)", (table,)).scalar() is None:
        return []  # the tables of jobs come with the first service
    lost = connection.exec_driver_sql(
        f"SELECT count(*) FROM {table} one LEFT JOIN {target.table.name} other ON "
        f"other.{target.name} = one.{column} "
        f"WHERE one.{column} IS NOT NULL AND other.{target.name} IS NULL"
    ).scalar()
    return (
        [f"{lost} rows of {table} refer to {target.table.name}, which are not there"]
        if lost
        else []
    )


class Listener:
    """A connection that hears when others have committed a change of the catalogue."""

    def __init__(self, address: PostgresAddress) -> None:
        """Begin to listen. Raises BadCatalogue."""
        self._address = address
        self._error: type[Exception] = _psycopg().Error
        try:
            self._connection = _connector(_psycopg(), address, 5.0)()
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {CHANNEL}{address.schema}")
        except self._error as error:
            raise _catalogue_error(address, error) from error

    def wait(self, seconds: float) -> None:
        """Return once something was committed, or after so many seconds. Raises BadCatalogue."""
        try:
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                pass
        except self._error as error:
            raise _catalogue_error(self._address, error) from error

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()


@contextmanager
def translating_errors(address: PostgresAddress) -> Generator[None]:
    """Turn PostgreSQL's errors into a BadCatalogue with advice and without a password.

    What another database says, as of a copy from one to the other, is left to its own.
    """
    try:
        yield
    except PoolTimeout as error:
        raise CatalogueBusy(
            f"all connections to {address} are in use; try again in a moment"
        ) from error
    except DBAPIError as error:
        if not isinstance(error.orig, _psycopg().Error):
            raise
        raise _catalogue_error(address, error.orig) from error
    except Exception as error:  # of the driver itself, where it is asked without SQLAlchemy
        if not isinstance(error, _psycopg().Error):
            raise
        raise _catalogue_error(address, error) from error


def _catalogue_error(address: PostgresAddress, error: Any) -> BadCatalogue:
    code = getattr(error, "sqlstate", None)
    lines = [
        line.strip() for line in _without_secrets(address, str(error)).splitlines() if line.strip()
    ]
    message = lines[0] if lines else type(error).__name__
    if code in BUSY_STATES:
        return CatalogueBusy(
            f"another flukeprint is changing {address} just now; wait until it has finished"
        )
    if code in _DISK_FULL:
        return BadCatalogue(
            f"the disk of {address} is full: nothing was changed. Free some space there, then "
            "try again"
        )
    if code in _READ_ONLY:
        return BadCatalogue(
            f"{address} can't be written ({message}): ask for the right to change its schema and "
            "tables"
        )
    is_away = code in _GOING_OR_COMING or (code or "").startswith(_CONNECTION)
    if is_away or (code is None and type(error).__name__ == "OperationalError"):
        return CatalogueAway(
            f"{address} can't be reached ({message}): see that the server runs, that the database "
            "is there, and that user and password (in PGPASSWORD or ~/.pgpass) are right"
        )
    return BadCatalogue(f"PostgreSQL refused {address}: {message}")


def _without_secrets(address: PostgresAddress, message: str) -> str:
    secrets = [address.password, *(value for name, value in address.options if "password" in name)]
    for secret in filter(None, secrets):
        message = message.replace(secret, "***")
    return message
