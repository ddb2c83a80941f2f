"""A gallery whose vectors stay in PostgreSQL, read after its tables are made and compared.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from index.catalogue.vector_check import vector_dimension
from index.pgvector.store import PostgresVectors
from index.pgvector.tables import (
    KINDS,
    SEARCHED,
    create_hnsw,
    create_vector_tables,
    extension_schema,
    has_tables,
    kinds_of,
)
from index.pgvector.writing import synchronise, unsearched
from index.search.gallery import Gallery, GalleryOrigin
from index.storage.address import BadCatalogue, CatalogueAddress
from index.storage.connection import translating_errors
from index.storage.schema import RevisionRow, keep_others_out, writing
from index.stored.engine import StoredEngine
from index.stored.engine_names import IN_POSTGRESQL, PGVECTOR_HNSW
from index.stored.rows import StoredRows


def check_engine(address: CatalogueAddress, factory: str) -> None:
    """Raise BadCatalogue where an engine can't search a catalogue at such an address."""
    if factory in IN_POSTGRESQL and isinstance(address, Path):
        raise BadCatalogue(
            f"the engine pgvector searches in PostgreSQL, and the catalogue {address} is a SQLite "
            "file: use the engine auto, flat or pq, or move the catalogue to PostgreSQL "
            "(docs/postgresql.md)"
        )


def prepare_tables(database: Database, address: CatalogueAddress, factory: str) -> None:
    """Make the tables of an engine that searches in the database, where they are not current.

    Does nothing for other engines. Takes time in proportion to what is missing; on a standby, which
    can't be written, nothing may be. Raises BadCatalogue.
    """
    check_engine(address, factory)
    if factory not in IN_POSTGRESQL:
        return
    with translating_errors(address), database.connect() as connection, connection.begin():
        is_standby = bool(connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar())
        is_current = _is_current(connection)
    if is_standby:
        if not is_current:
            raise BadCatalogue(
                f"{address} is a standby, which can't be written, and what the engine pgvector "
                "searches is not there: run `flukeprint identify --engine pgvector`, or start a "
                "service with this engine, on the primary server once"
            )
        return
    if not is_current:
        _fill(database, address)
    if factory == PGVECTOR_HNSW:
        _index(database, address)


def read_stored_gallery(
    session: Session, database: Database, address: CatalogueAddress, factory: str
) -> tuple[Gallery, dict[str, str]]:
    """Read whose photos are searched, in a transaction, without their vectors.

    Returns also the photos whose vectors are of no use, each with what is wrong. `prepare_tables`
    comes first. Raises BadCatalogue.
    """
    connection = session.connection()
    last = session.execute(_newest()).first()
    schema = extension_schema(connection)
    if last is None or schema is None:
        raise BadCatalogue(f"the catalogue {address} holds nothing yet that pgvector could search")
    revision, fingerprint = int(last[0]), str(last[1])
    dimension = vector_dimension(session, fingerprint)
    store = PostgresVectors(
        database,
        address,
        schema,
        tuple(kinds_of(connection, fingerprint, dimension)),
        dimension,
        fingerprint,
        revision,
        factory,
    )
    query = (
        f"SELECT p.name, i.name, v.photo_id FROM {SEARCHED} v "
        f"JOIN {KINDS} k ON k.kind = v.kind JOIN photos p ON p.id = v.photo_id "
        "JOIN individuals i ON i.id = p.individual_id "
        "WHERE k.fingerprint = %s AND k.dimension = %s AND v.until IS NULL ORDER BY p.name"
    )
    rows = connection.exec_driver_sql(query, (fingerprint, dimension)).all()
    ids = StoredRows(store, np.array([row[2] for row in rows], np.int64))
    gallery = Gallery.of_engine(
        [row[0] for row in rows],
        [row[1] for row in rows],
        lambda order: StoredEngine(ids.take(order)),
        GalleryOrigin(fingerprint, revision, factory),
    )
    return gallery, unsearched(session, fingerprint).damaged


def rebuild_tables(database: Database, address: CatalogueAddress, factory: str) -> int:
    """Drop the tables and make them anew, in one transaction; then the index.

    Returns how many vectors they hold. Raises BadCatalogue.
    """
    check_engine(address, factory)
    _fill(database, address, is_anew=True)
    if factory == PGVECTOR_HNSW:
        _index(database, address)
    with translating_errors(address), database.connect() as connection:
        held = f"SELECT count(*) FROM {SEARCHED}"
        return int(connection.exec_driver_sql(held).scalar_one())


def _newest():
    query = select(RevisionRow.revision, RevisionRow.fingerprint)
    return query.order_by(RevisionRow.revision.desc()).limit(1)


def _is_current(connection: Connection) -> bool:
    if extension_schema(connection) is None or not has_tables(connection):
        return False
    with Session(connection, join_transaction_mode="rollback_only") as session:
        last = session.execute(_newest()).first()
        return last is None or unsearched(session, str(last[1])).is_current


def _fill(database: Database, address: CatalogueAddress, *, is_anew: bool = False) -> None:
    with (
        translating_errors(address),
        writing(database.connect()) as connection,
        connection.begin(),
    ):
        keep_others_out(connection, RevisionRow.__tablename__)
        if is_anew:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {SEARCHED}, {KINDS}")
        create_vector_tables(connection, address)
        last = connection.execute(_newest()).first()
        if last is not None:
            synchronise(connection, str(last[1]), int(last[0]), None)
    with translating_errors(address), _autocommitting(database) as connection:
        # The planner would else take the new table for an empty one.
        connection.exec_driver_sql(f"ANALYZE {SEARCHED}")


def _index(database: Database, address: CatalogueAddress) -> None:
    with translating_errors(address), _autocommitting(database) as connection:
        last = connection.execute(_newest()).first()
        if last is not None:
            with Session(connection) as session:
                dimension = vector_dimension(session, str(last[1]))
            create_hnsw(connection, kinds_of(connection, str(last[1]), dimension))


def _autocommitting(database: Database) -> Connection:
    """A connection that commits each statement by itself, as a concurrent index needs."""
    return writing(database.execution_options(isolation_level="AUTOCOMMIT").connect())
