"""A catalogue in PostgreSQL: its log, its writers, its readers, and what is refused and how."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import open_revision
from index.curation.curator import CurationConflict, Curator
from index.curation.listings import Directory
from index.curation.undo import undo
from index.reindex.build import build_catalogue
from index.reindex.update import update_catalogue
from index.storage.address import BadCatalogue, CatalogueBusy, PostgresAddress
from index.storage.connection import database_faults, exists
from index.storage.schema import APPEND_ONLY, EncounterRow, writing


def test_the_log_refuses_to_be_altered_and_a_reader_can_change_nothing(
    address: PostgresAddress,
) -> None:
    acts = ("DELETE FROM {}", "UPDATE {} SET kind = 'x'", "TRUNCATE {} CASCADE")
    with Catalogue.open(address) as catalogue, writing(catalogue.engine.connect()) as connection:
        for table, act in product(APPEND_ONLY, acts):
            with pytest.raises(DBAPIError, match="append-only"):
                connection.exec_driver_sql(act.format(table))
            connection.rollback()
        with catalogue.engine.connect() as reading, pytest.raises(DBAPIError, match="read-only"):
            reading.exec_driver_sql("DELETE FROM vectors")
    assert database_faults(address) == []


def test_a_reader_sees_one_moment(address: PostgresAddress) -> None:
    count = text("SELECT count(*) FROM individuals WHERE name = 'Salt'")
    with Catalogue.open(address) as catalogue, Catalogue.open(address) as other:
        with catalogue.engine.connect() as reading:
            assert reading.scalar(count) == 0
            Curator(other, made_by="ana").rename("w_00", "Salt")
            assert reading.scalar(count) == 0
        assert catalogue.revision == 2
        assert Directory(catalogue).individual("Salt") is not None


def test_one_changes_it_at_a_time(address: PostgresAddress) -> None:
    with Catalogue.open(address) as first, Catalogue.open(address, wait_seconds=0) as second:
        with (
            open_revision(first),
            pytest.raises(CatalogueBusy, match="another flukeprint is changing"),
        ):
            Curator(second, made_by="ana").rename("w_00", "Salt")
        assert second.counts().photos == 38
        Curator(second, made_by="ana").rename("w_00", "Salt")
        assert first.revision == 2


def test_many_threads_act_one_after_the_other_and_see_whole_revisions(
    address: PostgresAddress,
) -> None:
    """Merged and taken apart again by one, edited by others; whoever reads sees 12 individuals or
    11, never half.
    """
    failures: list[BaseException] = []
    seen: set[tuple[int, int]] = set()
    is_over = threading.Event()

    def guarded(act: Callable[[Catalogue], None]) -> None:
        try:
            with Catalogue.open(address, wait_seconds=60) as own:
                act(own)
        except BaseException as error:
            failures.append(error)

    def merging(own: Catalogue) -> None:
        for _ in range(4):
            event = Curator(own, made_by="merging").merge("w_01", "w_00")
            undo(own, event.revision, made_by="merging")

    def editing(own: Catalogue) -> None:
        for at in range(4):
            Curator(own, made_by="editing").edit("w_05", {"notes": f"{threading.get_ident()} {at}"})

    def reading(own: Catalogue) -> None:
        while not is_over.is_set():
            gallery = own.gallery()
            seen.add((gallery.individual_count, gallery.size))

    readers = [threading.Thread(target=guarded, args=(reading,)) for _ in range(2)]
    writers = [threading.Thread(target=guarded, args=(act,)) for act in (merging, editing, editing)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert seen <= {(12, 36), (11, 36)}
    with Catalogue.open(address) as catalogue:
        assert catalogue.revision == 1 + 8 + 8
        assert [act.revision for act in Directory(catalogue).history(limit=50)] == list(
            range(17, 0, -1)
        )


def test_names_sort_by_their_bytes(
    tmp_path: Path, place: Any, make_season: Any, embedder: Any
) -> None:
    """As SQLite does it; the test's PostgreSQL sorts otherwise of itself."""
    season = make_season(tmp_path / "photos")
    names = ["Z1", "a1", "A2", "ä1", "_1", "a 1", "Zz"]
    for name in names:
        season.draw(f"{name}.png", name)
    address = place(tmp_path / "c.db")
    build_catalogue(address, season.labels(), embedder)
    with Catalogue.open(address) as catalogue:
        directory = Directory(catalogue)
        assert [one.name for one in directory.individuals()] == sorted(names)
        assert [one.name for one in directory.individuals(after="Zz")] == ["_1", "a 1", "a1", "ä1"]
        assert [photo.name for photo in catalogue.photos()] == sorted(
            f"{name}.png" for name in names
        )
        assert list(catalogue.gallery().photo_names) == sorted(f"{name}.png" for name in names)


def test_a_key_is_never_another_row_s(address: PostgresAddress) -> None:
    with Catalogue.open(address) as catalogue:
        with open_revision(catalogue) as act:
            gone = act.insert(EncounterRow, {"name": "e"})
            act.delete(EncounterRow, gone)
            again = act.insert(EncounterRow, {"name": "f"})
            act.log("edit", "e", {}, {})
            act.finish("f" * 64)
        assert again == gone + 1


def test_another_process_s_update_is_seen(
    address: PostgresAddress, season: Any, embedder: Any
) -> None:
    with Catalogue.open(address) as catalogue, Catalogue.open(address) as other:
        season.draw("new.png", "w_99")
        assert update_catalogue(other, season.labels(), embedder).added == 1
        assert (catalogue.revision, catalogue.gallery().individual_count) == (2, 13)
        with pytest.raises(CurationConflict, match="there is an individual w_99 already"):
            Curator(catalogue, made_by="ana").rename("w_00", "w_99")


def test_building_anew_replaces_whole_or_not_at_all(
    address: PostgresAddress, season: Any, embedder: Any
) -> None:
    with pytest.raises(BadCatalogue, match=r"there is a catalogue at postgresql://.* already"):
        build_catalogue(address, season.labels(), embedder)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    embedder.embed, whole = fail, embedder.embed
    with pytest.raises(KeyboardInterrupt):
        build_catalogue(address, season.labels(), embedder, overwrite=True)
    embedder.embed = whole
    with Catalogue.open(address) as catalogue:
        Curator(catalogue, made_by="ana").rename("w_00", "Salt")
        build_catalogue(address, season.labels(), embedder, overwrite=True)
        assert (catalogue.revision, Directory(catalogue).individual("Salt")) == (1, None), (
            "by old connections, too"
        )
    assert not exists(address.sibling("building"))
