"""A snapshot and the log since then are the catalogue, bit for bit; else it is not used."""

import shutil
import sqlite3

import numpy as np
import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.curation.undo import undo
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.reindex.build import build_catalogue
from index.search.species import SpeciesFit
from index.snapshots import snapshot
from index.snapshots.served_catalogue import read_tables
from index.snapshots.snapshot import (
    is_snapshot_due,
    read_served,
    read_snapshot,
    refresh_snapshot,
    snapshot_files,
    write_snapshot,
)
from index.storage.address import sibling_folder, snapshot_folder

F = "f" * 64


@pytest.fixture
def season(season):
    season.rows["a00_0.png"] |= {
        "encounter": "e1",
        "taken_at": "2018-06-01",
        "species": "humpback",
        "region": "Vava'u",
    }
    season.rows["a00_1.png"] |= {"encounter": "e1", "box": "0.1 0.2 0.9 0.8"}
    season.rows["a11_0.png"] |= {"species": "Mégaptère à bosse"}
    return season


def stored(catalogue, factory="Flat"):
    served = read_tables(catalogue, factory)
    assert write_snapshot(catalogue, served) is not None
    return served


def embedded(season, name, vector):
    label = LabelledPhoto(name, season.folder / name, None, None, None, None, None)
    return EmbeddedPhoto(label, PhotoFile(f"hash of {name}", 1, None), vector)


@pytest.mark.parametrize("factory", ["Flat", "auto", "SQfp16", "HNSW32"])
def test_a_snapshot_is_the_catalogue(catalogue, factory, assert_same):
    written = stored(catalogue, factory)
    found = read_snapshot(catalogue, factory)
    assert found is not None
    assert_same(found, written)
    assert found.has_snapshot
    assert not written.has_snapshot
    assert "a00_1.png" in found.photos
    assert "nobody.png" not in found.photos
    assert found.photos["a00_1.png"].box == (0.1, 0.2, 0.9, 0.8)
    other = read_snapshot(catalogue, "SQfp16")
    assert other is not None
    assert_same(other, written)
    assert other.gallery.factory == "SQfp16"


def test_every_kind_of_act_since_then_is_followed(catalogue, season, assert_same):
    stored(catalogue)
    path = snapshot_files(catalogue.address)[0]
    curator = Curator(catalogue, made_by="ada")
    vector = catalogue.gallery().vectors[4]
    acts = [
        lambda: curator.take_in(
            [embedded(season, "q.png", vector), embedded(season, "r.png", vector)], F
        ),
        lambda: curator.confirm("q.png", "w_77"),
        lambda: curator.reject("r.png"),
        lambda: curator.merge("w_01", "w_00"),
        lambda: curator.split("w_00", ["a00_0.png", "a01_1.png"], "w_50"),
        lambda: curator.rename("w_50", "Salt"),
        lambda: curator.move(["a03_0.png"], None),
        lambda: curator.delete("a04_0.png"),
        lambda: curator.edit("Salt", {"species": "fin whale"}),
        lambda: curator.edit_photo("a05_0.png", {"species": "fin whale", "viewpoint": "left"}),
        lambda: curator.edit_encounter(1, {"name": "e1, corrected"}),
        *(lambda at=at: undo(catalogue, at, made_by="ada") for at in range(12, 1, -1)),
    ]
    for act in acts:
        act()
        found = read_snapshot(catalogue, "Flat", may_be_old=True)
        assert found is not None
        assert_same(found, read_tables(catalogue, "Flat"))
    assert snapshot_files(catalogue.address) == [path]


def test_a_snapshot_of_changes_is_the_catalogue_without_traces_of_them(
    catalogue, season, assert_same
):
    stored(catalogue)
    curator = Curator(catalogue, made_by="ada")
    curator.take_in([embedded(season, "a00_00.png", catalogue.gallery().vectors[4])], F)
    curator.confirm("a00_00.png", "w_0055")
    curator.delete("a04_0.png")
    followed = read_snapshot(catalogue, "Flat", may_be_old=True)
    assert followed is not None
    write_snapshot(catalogue, followed)
    again = read_snapshot(catalogue, "Flat", may_be_old=True)
    assert again is not None
    assert again.gallery.segment.size == 36
    assert again.changed_photos == followed.changed_photos == 2
    assert_same(again, read_tables(catalogue, "Flat"))
    assert len(snapshot_files(catalogue.address)) == 1


def test_some_older_ones_stay_while_another_machine_may_have_them_mapped(catalogue):
    folder = sibling_folder(catalogue.address, "serving")
    folder.mkdir()
    (folder / "theirs").write_text("elsewhere:1:1", "utf-8")
    curator = Curator(catalogue, made_by="ada")
    written = []
    for at in range(6):
        curator.edit_photo("a00_0.png", {"quality": str(at)})
        written.append(write_snapshot(catalogue, read_tables(catalogue, "auto")))
    assert snapshot_files(catalogue.address) == written[:1:-1]
    (folder / "theirs").unlink()
    last = write_snapshot(catalogue, read_tables(catalogue, "auto"))
    assert snapshot_files(catalogue.address) == [last]


