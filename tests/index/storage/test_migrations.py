"""A catalogue of format 1, as flukeprint wrote it before curation, or 2 opens as one of format 3
with all it held.
"""

import json
import sqlite3

import numpy as np
import pytest

from index.calibration.fitting import calibrate
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.catalogue.revision import open_revision
from index.curation.curator import Curator
from index.curation.listings import Directory
from index.storage.schema import APPLICATION_ID

FORMAT_1 = """
CREATE TABLE individuals (id INTEGER NOT NULL, name VARCHAR NOT NULL, PRIMARY KEY (id), UNIQUE
(name));
CREATE TABLE revisions (revision INTEGER NOT NULL, at VARCHAR NOT NULL, fingerprint VARCHAR NOT
NULL,
    calibration JSON NOT NULL, PRIMARY KEY (revision));
CREATE TABLE encounters (id INTEGER NOT NULL, name VARCHAR NOT NULL, individual_id INTEGER, PRIMARY
KEY (id),
    FOREIGN KEY(individual_id) REFERENCES individuals (id));
CREATE INDEX ix_encounters_individual_id ON encounters (individual_id);
CREATE TABLE changes (id INTEGER NOT NULL, revision INTEGER NOT NULL, kind VARCHAR NOT NULL, photo
VARCHAR NOT NULL,
    detail JSON NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(revision) REFERENCES revisions (revision) DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX ix_changes_revision ON changes (revision);
CREATE TABLE photos (id INTEGER NOT NULL, name VARCHAR NOT NULL, path VARCHAR NOT NULL,
content_hash VARCHAR NOT NULL,
    size_bytes BIGINT NOT NULL, mtime_ns BIGINT, individual_id INTEGER, encounter_id INTEGER,
    species VARCHAR,
    taken_at VARCHAR, box JSON, PRIMARY KEY (id), UNIQUE (name),
    FOREIGN KEY(individual_id) REFERENCES individuals (id), FOREIGN KEY(encounter_id) REFERENCES
    encounters (id));
CREATE INDEX ix_photos_encounter_id ON photos (encounter_id);
CREATE INDEX ix_photos_individual_id ON photos (individual_id);
CREATE INDEX ix_photos_content_hash ON photos (content_hash);
CREATE TABLE vectors (photo_id INTEGER NOT NULL, fingerprint VARCHAR NOT NULL, dimension INTEGER
NOT NULL,
    embedding BLOB NOT NULL, PRIMARY KEY (photo_id), FOREIGN KEY(photo_id) REFERENCES photos (id)
    ON DELETE CASCADE);
CREATE INDEX ix_vectors_fingerprint ON vectors (fingerprint);
CREATE TRIGGER changes_refuse_update BEFORE UPDATE ON changes BEGIN SELECT RAISE(ABORT, 'the log is
append-only'); END;
CREATE TRIGGER changes_refuse_delete BEFORE DELETE ON changes BEGIN SELECT RAISE(ABORT, 'the log is
append-only'); END;
INSERT INTO individuals VALUES (1, 'w_1');
INSERT INTO encounters VALUES (1, 'off Stellwagen', 1);
INSERT INTO photos VALUES (1, 'a.jpg', 'photos/a.jpg', 'aa', 10, NULL, 1, 1, 'humpback',
'2019-05-01',
    '[0.1,0.2,0.9,0.8]');
INSERT INTO photos VALUES (2, 'b.jpg', 'photos/b.jpg', 'bb', 11, 5, NULL, NULL, NULL, NULL, NULL);
"""

UNCALIBRATED = calibrate(np.eye(2, dtype=np.float32), ["w_1", None])
EARLIER = {"is_fitted": False, "known_trials": 0}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "old.db"
    raw = sqlite3.connect(path)
    raw.executescript(FORMAT_1)
    for photo_id, vector in ((1, [1.0, 0.0]), (2, [0.0, 1.0])):
        raw.execute(
            "INSERT INTO vectors VALUES (?, 'f', 2, ?)",
            (photo_id, np.array(vector, "<f4").tobytes()),
        )
    calibration = json.dumps(EARLIER)
    raw.execute("INSERT INTO revisions VALUES (1, '2026-01-02T03:04:05Z', 'f', ?)", (calibration,))
    raw.execute(
        "INSERT INTO changes VALUES (1, 1, 'add', 'a.jpg', '{\"before\": {}, \"after\": {}}')"
    )
    raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    raw.execute("PRAGMA user_version = 1")
    raw.commit()
    raw.close()
    return path


def test_everything_is_still_there(path):
    with Catalogue.open(path) as catalogue:
        first, second = catalogue.photos()
        assert (first.individual, first.encounter, first.species, first.state) == (
            "w_1",
            "off Stellwagen",
            "humpback",
            "catalogued",
        )
        assert (second.individual, second.mtime_ns, second.fingerprint) == (None, 5, "f")
        assert catalogue.vectors("f")[1].tolist() == [[1.0, 0.0], [0.0, 1.0]]
        assert [(one.revision, one.at) for one in catalogue.history()] == [
            (1, "2026-01-02T03:04:05Z")
        ]
        assert [change.photo for change in catalogue.changes()] == ["a.jpg"]
        # An older flukeprint's calibration says too little: another is fitted, then and there.
        assert catalogue.searchable()[1] == UNCALIBRATED


def test_it_can_be_changed_and_both_logs_are_append_only(path):
    with Catalogue.open(path) as catalogue, open_revision(catalogue) as revision:
        revision.remove(revision.photos()[0])
        revision.finish("f")
    with Catalogue.open(path) as catalogue:
        assert [photo.name for photo in catalogue.photos()] == ["b.jpg"]
    raw = sqlite3.connect(path)
    for statement in (
        "DELETE FROM changes",
        "UPDATE revisions SET at = ''",
        "DELETE FROM revisions",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement)
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()


def test_it_has_the_tables_of_a_new_one(path, tmp_path):
    def columns(file):
        with sqlite3.connect(file) as raw:
            names = [
                row[0]
                for row in raw.execute(
                    "SELECT name FROM sqlite_master WHERE type IN ('table', 'index')"
                )
            ]
            return {
                name: {row[1:4] for row in raw.execute(f"PRAGMA table_info({name})")}
                for name in sorted(names)
            }

    Catalogue.open(path).close()
    Catalogue.open(tmp_path / "new.db", create=True).close()
    assert columns(path) == columns(tmp_path / "new.db")


def test_format_2_gets_regions_and_keeps_the_rest(path, tmp_path):
    Catalogue.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE encounters SET place = 'a bank'")
        raw.execute("ALTER TABLE encounters DROP COLUMN region")
        raw.execute("PRAGMA user_version = 2")
    raw.close()
    with Catalogue.open(path) as catalogue:
        assert [photo.region for photo in catalogue.photos()] == [None, None]
        Curator(catalogue, made_by="ada").edit_encounter(1, {"region": "Gulf of Maine"})
        assert [photo.region for photo in catalogue.photos()] == ["Gulf of Maine", None]
        (encounter,) = Directory(catalogue).encounters()
        assert (encounter.place, encounter.region) == ("a bank", "Gulf of Maine")
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone() == (5,)
    raw.close()


def test_a_file_that_cannot_be_written_is_left(path, monkeypatch):
    monkeypatch.setattr("index.storage.migrations.is_writable", lambda path: False)
    with pytest.raises(
        BadCatalogue,
        match=r"has format 1, this flukeprint reads format 5, and the file can't be written",
    ):
        Catalogue.open(path)
