"""What the engine pgvector can't do is said, with what to do about it; and what it follows."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from sqlalchemy import text

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.pgvector.reading import prepare_tables
from index.storage.address import BadCatalogue
from index.storage.connection import open_engine, put_in_place
from index.storage.schema import writing
from tests.index.engines.filled import F, fill, queries, read
from tests.postgres_server import NoPostgres, PostgresServer, pgvector_programs


def run(catalogue: Catalogue, statement: str):
    with writing(catalogue.engine.connect()) as connection, connection.begin():
        return connection.execute(text(statement))


def test_a_sqlite_file_is_refused(tmp_path):
    with (
        Catalogue.open(tmp_path / "catalogue.db", create=True) as catalogue,
        pytest.raises(BadCatalogue, match="is a SQLite file: use the engine auto, flat or pq"),
    ):
        prepare_tables(catalogue.engine, catalogue.address, "pgvector")


def test_a_server_without_the_extension_is_refused(postgres, tmp_path):
    with Catalogue.open(postgres(tmp_path / "catalogue"), create=True) as catalogue:
        offered = run(catalogue, "SELECT count(*) FROM pg_available_extensions WHERE name='vector'")
        if offered.scalar():
            pytest.skip("the PostgreSQL that is installed has pgvector")
        with pytest.raises(BadCatalogue, match="has no pgvector: install it there"):
            prepare_tables(catalogue.engine, catalogue.address, "pgvector")


def test_a_user_who_may_not_create_the_extension_is_told_who_may(small, tmp_path):
    raw = small.engine.execution_options(isolation_level="AUTOCOMMIT")
    with writing(raw.connect()) as connection:
        connection.exec_driver_sql("CREATE DATABASE whales")
        connection.exec_driver_sql("CREATE ROLE ana LOGIN")
        connection.exec_driver_sql("GRANT CREATE ON DATABASE whales TO ana")
    address = replace(small.address, database="whales", user="ana", schema="own", files=tmp_path)
    with Catalogue.open(address, create=True) as catalogue:
        fill(catalogue, 2, 0)
        with pytest.raises(BadCatalogue, match="an administrator run `CREATE EXTENSION vector"):
            prepare_tables(catalogue.engine, catalogue.address, "pgvector")
    with Catalogue.open(replace(address, user="flukeprint")) as administrator:
        run(administrator, "CREATE EXTENSION vector WITH SCHEMA public")
    with Catalogue.open(address) as catalogue:
        assert read(catalogue, "pgvector").rank(queries(1), 2) == read(catalogue, "flat").rank(
            queries(1), 2
        )


def test_a_damaged_vector_is_named_and_not_searched(small):
    read(small, "pgvector")
    run(small, "UPDATE vectors SET checksum = checksum + 1 WHERE photo_id = 5")
    for _ in range(2):
        damaged = small.read_searchable("pgvector", may_be_old=True)
        assert damaged.damaged == small.read_searchable("flat", may_be_old=True).damaged
        assert len(damaged.damaged) == 1
        assert not set(damaged.damaged) & set(damaged.gallery.photo_names)


def test_rows_that_somebody_removed_are_told_and_made_again(small):
    gallery, truth = read(small, "pgvector"), read(small, "flat")
    run(small, "DELETE FROM searched_vectors WHERE photo_id % 2 = 0")
    with pytest.raises(BadCatalogue, match=r"the database has \d+ vectors fewer than revision 1"):
        assert gallery.vectors.size
    assert read(small, "pgvector").rank(queries(3), 5) == truth.rank(queries(3), 5)


def test_a_catalogue_that_takes_the_place_of_another_is_searched(small, address_at, tmp_path):
    read(small, "pgvector")
    other = small.address.sibling("restoring")
    with Catalogue.open(other, create=True) as catalogue:
        fill(catalogue, 3, 3)
    put_in_place(other, small.address)
    with Catalogue.open(small.address) as catalogue:
        assert read(catalogue, "pgvector").size == 48
        assert read(catalogue, "pgvector").rank(queries(2), 3) == read(catalogue, "flat").rank(
            queries(2), 3
        )


@pytest.fixture
def pair(tmp_path):
    """A primary server and a standby that follows it."""
    servers = list[PostgresServer]()
    try:
        servers.append(PostgresServer(programs=pgvector_programs()))
        servers[0].start()
        servers.append(PostgresServer(programs=pgvector_programs(), standby_of=servers[0]))
        servers[1].start()
        yield servers
    except NoPostgres as error:
        pytest.skip(str(error))
    finally:
        for server in reversed(servers):
            server.stop()


def test_a_standby_answers_by_what_has_arrived(pair, address_at, tmp_path):
    primary, standby = (
        replace(address_at("own", tmp_path), options=(("host", str(server.folder)),))
        for server in pair
    )
    with Catalogue.open(primary, create=True) as catalogue:
        fill(catalogue, 6, 2)
        arrive(catalogue, standby)
        with Catalogue.open(standby) as following:
            with pytest.raises(BadCatalogue, match="is a standby, which can't be written"):
                read(following, "pgvector")
            read(catalogue, "pgvector-hnsw")
            arrive(catalogue, standby)
            before = read(following, "pgvector")
            assert before.rank(queries(3), 4) == read(catalogue, "flat").rank(queries(3), 4)
            # What is held back on its way hasn't happened for who asks the standby.
            run_alone(following.engine, "SELECT pg_wal_replay_pause()")
            wait_until(following.engine, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
            Curator(catalogue, made_by="ada").delete("p0000_0.jpg")
            late = read(following, "pgvector-hnsw")
            assert (late.revision, late.has_individual("w_0000")) == (1, True)
            assert late.rank(queries(3), 4) == before.rank(queries(3), 4)
            run_alone(following.engine, "SELECT pg_wal_replay_resume()")
            arrive(catalogue, standby)
            now = read(following, "pgvector")
            assert now.revision == catalogue.revision == 2
            assert now.rank(queries(3), 4) == read(catalogue, "flat").rank(queries(3), 4)
            assert before.rank(queries(3), 4) == late.rank(queries(3), 4)
            assert (now.fingerprint, now.size) == (F, before.size - 1)


def run_alone(database, statement: str):
    raw = database.execution_options(isolation_level="AUTOCOMMIT")
    with writing(raw.connect()) as connection:
        return connection.exec_driver_sql(statement).scalar()


def wait_until(database, question: str) -> None:
    deadline = time.monotonic() + 60
    while not run_alone(database, question):
        assert time.monotonic() < deadline, question
        time.sleep(0.02)


def arrive(primary: Catalogue, standby) -> None:
    """Wait until the standby has all that the primary has written, its schema too."""
    sent = run_alone(primary.engine, "SELECT pg_current_wal_insert_lsn()::text")
    database = open_engine(standby)
    wait_until(database, f"SELECT pg_last_wal_replay_lsn() >= '{sent}'::pg_lsn")
    database.dispose()
