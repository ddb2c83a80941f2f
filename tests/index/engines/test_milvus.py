"""What the engine milvus asks of its server, what it follows, and what it does without it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

import index.milvus.collections as collections_module
import index.milvus.server as server_module
from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import read_photo_states, refresh_gallery
from index.commands.index import register
from index.curation.curator import Curator
from index.engines.reading import check_engine, rebuild_vectors
from index.milvus.collections import partition_of
from index.milvus.server import MilvusServer
from index.milvus.store import CatalogueVectors
from index.storage.address import BadCatalogue
from index.storage.schema import writing
from index.stored.milvus_address import BadEngineName, milvus_address
from tests.index.engines.filled import drawn, fill, queries, read
from tests.milvus_server import MilvusProcess, NoMilvus


@pytest.fixture(autouse=True)
def _a_busy_machine_is_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(server_module, "_SEARCH_SECONDS", 60.0)


@pytest.fixture
def milvus(milvus_server) -> str:
    """The name of the engine."""
    return milvus_server.engine


@pytest.fixture
def client(milvus) -> MilvusServer:
    """A connection of the test's own."""
    return MilvusServer(milvus_address(milvus))


@pytest.fixture
def whales(tmp_path):
    """A catalogue in a SQLite file: thirty humpbacks and ten right whales."""
    with Catalogue.open(tmp_path / "whales.db", create=True) as catalogue:
        fill(catalogue, 30, 10)
        yield catalogue


@pytest.fixture
def searches(monkeypatch) -> list[tuple[object, bool]]:
    """The partitions and the consistency of each search that Milvus is asked for."""
    found: list[tuple[object, bool]] = []
    search = MilvusServer.search

    def _search(self, collection, asked, fetch, partitions, *, is_strong):
        found.append((partitions, is_strong))
        return search(self, collection, asked, fetch, partitions, is_strong=is_strong)

    monkeypatch.setattr(MilvusServer, "search", _search)
    return found


@pytest.fixture
def no_whole_reading(monkeypatch) -> None:
    """A test that would read every vector fails."""

    def _all(self):
        raise AssertionError("every vector was read")

    monkeypatch.setattr(CatalogueVectors, "all", _all)


def stored(gallery):
    """What a gallery's rows know of their collection."""
    return gallery.photos.base.engine.rows.store.collection


def run(catalogue: Catalogue, statement: str) -> None:
    with writing(catalogue.engine.connect()) as connection, connection.begin():
        connection.execute(text(statement))


def test_a_sqlite_catalogue_is_searched_by_milvus_and_no_vector_is_read_whole(
    whales, milvus, searches, no_whole_reading
):
    truth = read(whales, "flat").rank(queries(3), 5)
    assert read(whales, milvus).rank(queries(3), 5) == truth
    assert {partitions for partitions, _ in searches} == {None}


def test_a_species_is_searched_in_its_partition_alone(tmp_path, milvus, searches, no_whole_reading):
    with Catalogue.open(tmp_path / "two.db", create=True) as catalogue:
        fill(catalogue, 80, 70)
        gallery, flat = read(catalogue, milvus), read(catalogue, "flat")
        is_chosen = np.array([int(one[2:]) >= 80 for one in gallery.individuals])
        asked = np.stack([drawn("right_whale", 100 + at, 50) for at in range(3)])
        found = gallery.select(is_chosen).rank(asked, 5)
        assert found == flat.select(is_chosen).rank(asked, 5)
    assert [partitions for partitions, _ in searches] == [[partition_of("right_whale")]]


def test_what_was_just_written_is_searched_for_and_later_the_fast_way(whales, milvus, searches):
    gallery = read(whales, milvus)
    gallery.rank(queries(1), 5)
    stored(gallery)._strong_until = time.monotonic() - 1
    gallery.rank(queries(1), 5)
    assert [is_strong for _, is_strong in searches] == [True, False]


def test_a_collection_that_is_older_than_the_revision_is_brought_up_first(whales, milvus, client):
    before = read(whales, milvus)
    older = stored(before)
    lost = before.photos.base.engine.rows.keys[:40].tolist()
    client._client.delete(older.name, ids=lost)
    again = read(whales, milvus)
    assert stored(again).name == older.name
    assert not stored(again).held.lacks(before.photos.base.engine.rows.keys).any()
    assert again.rank(queries(5), 6) == read(whales, "flat").rank(queries(5), 6)


def test_a_damaged_vector_is_named_and_one_that_breaks_later_comes_from_milvus(whales, milvus):
    run(whales, "UPDATE vectors SET checksum = checksum + 1 WHERE photo_id = 5")
    damaged = whales.read_searchable(milvus, may_be_old=True)
    assert damaged.damaged == whales.read_searchable("flat", may_be_old=True).damaged
    assert len(damaged.damaged) == 1
    truth = read(whales, "flat").rank(queries(5), 6)
    run(whales, "UPDATE vectors SET embedding = zeroblob(384) WHERE photo_id BETWEEN 1 AND 60")
    assert damaged.gallery.rank(queries(5), 6) == truth


def test_a_collection_is_rebuilt_while_it_is_searched_and_old_ones_go(whales, milvus, client):
    gallery, truth = read(whales, milvus), read(whales, "flat").rank(queries(5), 6)
    part = gallery.select(np.arange(gallery.size) % 5 != 0)
    true_part = read(whales, "flat").select(np.arange(gallery.size) % 5 != 0).rank(queries(5), 6)
    alias, first = stored(gallery).alias, stored(gallery).name
    remnant = f"{stored(gallery).prefix}1"  # of a process that was killed while it built
    client.create(remnant, 96)
    assert rebuild_vectors(whales.engine, whales.address, milvus) == gallery.size
    second = client.target(alias)
    own = [name for name in client.collections() if name.startswith(alias)]
    assert sorted(own) == sorted([first, second])
    assert gallery.rank(queries(5), 6) == truth
    assert stored(gallery).name == first
    command = ["index", "rebuild-vectors", "--engine", milvus, "--catalogue", str(whales.address)]
    app = typer.Typer()
    register(app)
    printed = CliRunner().invoke(app, command).stdout
    assert printed == f"{milvus} holds 320 vectors of {whales.address}\n"
    assert first not in client.collections()
    assert part.rank(queries(5), 6) == true_part
    assert gallery.rank(queries(5), 6) == truth
    assert stored(gallery).name == client.target(alias)


