"""Building and updating: an update comes to what a build from scratch comes to, whatever interrupts
nothing is half.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from index.catalogue.catalogue import Catalogue
from index.labels.reader import BadLabels
from index.reindex import preparation
from index.reindex.build import build_catalogue
from tests.index.reindex.states import on_both, rebuilt, state, update


def test_no_change_makes_no_revision_and_reads_nothing(path, season, embedder, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(preparation, "photo_file", lambda path: pytest.fail(f"{path} was read"))
    report = update(path, season, embedder)
    assert (report.revision, report.is_new_revision, report.unchanged) == (1, False, 38)
    assert embedder.embedded == 0
    assert path.read_bytes() == before


@on_both
def test_only_what_is_new_or_changed_is_embedded(path, season, embedder):
    season.draw("new.png", "w_new")
    season.paint("a00_0.png", "w_00", take=9)
    report = update(path, season, embedder)
    assert (report.added, report.reembedded, report.relabelled, report.unchanged) == (1, 1, 0, 37)
    assert embedder.embedded == 2
    assert report.revision == 2
    assert state(path) == rebuilt(path, season, embedder)


@on_both
def test_relabelling_embeds_nothing(path, season, embedder):
    season.rows["a00_0.png"] = {
        "label": "w_01",
        "species": "humpback",
        "encounter": "e1",
        "taken_at": "2019",
    }
    season.rows["a01_0.png"]["label"] = "new_whale"
    report = update(path, season, embedder)
    assert (report.relabelled, report.unchanged, embedder.embedded) == (2, 36, 0)
    assert state(path) == rebuilt(path, season, embedder)


@on_both
def test_an_individual_without_photos_is_forgotten(path, season, embedder):
    for take in range(3):
        season.rows[f"a00_{take}.png"]["label"] = "w_01"
    update(path, season, embedder)
    with Catalogue.open(path) as catalogue:
        assert catalogue.counts().individuals == 11
        assert "w_00" not in catalogue.gallery().individual_ids


@on_both
def test_another_box_is_embedded_again(path, season, embedder):
    season.rows["a00_0.png"]["box"] = "0 0 0.5 1"
    assert update(path, season, embedder).reembedded == 1
    assert state(path) == rebuilt(path, season, embedder)


@on_both
def test_what_labels_no_longer_name_stays_unless_pruned(path, season, embedder):
    for name in ("a00_0.png", "stranger_1.png"):
        season.rows.pop(name)
    kept = update(path, season, embedder)
    assert (kept.left, kept.removed, kept.is_new_revision) == (2, 0, False)
    pruned = update(path, season, embedder, prune=True)
    assert (pruned.left, pruned.removed, pruned.revision) == (0, 2, 2)
    assert state(path) == rebuilt(path, season, embedder)


@on_both
def test_another_checkpoint_embeds_all_again(path, season, make_embedder):
    other = make_embedder("e" * 64, shift=100)
    season.rows.pop("a00_0.png")  # only the catalogue knows this one; it must stay searchable
    report = update(path, season, other)
    assert (report.reembedded, report.left, other.embedded) == (38, 1, 38)
    with Catalogue.open(path) as catalogue:
        assert catalogue.fingerprint == "e" * 64
        assert catalogue.counts().searchable == 38
        assert len(catalogue.vectors("f" * 64)[0]) == 38  # kept, so that one can go back


@on_both
def test_going_back_to_the_checkpoint_before_embeds_nothing(path, season, make_embedder):
    wanted = state(path)
    update(path, season, make_embedder("e" * 64, shift=100))
    before = make_embedder()
    report = update(path, season, before)
    assert (report.is_new_revision, report.revision, before.embedded) == (True, 3, 0)
    assert state(path) == wanted


@on_both
def test_another_checkpoint_needs_no_label_file(path, season, make_embedder):
    other = make_embedder("e" * 64, shift=100)
    assert update(path, None, other).reembedded == 38
    assert state(path) == rebuilt(path, season, other)
    assert not update(path, None, other).is_new_revision


@on_both
def test_a_touched_file_is_compared_once_and_then_trusted(path, season, embedder, monkeypatch):
    os.utime(season.folder / "a00_0.png", (10**9, 11**8))
    read: list[Path] = []
    honest = preparation.photo_file
    monkeypatch.setattr(preparation, "photo_file", lambda path: read.append(path) or honest(path))
    for _ in range(2):
        assert not update(path, season, embedder).is_new_revision
    assert read == [season.folder / "a00_0.png"]


def test_a_change_that_hides_its_time_and_size_is_found_by_rehash(path, season, embedder):
    photo = season.folder / "a00_0.png"
    content = bytearray(photo.read_bytes())
    shutil.copy(season.folder / "a01_0.png", photo)
    photo.write_bytes(photo.read_bytes() + b"\0" * (len(content) - photo.stat().st_size))
    os.utime(photo, (10**9, 10**9))
    if photo.stat().st_size == len(content):
        assert not update(path, season, embedder).is_new_revision
    assert update(path, season, embedder, rehash=True).reembedded == 1


def test_a_change_right_after_the_build_is_found(tmp_path, season, embedder):
    path = tmp_path / "catalogue.db"
    photo = season.folder / "a00_0.png"
    before = photo.stat()
    build_catalogue(path, season.labels(), embedder)
    content = photo.read_bytes()
    changed = content[:-12] + bytes(12)  # the end mark gone: the same size, another content
    photo.write_bytes(changed)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    report = update(path, season, embedder)
    assert report.reembedded + len(report.unread) == 1


def test_moved_photos_are_compared_and_not_embedded(path, season, embedder, make_season, tmp_path):
    shutil.move(season.folder, tmp_path / "archive")
    moved = make_season(tmp_path / "archive")
    moved.rows = season.rows
    report = update(path, moved, embedder)
    assert (report.relabelled, report.reembedded, embedder.embedded) == (38, 0, 0)
    assert state(path) == rebuilt(path, moved, embedder)


def test_relative_paths_are_found_from_anywhere(tmp_path, season, embedder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from index.labels.reader import read_labels

    season.labels()
    build_catalogue(Path("c.db"), read_labels(Path("photos/labels.csv"), Path("photos")), embedder)
    monkeypatch.chdir("/")
    assert update(tmp_path / "c.db", None, embedder).unchanged == 38


def test_a_calibration_that_cannot_be_read_is_fitted_again(path, season, embedder):
    wanted = state(path)
    raw = sqlite3.connect(path)
    raw.execute("UPDATE calibrations SET calibration = '{}'")
    raw.commit()
    raw.close()
    report = update(path, season, embedder)
    assert (report.is_new_revision, report.revision, embedder.embedded) == (False, 1, 0)
    assert state(path) == wanted


def test_a_small_catalogue_is_built_without_calibration(tmp_path, make_season, embedder):
    season = make_season(tmp_path / "photos")
    season.draw("a.png", "w_1")
    build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        assert not catalogue.calibration().is_fitted
        assert catalogue.gallery().size == 1


@on_both
def test_an_empty_label_file_changes_nothing(path, season, embedder):
    season.rows = {}
    with pytest.raises(BadLabels):
        update(path, season, embedder, prune=True)


def change_at_random(season, rng: np.random.Generator) -> None:
    """One of the things that happen to a catalogue between two seasons."""
    names = sorted(season.rows)
    name = str(rng.choice(names))
    animals = [f"w_{each:02}" for each in range(14)]
    animal = str(rng.choice(animals))
    kind = int(rng.integers(7))
    if kind == 0:
        season.draw(f"new_{rng.integers(10**9)}.png", animal, take=int(rng.integers(99)))
    elif kind == 1 and len(names) > 20:
        season.rows.pop(name)
        (season.folder / name).unlink()
    elif kind == 2:
        season.rows[name]["label"] = animal
    elif kind == 3:
        season.rows[name]["label"] = "new_whale"
    elif kind == 4:
        season.paint(name, animal, take=int(rng.integers(99)))
    elif kind == 5:
        season.rows[name]["box"] = str(rng.choice(["", "0 0 0.5 1", "0.25 0.5 1 1"]))
    else:
        season.rows[name] |= {
            "species": str(rng.choice(["", "humpback"])),
            "encounter": str(rng.choice(["", "e1"])),
        }


@pytest.mark.parametrize("seed", range(4))
def test_any_updates_come_to_what_a_build_comes_to(path, season, make_embedder, seed):
    rng = np.random.default_rng(seed)
    embedder = make_embedder()
    for _ in range(5):
        for _ in range(int(rng.integers(1, 7))):
            change_at_random(season, rng)
        if rng.integers(4) == 0:
            embedder = (
                make_embedder()
                if embedder.fingerprint[0] == "e"
                else make_embedder("e" * 64, shift=90)
            )
            assert embedder.fingerprint != state(path)[0][0][-2]
        update(path, season, embedder, prune=True)
        assert state(path) == rebuilt(path, season, embedder)
