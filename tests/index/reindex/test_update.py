"""Building and updating: an update comes to what a build from scratch comes to, whatever interrupts
nothing is half.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from index.catalogue import revision
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.labels.reader import BadLabels
from index.reindex import preparation
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from index.storage.address import CatalogueBusy, files_folder


def state(path: Path) -> tuple:
    """All that a catalogue knows, but for ids, history and file times."""
    with Catalogue.open(path) as catalogue:
        ids, vectors = catalogue.vectors(catalogue.fingerprint or "")
        rows = {photo_id: vectors[row].tobytes() for row, photo_id in enumerate(ids)}
        photos = [
            (
                photo.name,
                photo.path,
                photo.content_hash,
                photo.individual,
                photo.species,
                photo.encounter,
                photo.taken_at,
                photo.box,
                photo.fingerprint,
                rows[photo.id],
            )
            for photo in catalogue.photos()
        ]
        return photos, catalogue.calibration(), catalogue.counts()


def settle_files(folder: Path) -> None:
    """Make every file look written long ago, as a season's photos are."""
    for path in folder.rglob("*.png"):
        os.utime(path, (10**9, 10**9))


on_both = pytest.mark.usefixtures("place")  # the test runs on SQLite and on PostgreSQL


@pytest.fixture
def path(tmp_path, season, embedder, request):
    settle_files(season.folder)
    path = tmp_path / "catalogue.db"
    if "place" in request.fixturenames:
        path = request.getfixturevalue("place")(path)
    build_catalogue(path, season.labels(), embedder)
    embedder.embedded = 0
    return path


def update(path, season, embedder, **options):
    with Catalogue.open(path) as catalogue:
        labels = season.labels() if season else None
        return update_catalogue(catalogue, labels, embedder, UpdateOptions(**options))


def rebuilt(path, season, embedder) -> tuple:
    """A catalogue of the same labels made from scratch, in a file beside."""
    scratch = files_folder(path) / "scratch.db"
    build_catalogue(scratch, season.labels(), embedder, overwrite=scratch.exists())
    return state(scratch)


def test_a_build_reports_what_it_did(tmp_path, season, embedder):
    report = build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert (report.revision, report.is_new_revision, report.added, report.left) == (1, True, 38, 0)
    assert (report.unread, report.warnings) == ((), ())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.db", "photos"]


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


def test_bad_photos_are_reported_and_the_rest_built(tmp_path, season, embedder):
    (season.folder / "a00_0.png").write_bytes(b"")
    whole = (season.folder / "a00_1.png").read_bytes()
    (season.folder / "a00_1.png").write_bytes(whole[: len(whole) // 2])
    report = build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert report.added == 36
    assert [each.photo.name for each in report.unread] == ["a00_0.png", "a00_1.png"]
    assert "a00_0.png: the file is empty (0 bytes)" in report.unread[0].reason
    assert "a00_1.png: truncated" in report.unread[1].reason


def test_nothing_is_built_of_bad_photos_only(tmp_path, make_season, embedder):
    season = make_season(tmp_path / "photos")
    for name in ("a.png", "b.png"):
        season.draw(name, "w_1").write_text("text")
    with pytest.raises(
        BadCatalogue,
        match=r"none of the 2 photos could be read, .* the first: .*a\.png: not a photo",
    ):
        build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert [each.name for each in tmp_path.iterdir()] == ["photos"]


def test_a_known_photo_that_went_bad_is_kept_with_its_new_label(path, season, embedder):
    before = state(path)
    (season.folder / "a00_0.png").write_bytes(b"")
    season.rows["a00_0.png"]["label"] = "w_05"
    report = update(path, season, embedder)
    assert [each.photo.name for each in report.unread] == ["a00_0.png"]
    assert (report.relabelled, report.reembedded) == (1, 0)
    after = state(path)
    assert after[0][0][3] == "w_05"
    assert after[0][0][-1] == before[0][0][-1]


def test_a_lost_disk_does_not_empty_the_catalogue(path, season, make_embedder):
    before = path.read_bytes()
    shutil.rmtree(season.folder)
    with pytest.raises(
        BadCatalogue, match="none of the 38 photos could be read, so nothing was changed"
    ):
        update(path, None, make_embedder("e" * 64))
    assert path.read_bytes() == before
    report = update(path, None, make_embedder())
    assert (len(report.unread), report.is_new_revision) == (38, False)


@on_both
def test_a_photo_unread_by_another_checkpoint_is_no_longer_searched_until_it_is_read(
    path, season, make_embedder
):
    other = make_embedder("e" * 64)
    whole = (season.folder / "a00_0.png").read_bytes()
    (season.folder / "a00_0.png").write_bytes(b"")
    assert len(update(path, season, other).unread) == 1
    with Catalogue.open(path) as catalogue:
        assert (catalogue.counts().photos, catalogue.counts().searchable) == (38, 37)
    (season.folder / "a00_0.png").write_bytes(whole)
    assert update(path, season, other).reembedded == 1
    assert state(path) == rebuilt(path, season, other)


def test_the_same_picture_under_two_labels_is_told(tmp_path, season, embedder):
    shutil.copy(season.folder / "a00_0.png", season.folder / "copy.png")
    season.rows["copy.png"] = {"label": "w_07"}
    shutil.copy(season.folder / "a00_1.png", season.folder / "same.png")
    season.rows["same.png"] = {"label": "w_00"}  # the same animal: nothing to tell
    report = build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert report.warnings == (
        "a00_0.png (w_00) and copy.png (w_07) are the same picture: one label is probably wrong",
    )
    assert report.added == 40


def test_many_pairs_are_counted(path, season, embedder, monkeypatch):
    monkeypatch.setattr("index.reindex.report._MISLABELLED_TOLD", 1)
    for number in range(3):
        shutil.copy(season.folder / "a00_0.png", season.folder / f"copy{number}.png")
        season.rows[f"copy{number}.png"] = {"label": "new_whale"}
    warnings = update(path, season, embedder).warnings
    assert len(warnings) == 2
    assert "copy0.png (new_whale)" in warnings[0]
    assert warnings[1] == "2 more pairs of the same picture have different labels"


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
    "step", ["index.reindex.build.put_in_place", "index.reindex.update.fit_calibration"]
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


def test_a_calibration_that_cannot_be_read_is_fitted_again(path, season, embedder):
    wanted = state(path)
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER revisions_refuse_update")
    raw.execute("UPDATE revisions SET calibration = '{}'")
    raw.commit()
    raw.close()
    report = update(path, season, embedder)
    assert (report.is_new_revision, report.revision, embedder.embedded) == (True, 2, 0)
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