def test_the_fit_for_species_is_stored(catalogue):
    served = read_tables(catalogue, "Flat")
    fit = SpeciesFit("nearest", 0.1234567890123, 21)
    write_snapshot(catalogue, type(served)(**{**vars(served), "species_fit": fit}))
    found = read_snapshot(catalogue, "Flat")
    assert found is not None
    assert found.species_fit == fit


def test_of_many_lines_in_the_log_none_is_followed(catalogue, monkeypatch):
    stored(catalogue)
    assert not is_snapshot_due(catalogue)
    monkeypatch.setattr(snapshot, "_FEW_LINES", 3)
    Curator(catalogue, made_by="ada").delete("a04_0.png")
    assert is_snapshot_due(catalogue)
    assert read_snapshot(catalogue, "Flat", may_be_old=True) is not None
    for name in ("a05_0.png", "a06_0.png", "a07_0.png"):
        Curator(catalogue, made_by="ada").delete(name)
    assert read_snapshot(catalogue, "Flat", may_be_old=True) is None
    refresh_snapshot(catalogue)
    assert read_snapshot(catalogue, "Flat", may_be_old=True) is not None


def test_none_is_written_of_a_small_catalogue(catalogue, monkeypatch):
    monkeypatch.setattr(snapshot, "FEWEST_PHOTOS", 1000)
    assert write_snapshot(catalogue, read_tables(catalogue, "Flat")) is None
    refresh_snapshot(catalogue)
    assert not snapshot_folder(catalogue.address).exists()


def test_damaged_vectors_are_found_at_each_start(path):
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE vectors SET embedding = zeroblob(96) WHERE photo_id = 3")
    raw.close()
    with Catalogue.open(path) as catalogue:
        for _ in range(2):
            served = read_served(catalogue, "Flat")
            assert list(served.damaged) == ["a00_2.png"]
            assert write_snapshot(catalogue, served) is None


@pytest.fixture
def path(tmp_path, season, embedder):
    path = tmp_path / "catalogue.db"
    build_catalogue(path, season.labels(), embedder)
    return path


def test_a_catalogue_in_another_ones_place_is_read_itself(
    path, season, embedder, tmp_path, assert_same
):
    with Catalogue.open(path) as catalogue:
        stored(catalogue)
    files = snapshot_folder(path)
    shutil.copytree(files, tmp_path / "copy")
    season.rows["a00_0.png"]["label"] = "w_07"
    path.unlink()
    build_catalogue(path, season.labels(), embedder)
    assert not snapshot_files(path)  # nothing stays beside a new catalogue
    shutil.copytree(tmp_path / "copy", files, dirs_exist_ok=True)
    with Catalogue.open(path) as catalogue:
        assert read_snapshot(catalogue, "Flat") is None
        assert_same(read_served(catalogue, "Flat"), read_tables(catalogue, "Flat"))


def test_a_copy_that_went_on_by_itself_is_another_catalogue(path, tmp_path):
    shutil.copy(path, tmp_path / "older.db")
    with Catalogue.open(path) as catalogue:
        Curator(catalogue, made_by="ada").delete("a04_0.png")
        served = stored(catalogue)
    shutil.copy(tmp_path / "older.db", path)
    with Catalogue.open(path) as catalogue:
        assert read_snapshot(catalogue, "Flat", may_be_old=True) is None  # from the future
        Curator(catalogue, made_by="ada").delete("a05_0.png")
        assert read_snapshot(catalogue, "Flat", may_be_old=True) is None
        assert "a04_0.png" in read_served(catalogue, "Flat").photos
        # What was read of the one that was there before doesn't become this one's.
        assert write_snapshot(catalogue, served) is None


def test_another_checkpoint_takes_another_snapshot(path, season, make_embedder):
    from index.reindex.update import update_catalogue

    with Catalogue.open(path) as catalogue:
        stored(catalogue)
        update_catalogue(catalogue, season.labels(), make_embedder("e" * 64, shift=90))
        assert read_snapshot(catalogue, "Flat") is None
        undo(catalogue, 2, made_by="ada", loaded=F)
        assert catalogue.fingerprint == F
        assert read_snapshot(catalogue, "Flat", may_be_old=True) is None
        refresh_snapshot(catalogue)
        found = read_snapshot(catalogue, "Flat", may_be_old=True)
        assert found is not None
        assert np.array_equal(found.gallery.vectors, catalogue.gallery().vectors)
