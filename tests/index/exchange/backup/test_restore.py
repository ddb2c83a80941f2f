"""Backups that are put back, and those that can't be."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tarfile
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
from index.storage.connection import check_catalogue
from index.storage.schema import SCHEMA_VERSION
from tests.index.exchange.backup.contents import content
from tests.index.storage.older_formats import take_back


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


def test_a_backup_of_an_older_format_is_restored_and_upgraded(tmp_path, living):
    make_backup(living, tmp_path / "copy")
    database, manifest = tmp_path / "copy" / living.name, tmp_path / "copy" / MANIFEST
    take_back(database, 4)
    document = json.loads(manifest.read_text())
    document["files"][living.name] = hashlib.sha256(database.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(document))
    (tmp_path / "new").mkdir()
    restore_backup(tmp_path / "copy", tmp_path / "new/c.db")
    Catalogue.open(tmp_path / "new/c.db").close()
    assert content(tmp_path / "new/c.db") == content(living)
    assert check_catalogue(tmp_path / "new/c.db") == SCHEMA_VERSION
    assert verify_catalogue(tmp_path / "new/c.db").faults == ()
    assert check_catalogue(database) == 4  # the backup is as it was


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