def test_a_build_that_is_interrupted_leaves_nothing(whales, milvus, client, monkeypatch):
    real, calls = MilvusServer.insert, list[str]()

    def _insert(self, collection, *more):
        if calls:
            raise KeyboardInterrupt
        calls.append(collection)
        real(self, collection, *more)

    with monkeypatch.context() as patch:
        patch.setattr(MilvusServer, "insert", _insert)
        with pytest.raises(KeyboardInterrupt):
            read(whales, milvus)
    assert calls[0] not in client.collections()
    assert read(whales, milvus).rank(queries(3), 5) == read(whales, "flat").rank(queries(3), 5)


_KILLED_WHILE_IT_BUILDS = """
import os, signal, sys
from pathlib import Path
from index.catalogue.catalogue import Catalogue
from index.milvus.server import MilvusServer
from tests.index.engines.filled import read
insert = MilvusServer.insert
def insert_and_die(self, *rows):
    insert(self, *rows)
    os.kill(os.getpid(), signal.SIGKILL)
MilvusServer.insert = insert_and_die
with Catalogue.open(Path(sys.argv[1])) as catalogue:
    read(catalogue, sys.argv[2])
"""


def test_a_process_that_is_killed_while_it_builds_leaves_a_remnant_that_the_next_removes(
    whales, milvus, client
):
    before = set(client.collections())
    named = [sys.executable, "-c", _KILLED_WHILE_IT_BUILDS, str(whales.address), milvus]
    assert subprocess.run(named, check=False).returncode == -signal.SIGKILL
    (remnant,) = set(client.collections()) - before
    gallery = read(whales, milvus)
    assert set(client.collections()) - before == {stored(gallery).name} != {remnant}
    assert gallery.rank(queries(3), 5) == read(whales, "flat").rank(queries(3), 5)


def test_of_two_that_build_at_once_the_slower_takes_what_the_other_has(whales, milvus, monkeypatch):
    real, calls = MilvusServer.insert, list[str]()

    def _insert(self, collection, *more):
        real(self, collection, *more)
        calls.append(collection)
        if len(calls) == 1:
            read(whales, milvus)  # which removes what was begun

    monkeypatch.setattr(MilvusServer, "insert", _insert)
    gallery = read(whales, milvus)
    assert stored(gallery).name not in calls[:1]
    assert gallery.rank(queries(3), 5) == read(whales, "flat").rank(queries(3), 5)


def test_a_photo_that_was_added_is_in_the_collection_once_the_gallery_is_compacted(
    whales, milvus, no_whole_reading
):
    gallery = read(whales, milvus)
    Curator(whales, made_by="ada").move(["n0003.jpg"], "w_0003")
    followed = refresh_gallery(gallery, ["n0003.jpg"], read_photo_states(whales, ["n0003.jpg"]))
    compact = followed.compacted()
    assert len(stored(compact).held.keys) == len(stored(gallery).held.keys) + 1
    assert compact.rank(queries(3), 5) == read(whales, "flat").rank(queries(3), 5)


@contextmanager
def own_server():
    try:
        server = MilvusProcess()
    except NoMilvus as error:
        pytest.skip(str(error))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.mark.slow
def test_without_its_server_answers_come_from_the_catalogue_until_it_is_back(
    whales, searches, monkeypatch, caplog
):
    monkeypatch.setattr(collections_module, "_PAUSE_SECONDS", 0.2)
    truth = read(whales, "flat").rank(queries(5), 6)
    with own_server() as server:
        gallery = read(whales, server.engine)
        assert gallery.rank(queries(5), 6) == truth
        server.kill()
        for _ in range(2):
            assert gallery.rank(queries(5), 6) == truth
        away = [one.message for one in caplog.records if "every vector" in one.message]
        assert len(away) == 1
        with pytest.raises(BadCatalogue, match="See that it runs and can be reached"):
            read(whales, server.engine)
        with pytest.raises(BadCatalogue, match="See that it runs and can be reached"):
            check_engine(whales.address, server.engine)
        server.start()
        deadline = time.monotonic() + 120  # Milvus waits for the leases of the process before
        while "answers again" not in caplog.text:
            assert gallery.rank(queries(5), 6) == truth
            assert time.monotonic() < deadline
            time.sleep(0.3)
        assert read(whales, server.engine).rank(queries(5), 6) == truth


def test_a_server_that_is_not_there_is_told_at_once(whales):
    with pytest.raises(BadCatalogue, match=r"http://127\.0\.0\.1:1 .*use another --engine"):
        check_engine(whales.address, "milvus://127.0.0.1:1")


def test_an_engine_in_memory_has_nothing_to_rebuild(whales):
    with pytest.raises(BadEngineName, match="searches in memory"):
        rebuild_vectors(whales.engine, whales.address, "flat")


def test_the_tables_of_postgresql_are_rebuilt(small):
    truth = read(small, "flat").rank(queries(3), 5)
    read(small, "pgvector")
    run(small, "UPDATE searched_vectors SET since = 99")
    assert rebuild_vectors(small.engine, small.address, "pgvector") == 128
    assert read(small, "pgvector").rank(queries(3), 5) == truth
