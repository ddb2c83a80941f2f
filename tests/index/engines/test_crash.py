"""A writer that is killed within its transaction, and a server that is killed, leave no half."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import keeping_others_out
from index.curation.curator import Curator
from tests.index.engines.filled import fill, queries, read
from tests.postgres_server import NoPostgres, PostgresServer, pgvector_programs

_ENGINES = ("flat", "pgvector", "pgvector-hnsw")


def forked(act) -> None:
    """Do an act in a child process that is killed before it ends."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] != 0


def killed_before_commit(address) -> None:
    with Catalogue.open(address) as catalogue, keeping_others_out(catalogue) as alone:
        curator = Curator(alone, made_by="ada")
        curator.merge("w_0001", "w_0000")
        curator.delete("p0002_0.jpg")
        os._exit(9)  # after every statement, and before the commit


@pytest.mark.parametrize("engine", _ENGINES)
def test_a_writer_killed_between_statement_and_commit_has_changed_nothing(small, engine):
    before = read(small, engine).rank(queries(8), 6)
    names = list(read(small, engine).photo_names)
    small.close()  # a child doesn't share its parent's connections
    forked(lambda: killed_before_commit(small.address))
    after = read(small, engine)
    assert after.revision == 1
    assert list(after.photo_names) == names
    assert after.rank(queries(8), 6) == before
    Curator(small, made_by="ada").delete("p0002_0.jpg")
    assert read(small, engine).rank(queries(8), 6) == read(small, "flat").rank(queries(8), 6)


def test_what_was_acknowledged_outlasts_the_servers_crash(address_at, tmp_path):
    try:
        server = PostgresServer(programs=pgvector_programs(), is_durable=True)
    except NoPostgres as error:
        pytest.skip(str(error))
    address = replace(address_at("own", tmp_path), options=(("host", str(server.folder)),))
    try:
        server.start()
        with Catalogue.open(address, create=True) as catalogue:
            fill(catalogue, 6, 2)
            read(catalogue, "pgvector")
            Curator(catalogue, made_by="ada").delete("p0002_0.jpg")
            truth = read(catalogue, "flat").rank(queries(8), 6)
            server.crash()
            server.start()
        with Catalogue.open(address) as catalogue:
            found = read(catalogue, "pgvector")
            assert found.revision == 2
            assert found.rank(queries(8), 6) == truth
    finally:
        server.stop()
