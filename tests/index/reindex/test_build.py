"""Builds: what they report, replace and refuse, and full disks."""

from __future__ import annotations

import errno
import os
import sqlite3

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from index.catalogue import revision
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.reindex.build import build_catalogue
from index.storage.address import CatalogueBusy
from tests.index.reindex.states import state, update


def test_a_build_reports_what_it_did(tmp_path, season, embedder):
    report = build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert (report.revision, report.is_new_revision, report.added, report.left) == (1, True, 38, 0)
    assert (report.unread, report.warnings) == ((), ())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.db", "photos"]


def test_a_catalogue_is_not_replaced_unasked(path, season, embedder):
    before = path.read_bytes()
    with pytest.raises(
        BadCatalogue,
        match="already; bring it up to date with `flukeprint index update`, or give --re",
    ):
        build_catalogue(path, season.labels(), embedder)
    assert path.read_bytes() == before
    season.draw("new.png", "w_new")
    assert build_catalogue(path, season.labels(), embedder, overwrite=True).added == 39
    with Catalogue.open(path) as catalogue:
        assert (catalogue.revision, catalogue.counts().photos) == (1, 39)


def test_what_is_no_catalogue_is_never_replaced(tmp_path, season, embedder):
    (tmp_path / "notes.txt").write_text("dear diary")
    with pytest.raises(BadCatalogue, match=r"notes.txt is not a flukeprint catalogue"):
        build_catalogue(tmp_path / "notes.txt", season.labels(), embedder, overwrite=True)
    with pytest.raises(BadCatalogue, match="is a folder; give the catalogue's file"):
        build_catalogue(tmp_path, season.labels(), embedder, overwrite=True)
    with pytest.raises(
        BadCatalogue, match=r"there is no folder .*nowhere for the catalogue; make it first"
    ):
        build_catalogue(tmp_path / "nowhere" / "c.db", season.labels(), embedder)
    assert (tmp_path / "notes.txt").read_text() == "dear diary"


def test_a_catalogue_in_use_is_not_replaced(path, season, embedder):
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM photos").fetchone()
    with pytest.raises(
        BadCatalogue, match=r"can't be replaced now .* another process may have it open"
    ):
        build_catalogue(path, season.labels(), embedder, overwrite=True)
    assert embedder.embedded == 0
    reader.close()


def test_two_builds_of_one_catalogue(tmp_path, season, embedder):
    path = tmp_path / "c.db"
    with (
        Catalogue.open(tmp_path / ".c.db.building", create=True) as other,
        revision.open_revision(other),
        pytest.raises(CatalogueBusy, match=r"another build of .*c\.db is running"),
    ):
        build_catalogue(path, season.labels(), embedder)
    assert (tmp_path / ".c.db.building").exists()
    # That one was killed: what it left is cleared away.
    build_catalogue(path, season.labels(), embedder)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.db", "photos"]


def full_disk(*given, **named):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "step", ["index.reindex.build.put_in_place", "index.catalogue.calibrating.calibrate"]
)
def test_a_full_disk_leaves_the_old_catalogue(path, season, embedder, monkeypatch, step):
    before = state(path)
    monkeypatch.setattr(step, full_disk)
    with pytest.raises(
        BadCatalogue, match=r"the disk of .* is full: nothing was changed. Free some space"
    ):
        build_catalogue(path, season.labels(), embedder, overwrite=True)
    assert state(path) == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["catalogue.db", "photos"]


def test_a_disk_that_fills_while_vectors_are_written(tmp_path, path, season, embedder):
    """SQLite itself runs out of pages, as on a full disk."""
    before = state(path)

    def allow_few_pages(raw, _):
        raw.execute("PRAGMA max_page_count = 16")

    event.listen(Engine, "connect", allow_few_pages)
    try:
        with pytest.raises(BadCatalogue, match="is full: nothing was changed"):
            build_catalogue(tmp_path / "new.db", season.labels(), embedder)
        season.draw("new.png", "w_new")
        for number in range(80):
            season.draw(f"more{number}.png", "w_more", take=number)
        with pytest.raises(BadCatalogue, match="is full: nothing was changed"):
            update(path, season, embedder)
    finally:
        event.remove(Engine, "connect", allow_few_pages)
    assert state(path) == before
    # What was embedded waits for the next try.
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "catalogue.db",
        "catalogue.db.embedded",
        "photos",
    ]


@pytest.mark.parametrize("after", [0, 1])
def test_ctrl_c_leaves_the_old_catalogue(path, season, make_embedder, monkeypatch, after):
    monkeypatch.setattr("index.photos.embed.BATCH_PHOTOS", 8)
    before = state(path)
    tired = make_embedder("e" * 64)
    honest = tired.embed
    calls = [0]

    def embed(images, boxes=None):
        calls[0] += 1
        if calls[0] > after:
            raise KeyboardInterrupt
        return honest(images, boxes)

    tired.embed = embed
    with pytest.raises(KeyboardInterrupt):
        build_catalogue(path, season.labels(), tired, overwrite=True)
    with pytest.raises(KeyboardInterrupt):
        build_catalogue(path.with_name("new.db"), season.labels(), tired)
    with pytest.raises(KeyboardInterrupt):
        update(path, season, tired)
    assert state(path) == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["catalogue.db", "photos"]
