"""A backup made while the catalogue is used is a whole catalogue; put back, it is the same one."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from index.access.keys import Keys
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.exchange.backup.backup import (
    MANIFEST,
    BadBackup,
    make_backup,
    read_manifest,
    restore_backup,
)
from index.exchange.backup.verify import verify_catalogue
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source
from index.reindex.options import UpdateOptions


@pytest.fixture
def living(tmp_path, field_season, embedder) -> Path:
    """A catalogue with a media folder of its own."""
    field_season.labels()
    path = tmp_path / "living" / "catalogue.db"
    path.parent.mkdir()
    apply_import(
        plan_import(read_source(field_season.folder, None, tmp_path / "s"), [], path),
        path,
        embedder,
    )
    return path


def content(path: Path) -> tuple:
    """Everything in every table, but for where photos lie."""
    raw = sqlite3.connect(path)
    tables = [
        row[0]
        for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    rows = {}
    for table in tables:
        columns = [row[1] for row in raw.execute(f"PRAGMA table_info({table})") if row[1] != "path"]
        rows[table] = raw.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    raw.close()
    return tuple(rows.items())


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


def test_nothing_is_written_over(tmp_path, living):
    make_backup(living, tmp_path / "copy")
    for out in ("copy", "living/catalogue.db"):
        with pytest.raises(BadBackup, match="a backup is never written over"):
            make_backup(living, tmp_path / out)
    with pytest.raises(BadBackup, match="there is no folder"):
        make_backup(living, tmp_path / "nowhere/copy")
    with pytest.raises(BadCatalogue, match="there is no catalogue"):
        make_backup(tmp_path / "gone.db", tmp_path / "copy2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "living", "photos"]


def test_restoring_over_a_catalogue_needs_replace(tmp_path, living, catalogue):
    before = catalogue.read_bytes()
    make_backup(living, tmp_path / "copy")
    with pytest.raises(BadBackup, match="already; give another --catalogue, or --replace"):
        restore_backup(tmp_path / "copy", catalogue)
    assert catalogue.read_bytes() == before
    reader = sqlite3.connect(catalogue)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM photos").fetchone()
    with pytest.raises(BadCatalogue, match="can't be replaced now"):
        restore_backup(tmp_path / "copy", catalogue, is_replacing=True)
    reader.close()
    assert content(catalogue) != content(living)
    restore_backup(tmp_path / "copy", catalogue, is_replacing=True)
    assert content(catalogue) == content(living)
    assert verify_catalogue(catalogue).faults == ()
    (tmp_path / "home/notes.txt").write_text("dear diary")
    with pytest.raises(BadCatalogue, match="not a flukeprint catalogue"):
        restore_backup(tmp_path / "copy", tmp_path / "home/notes.txt", is_replacing=True)
    with pytest.raises(BadBackup, match="there is no folder"):
        restore_backup(tmp_path / "copy", tmp_path / "nowhere/c.db")


def test_a_damaged_backup_is_refused_before_anything_is_written(tmp_path, living):
    make_backup(living, tmp_path / "copy")
    (tmp_path / "new").mkdir()
    photo = next((tmp_path / "copy/catalogue.db.media").rglob("*.jpg"))
    whole = photo.read_bytes()
    photo.write_bytes(whole[:-1])
    with pytest.raises(
        BadBackup, match=r"the backup is damaged: .*\.jpg is absent or not what backup.json says"
    ):
        restore_backup(tmp_path / "copy", tmp_path / "new/c.db")
    photo.unlink()
    photo.symlink_to(tmp_path / "copy/catalogue.db")
    with pytest.raises(BadBackup, match="the backup is damaged"):
        restore_backup(tmp_path / "copy", tmp_path / "new/c.db")
    photo.unlink()
    photo.write_bytes(whole)
    (tmp_path / "new/catalogue.db.media").mkdir()
    in_the_way = tmp_path / "new" / photo.relative_to(tmp_path / "copy")
    in_the_way.parent.mkdir()
    in_the_way.write_bytes(b"other")
    with pytest.raises(BadBackup, match="is another file than the backup's; move it away"):
        restore_backup(tmp_path / "copy", tmp_path / "new/c.db")
    in_the_way.unlink()
    restore_backup(tmp_path / "copy", tmp_path / "new/c.db")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": "flukeprint-backup-9"}, "reads flukeprint-backup-1"),
        ({"files": {"../../evil": "0"}}, "leads out"),
        ({"files": {}}, "names no catalogue"),
        ({"files": 3}, "no backup.json that can be read"),
        ({"catalogue": "../evil.db"}, "names no catalogue"),
    ],
)
def test_a_list_of_files_that_cannot_be_trusted(tmp_path, living, change, why):
    make_backup(living, tmp_path / "copy")
    path = tmp_path / "copy" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadBackup, match=why):
        read_manifest(tmp_path / "copy")


def test_what_is_no_backup(tmp_path):
    (tmp_path / "file").write_text("x")
    for source in ("file", "gone"):
        with pytest.raises(BadBackup, match="neither a backup's folder nor its tar"):
            restore_backup(tmp_path / source, tmp_path / "c.db")
    with pytest.raises(BadBackup, match="is no backup of flukeprint's"):
        restore_backup(tmp_path, tmp_path / "c.db")
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        archive.add(tmp_path / "file", "../evil")
    with pytest.raises(BadBackup):
        restore_backup(tmp_path / "evil.tar", tmp_path / "c.db")
    assert not (tmp_path.parent / "evil").exists()


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


def test_the_log_of_a_killed_restoring_is_not_replayed_into_the_next_one(tmp_path, living):
    with Catalogue.open(living) as catalogue:
        Keys(catalogue.engine).create(
            "A", "admin"
        )  # keys are carried over, for which the unfinished one is opened
    make_backup(living, tmp_path / "copy")
    unfinished = living.with_name(f".{living.name}.restoring")
    shutil.copyfile(tmp_path / "copy/catalogue.db", unfinished)
    raw = sqlite3.connect(unfinished)
    raw.execute("UPDATE photos SET species = 'of the killed one'")
    raw.commit()
    left = {suffix: Path(f"{unfinished}{suffix}").read_bytes() for suffix in ("", "-wal")}
    raw.close()
    for suffix, data in left.items():  # as a process that was killed then leaves them
        Path(f"{unfinished}{suffix}").write_bytes(data)
    before = content(living)
    restore_backup(tmp_path / "copy", living, is_replacing=True)
    assert content(living) == before
    assert sorted(path.name for path in living.parent.iterdir()) == [
        "catalogue.db",
        "catalogue.db.media",
    ]
