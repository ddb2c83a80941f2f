"""When photos were taken: as the labels say, else as their files do, at build, update and import.

What is damaged in photos that can be read is told on the same ways.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.exchange.importing.plan import make_import_plan
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source, read_source_photos
from index.labels.reader import read_labels
from index.photos import embed
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from tests.index.camera_files import camera_photo, cut_scan, put

TIMES = {"A/1.jpg": "2021-04-03T14:05:09", "A/2.jpg": "2021-04-04T14:05:09+02:00", "B/3.jpg": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two animals; the photos of the first say when they were taken."""
    at, folder = "2021:04:0{} 14:05:09", tmp_path / "season"
    put(folder / "A/1.jpg", camera_photo(1, at.format(3)))
    put(folder / "A/2.jpg", camera_photo(2, at.format(4), "+02:00"))
    put(folder / "B/3.jpg", camera_photo(3, "    :  :     :  :  "))
    return folder


def times(path: Path) -> dict[str, str | None]:
    with Catalogue.open(path) as opened:
        return {photo.name: photo.taken_at for photo in opened.photos()}


def update(path: Path, folder: Path, embedder, csv: Path | None = None, **options):
    with Catalogue.open(path) as opened:
        labels = read_labels(csv, folder)
        return update_catalogue(opened, labels, embedder, UpdateOptions(**options))


def bring(source: Path, path: Path, embedder, tmp_path: Path):
    offer = read_source(source, None, tmp_path / "staging")
    plan = plan_import(offer, known_photos(path), path)
    apply_import(plan, path, embedder)
    return plan


@pytest.fixture
def built(tmp_path: Path, folder: Path, embedder) -> Path:
    path = tmp_path / "catalogue.db"
    build_catalogue(path, read_labels(None, folder), embedder)
    return path


def test_a_build_takes_the_times_of_files(built: Path, folder: Path, embedder) -> None:
    assert times(built) == TIMES
    report = update(built, folder, embedder)
    assert (report.is_new_revision, report.unchanged) == (False, 3)
    assert times(built) == TIMES


def test_an_import_takes_the_times_of_files(tmp_path: Path, folder: Path, embedder) -> None:
    path = tmp_path / "new.db"
    bring(folder, path, embedder, tmp_path)
    assert times(path) == TIMES
    plan = bring(folder, path, embedder, tmp_path)
    assert {row.status for row in plan.rows} == {"unchanged"}


def test_the_time_of_a_label_counts_before_the_file_s(
    tmp_path: Path, folder: Path, built: Path, embedder
) -> None:
    csv = tmp_path / "labels.csv"
    csv.write_text("image,label,taken_at\nA/1.jpg,A,20200101\nA/2.jpg,A,\nB/3.jpg,B,\n")
    stated = {**TIMES, "A/1.jpg": "2020-01-01"}
    update(built, folder, embedder, csv)
    assert times(built) == stated
    other = tmp_path / "other.db"
    build_catalogue(other, read_labels(csv, folder), embedder)
    assert times(other) == stated
    update(built, folder, embedder)  # labels that say no time leave the one that is known
    assert times(built) == stated


def test_a_new_file_brings_its_time(folder: Path, built: Path, embedder) -> None:
    put(folder / "A/1.jpg", camera_photo(4, "2022:05:06 07:08:09"), at=10**9 + 5)
    put(folder / "A/2.jpg", camera_photo(5), at=10**9 + 5)
    report = update(built, folder, embedder)
    assert (report.reembedded, report.relabelled) == (2, 1)
    assert times(built) == {**TIMES, "A/1.jpg": "2022-05-06T07:08:09"}


def test_what_a_curator_took_out_stays_out(
    tmp_path: Path, folder: Path, built: Path, embedder
) -> None:
    with Catalogue.open(built) as opened:
        curator = Curator(opened, made_by="ada")
        for name in ("A/1.jpg", "A/2.jpg"):
            curator.edit_photo(name, {"taken_at": None})
    update(built, folder, embedder, rehash=True)
    bring(folder, built, embedder, tmp_path)
    assert times(built) == dict.fromkeys(TIMES)


def test_a_catalogue_of_an_older_version_gets_the_times_when_files_are_read(
    tmp_path: Path, folder: Path, embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "older.db"
    with monkeypatch.context() as older:
        older.setattr(embed, "taken_at", lambda data: None)
        build_catalogue(path, read_labels(None, folder), embedder)
    assert times(path) == dict.fromkeys(TIMES)
    assert not update(path, folder, embedder).is_new_revision
    report = update(path, folder, embedder, rehash=True)
    assert (report.relabelled, report.reembedded) == (2, 0)
    assert times(path) == TIMES


def test_known_photos_without_a_time_get_it_when_their_files_are_read(
    folder: Path, built: Path
) -> None:
    source = read_source(folder, None, folder.parent / "staging")
    with Catalogue.open(built) as opened:
        known = opened.photos()
    without = [type(one)(**{**fields(one), "taken_at": None}) for one in known]
    hashes = {one.content_hash for one in known}
    photos = list(read_source_photos(source.photos, hashes, is_hashed=False))
    plan = make_import_plan(source, photos, without, known_perceptual={})
    changed = {row.photo: row.reason for row in plan.rows if row.status == "changed"}
    assert changed == {
        "A/1.jpg": "taken_at none -> 2021-04-03T14:05:09",
        "A/2.jpg": "taken_at none -> 2021-04-04T14:05:09+02:00",
    }


def fields(photo) -> dict:
    return {name: getattr(photo, name) for name in type(photo).__slots__}


def test_damage_is_told_by_build_update_and_import(tmp_path: Path, folder: Path, embedder) -> None:
    put(folder / "B/cut.jpg", cut_scan(camera_photo(7)))
    told = "1 photo can be read but is damaged: B/cut.jpg: pixels are missing or damaged"
    report = build_catalogue(tmp_path / "a.db", read_labels(None, folder), embedder)
    assert [one.startswith(told) for one in report.warnings] == [True]
    put(folder / "B/cut.jpg", cut_scan(camera_photo(7), 0.5), at=10**9 + 5)
    report = update(tmp_path / "a.db", folder, embedder)
    assert report.reembedded == 1
    assert [one.startswith(told) for one in report.warnings] == [True]
    plan = bring(folder, tmp_path / "b.db", embedder, tmp_path)
    assert [one.startswith(told) for one in plan.warnings] == [True]
    reasons = {row.photo: row.reason for row in plan.rows}
    assert reasons["B/cut.jpg"].startswith("new; pixels are missing or damaged")
    assert reasons["A/1.jpg"] == "new"
