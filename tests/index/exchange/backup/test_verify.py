"""Every fault of a catalogue is listed, each with what to do."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.exchange.backup.copy_database import copy_catalogue
from index.exchange.backup.verify import verify_catalogue
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.photos.pending_vectors import PendingVectors, pending_folder
from index.processes import this_worker
from index.snapshots import snapshot
from index.storage.originals import media_folder


def change(path, *statements) -> None:
    raw = sqlite3.connect(path)
    for statement in statements:
        raw.execute(*statement)
    raw.commit()
    raw.close()


def test_a_whole_catalogue(tmp_path, catalogue, place):
    address = place(catalogue)
    if address != catalogue:
        copy_catalogue(catalogue, address)
    found = verify_catalogue(address)
    assert (found.revision, found.photos, found.vectors, found.faults, found.stray) == (
        1,
        9,
        9,
        (),
        (),
    )
    assert found.to_json()["is_whole"]


def test_vectors_that_wait_are_told_and_whether_they_are_of_use(tmp_path, catalogue, embedder):
    folder = pending_folder(catalogue)
    vector = np.ones(24, np.float32) / np.sqrt(np.float32(24))
    label = LabelledPhoto("new.png", tmp_path / "new.png", None)
    for fingerprint, worker in (
        (embedder.fingerprint, "ended"),
        ("e" * 64, "ended"),
        ("d" * 64, "this one"),
    ):
        kept = PendingVectors(folder, fingerprint)
        kept.append([EmbeddedPhoto(label, PhotoFile("0" * 64, 1, None), vector)])
        kept.close()
        if worker == "ended":
            path = max(folder.iterdir(), key=lambda each: fingerprint.encode() in each.read_bytes())
            path.write_bytes(
                path.read_bytes().replace(this_worker().encode(), (this_worker() + "0").encode())
            )
    found = verify_catalogue(catalogue)
    told = {each.fingerprint[0]: (each.is_of_use, each.size_bytes > 96) for each in found.waiting}
    assert told == {embedder.fingerprint[0]: (True, True), "e": (False, True), "d": (True, True)}
    assert {each.file.partition("/")[0] for each in found.waiting} == {"catalogue.db.embedded"}
    assert found.to_json()["is_whole"]
    assert len(found.to_json()["waiting"]) == 3


def test_every_fault_is_listed(tmp_path, catalogue):
    (tmp_path / "photos/a0_0.jpg").unlink()
    (tmp_path / "photos/a1_0.jpg").write_bytes(b"other")
    of = "photo_id = (SELECT id FROM photos WHERE name = ?)"
    twice = (2 * np.ones(24) / np.sqrt(24)).astype("<f4").tobytes()
    change(
        catalogue,
        (f"UPDATE vectors SET embedding = ? WHERE {of}", (twice, "a2_0.jpg")),
        (f"UPDATE vectors SET embedding = x'0000' WHERE {of}", ("a3_0.jpg",)),
        (f"DELETE FROM vectors WHERE {of}", ("stranger.png",)),
        ("UPDATE photos SET encounter_id = 999 WHERE name = ?", ("stranger.png",)),
    )
    found = verify_catalogue(catalogue)
    assert [(fault.kind, fault.photo) for fault in found.faults] == [
        ("database", ""),
        ("photo_absent", "a0_0.jpg"),
        ("photo_changed", "a1_0.jpg"),
        ("vector", "a2_0.jpg"),
        ("vector", "a3_0.jpg"),
        ("no_vector", "stranger.png"),
    ]
    reasons = [fault.reason for fault in found.faults]
    assert "refers to encounters, which is not there" in reasons[0]
    assert "there is no such file" in reasons[1]
    assert "restore it from a backup" in reasons[2]
    assert "has the length 2 and not 1; embed it again" in reasons[3]
    assert "has 2 bytes and not 96" in reasons[4]
    assert not found.to_json()["is_whole"]


def test_a_damaged_snapshot_is_named(catalogue, monkeypatch):
    monkeypatch.setattr(snapshot, "FEWEST_PHOTOS", 1)
    with Catalogue.open(catalogue) as opened:
        snapshot.refresh_snapshot(opened)
    assert verify_catalogue(catalogue).faults == ()
    (file,) = snapshot.snapshot_files(catalogue)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    (fault,) = verify_catalogue(catalogue).faults
    assert fault.kind == "snapshot"
    assert str(file) in fault.reason
    assert "may be deleted" in fault.reason


def test_files_that_belong_to_nothing(catalogue):
    folder = media_folder(catalogue) / "ab"
    folder.mkdir(parents=True)
    (folder / "abcd.jpg").write_bytes(b"x")
    assert verify_catalogue(catalogue).stray == ("ab/abcd.jpg",)


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(BadCatalogue, match="there is no catalogue"):
        verify_catalogue(tmp_path / "gone.db")


def test_an_empty_catalogue(tmp_path, place):
    Catalogue.open(place(tmp_path / "c.db"), create=True).close()
    assert verify_catalogue(place(tmp_path / "c.db")).faults == ()


def test_a_size_that_is_not_the_file_s_is_told(catalogue):
    change(catalogue, ("UPDATE photos SET size_bytes = size_bytes + 4 WHERE id = 1",))
    (fault,) = verify_catalogue(catalogue).faults
    assert fault.kind == "record"
    assert "size_bytes" in fault.reason
