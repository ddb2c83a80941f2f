"""A backup made while the catalogue is used is a whole catalogue; put back, it is the same one."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from dataclasses import replace

import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.exchange.backup.backup import (
    BadBackup,
    make_backup,
    restore_backup,
)
from index.exchange.backup.verify import verify_catalogue
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source
from index.reindex.options import UpdateOptions
from tests.index.exchange.backup.contents import content


def test_a_backup_is_a_catalogue_and_restored_the_same_one(tmp_path, living):
    done = make_backup(living, tmp_path / "copy")
    assert (done.left_out, done.manifest.revision, len(done.manifest.files)) == ((), 1, 10)
    assert content(tmp_path / "copy/catalogue.db") == content(living)
    assert verify_catalogue(tmp_path / "copy/catalogue.db").faults == ()
    (tmp_path / "new").mkdir()
    restore_backup(tmp_path / "copy", tmp_path / "new/other.db")
    assert content(tmp_path / "new/other.db") == content(living)
    assert verify_catalogue(tmp_path / "new/other.db").faults == ()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "catalogue.db.media",
        "other.db",
    ]


def test_a_tar(tmp_path, living):
    make_backup(living, tmp_path / "copy.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.tar", "living", "photos"]
    (tmp_path / "new").mkdir()
    restore_backup(tmp_path / "copy.tar", tmp_path / "new/catalogue.db")
    assert content(tmp_path / "new/catalogue.db") == content(living)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "catalogue.db",
        "catalogue.db.media",
    ]
    shutil.rmtree(tmp_path / "living")
    assert verify_catalogue(tmp_path / "new/catalogue.db").faults == ()


def test_photos_from_elsewhere_come_along(tmp_path, catalogue):
    """Those of `index build` lie outside the catalogue's folder, named by absolute paths."""
    make_backup(catalogue, tmp_path / "copy")
    shutil.rmtree(tmp_path / "photos")
    assert content(tmp_path / "copy/catalogue.db") == content(catalogue)
    assert verify_catalogue(tmp_path / "copy/catalogue.db").faults == ()
    assert str(tmp_path / "photos").encode() not in b"".join(
        str(photo.path).encode() for photo in known_photos(tmp_path / "copy/catalogue.db")
    )


def test_photos_beside_the_catalogue_keep_their_place(tmp_path, field_season, embedder):
    from index.reindex.build import build_catalogue

    build_catalogue(tmp_path / "c.db", field_season.labels(), embedder)
    make_backup(tmp_path / "c.db", tmp_path / "copy")
    assert (tmp_path / "copy/photos/trip/a0_1.jpg").is_file()
    assert not (tmp_path / "copy/c.db.media").exists()


def test_a_backup_of_a_catalogue_that_is_being_changed(
    tmp_path, living, make_season, draw_pattern, embedder
):
    """The log holds what isn't in the file yet, and a reader and a writer have it open."""
    reader = sqlite3.connect(living)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM photos").fetchone()
    season = make_season(tmp_path / "more")
    for number in range(6):
        draw_pattern(season.folder / f"more{number}.jpg", 600 + number)
        season.rows[f"more{number}.jpg"] = {"label": f"w_{number}"}
    season.labels()
    offer = read_source(season.folder, None, tmp_path / "s")
    adding = threading.Thread(
        target=lambda: apply_import(
            plan_import(offer, known_photos(living), living), living, embedder
        )
    )
    adding.start()
    revisions = []
    for turn in range(5):
        done = make_backup(living, tmp_path / f"copy{turn}")
        found = verify_catalogue(tmp_path / f"copy{turn}/catalogue.db")
        assert (done.left_out, found.faults) == ((), ())
        assert (found.revision, found.photos) in ((1, 9), (2, 15))
        revisions.append(found.revision)
    adding.join()
    make_backup(living, tmp_path / "last")
    assert content(tmp_path / "last/catalogue.db") == content(living)
    assert revisions == sorted(revisions)
    reader.close()


def test_a_deleted_photo_is_kept_for_its_undoing(tmp_path, living, field_season, embedder):
    from index.reindex.update import update_catalogue

    gone = field_season.rows.pop("a0_0.jpg")
    assert gone["label"] == "w_0"
    with Catalogue.open(living) as opened:
        name = next(photo.path for photo in opened.photos() if photo.name == "a0_0.jpg")
        update_catalogue(opened, field_season.labels(), embedder, UpdateOptions(prune=True))
    make_backup(living, tmp_path / "copy")
    assert (tmp_path / "copy/catalogue.db.media" / name.parent.name / name.name).is_file()


def test_photos_that_are_gone_or_changed_are_told(tmp_path, living):
    first, second = sorted(photo.path for photo in known_photos(living))[:2]
    first.unlink()
    second.write_bytes(b"other")
    done = make_backup(living, tmp_path / "copy")
    reasons = [reason for _, reason in done.left_out]
    assert len(reasons) == 2
    assert sum("there is no such file" in reason for reason in reasons) == 1
    assert sum("changed since it was catalogued" in reason for reason in reasons) == 1
    kinds = {fault.kind for fault in verify_catalogue(tmp_path / "copy/catalogue.db").faults}
    assert kinds == {"photo_absent"}


def test_from_a_file_into_postgresql_and_back(tmp_path, living, postgres, embedder):
    """What a team does that moves: back up here, restore there, and the other way round."""
    make_backup(living, tmp_path / "first")
    before = known_photos(living)
    (tmp_path / "server").mkdir()
    there = postgres(tmp_path / "server/catalogue")
    restore_backup(tmp_path / "first", there)
    assert [photo.content_hash for photo in known_photos(there)] == [
        photo.content_hash for photo in before
    ]
    assert all(photo.path.is_relative_to(tmp_path / "server") for photo in known_photos(there))
    assert verify_catalogue(there).faults == ()
    with pytest.raises(BadBackup, match="already; give another --catalogue, or --replace"):
        restore_backup(tmp_path / "first", there)
    restore_backup(tmp_path / "first", there, is_replacing=True)
    shutil.rmtree(tmp_path / "living")
    done = make_backup(there, tmp_path / "second.tar")
    assert (done.left_out, done.manifest.catalogue) == ((), "catalogue.db")
    (tmp_path / "home").mkdir(exist_ok=True)
    restore_backup(tmp_path / "second.tar", tmp_path / "home/catalogue.db")
    assert [sorted(rows, key=repr) for _, rows in content(tmp_path / "home/catalogue.db")] == [
        sorted(rows, key=repr) for _, rows in content(tmp_path / "first/catalogue.db")
    ]
    assert verify_catalogue(tmp_path / "home/catalogue.db").faults == ()


def test_a_backup_of_a_database_needs_its_folder(tmp_path, living, postgres):
    make_backup(living, tmp_path / "copy")
    with pytest.raises(BadCatalogue, match="--files FOLDER"):
        restore_backup(tmp_path / "copy", replace(postgres(tmp_path / "c"), files=None))
    with pytest.raises(BadBackup, match="there is no folder"):
        restore_backup(
            tmp_path / "copy", replace(postgres(tmp_path / "c"), files=tmp_path / "nowhere")
        )
