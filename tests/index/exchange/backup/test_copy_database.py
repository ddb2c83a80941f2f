"""A copy in another kind of database is the same catalogue, row for row and key for key, there and
back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from index.access.keys import Keys
from index.catalogue.catalogue import Catalogue
from index.catalogue.raw_rows import (
    StoredVector,
    put_paths,
    read_export_rows,
    stored_photos,
    stored_vectors,
)
from index.catalogue.revision import open_revision
from index.curation.curator import Curator
from index.curation.undo import undo
from index.exchange.backup.copy_database import copy_catalogue
from index.jobs.store import JobStore
from index.reindex.build import build_catalogue
from index.storage.address import BadCatalogue, CatalogueAddress, PostgresAddress
from index.storage.schema import IndividualRow


@pytest.fixture
def lived_in(tmp_path: Path, season: Any, embedder: Any) -> Path:
    """Acts, merged individuals whose keys lead forward and back, keys and jobs, and a key whose row
    is gone.
    """
    path = tmp_path / "catalogue.db"
    season.rows["a00_0.png"] |= {"encounter": "e1", "taken_at": "2018-06-01", "box": "0 0 0.5 1"}
    build_catalogue(path, season.labels(), embedder)
    with Catalogue.open(path) as catalogue:
        curator = Curator(catalogue, made_by="Ana Åkesson")
        curator.merge("w_00", "w_09")
        curator.merge("w_11", "w_02")
        curator.edit_encounter(1, {"place": "off Skjálfandi", "notes": 'two "calves"\n\\'})
        undo(catalogue, curator.split("w_05", ["a05_0.png"], "w_50").revision, made_by="Ben")
        Keys(catalogue.engine).create("Ana", "admin")
        store = JobStore(catalogue.engine)
        store.create("identify", {"k": 3})
        store.request_cancel(1)
    return path


def content(path: Path) -> dict[str, list[Any]]:
    """Every row of every table of a SQLite file, those that count keys too."""
    raw = sqlite3.connect(path)
    tables = [
        row[0]
        for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    rows = {table: sorted(raw.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}
    raw.close()
    return rows


def test_there_and_back(
    tmp_path: Path, lived_in: Path, postgres: Callable[[Path], PostgresAddress]
) -> None:
    there = postgres(tmp_path / "there")
    copy_catalogue(lived_in, there)
    copy_catalogue(there, tmp_path / "back.db")
    assert content(tmp_path / "back.db") == content(lived_in)
    assert {"jobs", "api_keys", "sqlite_sequence"} <= set(content(lived_in))
    with Catalogue.open(there) as copied, Catalogue.open(lived_in) as catalogue:
        assert copied.photos() == catalogue.photos()
        assert copied.history(20) == catalogue.history(20)
        assert copied.searchable()[1] == catalogue.searchable()[1]
        keys = []
        for each in (copied, catalogue):
            with open_revision(each) as act:
                keys.append(act.insert(IndividualRow, {"name": "new"}))
                act.log("edit", "new", {}, {})
                act.finish("f" * 64)
        assert keys[0] == keys[1], "the key after the last one that was ever given"
        Curator(copied, made_by="Ana").rename("w_05", "Salt")
        assert JobStore(copied.engine).create("identify", {}).id == 2


def test_a_file_is_copied_as_it_is(tmp_path: Path, lived_in: Path) -> None:
    copy_catalogue(lived_in, tmp_path / "copy.db")
    assert content(tmp_path / "copy.db") == content(lived_in)
    assert sorted(path.name for path in tmp_path.glob("copy.db*")) == ["copy.db"]


def test_nothing_is_copied_over(
    tmp_path: Path, lived_in: Path, postgres: Callable[[Path], PostgresAddress]
) -> None:
    there = postgres(tmp_path / "there")
    copy_catalogue(lived_in, there)
    with pytest.raises(BadCatalogue, match=r"there is a catalogue at .* already"):
        copy_catalogue(lived_in, there)


def test_rows_as_they_are_stored(
    tmp_path: Path, lived_in: Path, place: Callable[[Path], CatalogueAddress]
) -> None:
    address = place(tmp_path / "copy.db")
    copy_catalogue(lived_in, address)
    with Catalogue.open(address) as catalogue:
        exported = read_export_rows(catalogue)
        assert exported.places == {"a00_0.png": "off Skjálfandi"}
        assert (exported.revision, exported.photos) == (catalogue.revision, catalogue.photos())
    photos = stored_photos(address)
    assert [row[1:3] for row in photos[:2]] == [
        ("a00_0.png", "photos/a00_0.png"),
        ("a00_1.png", "photos/a00_1.png"),
    ]
    vectors = list(stored_vectors(address))
    assert (len(vectors), vectors[0]) == (38, StoredVector("a00_0.png", "f" * 64, ""))
    assert {each.fault for each in vectors} == {""}
    put_paths(address, {photos[0][0]: "elsewhere.png"})
    assert stored_photos(address)[0][2] == "elsewhere.png"
