"""Bulk identification: a row a photo, a fault for every other file, the same CSV after a crash in
its middle.
"""

from __future__ import annotations

import csv
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import PhotoLimits
from index.catalogue.catalogue import Catalogue
from index.exchange.importing.archive import ArchiveLimits
from index.identification.identifier import Identifier
from index.jobs.records import Job, JobOutcome
from index.jobs.store import JobStore
from index.search.gallery import Gallery
from index.storage.connection import open_engine
from service.jobs.folder import JobFolder
from service.jobs.kinds.answers import AnswerFile
from service.jobs.kinds.identify import BATCH_PHOTOS, IdentifyPlace, identify_photos
from service.jobs.runner import JobRunner
from service.serving.service import Serving


class Desk:
    """A store, a folder of photos and what is served, put together for one kind of job."""

    def __init__(self, tmp_path: Path, serving: Serving, photo: Callable[..., bytes]) -> None:
        self.photos = tmp_path / "photos"
        self.photos.mkdir()
        self.photo = photo
        self.folder = JobFolder(tmp_path / "catalogue.jobs")
        Catalogue.open(tmp_path / "catalogue.db", create=True).close()
        self.store = JobStore(open_engine(tmp_path / "catalogue.db"))
        self.serving = serving
        self.place = IdentifyPlace(
            lambda: self.serving,
            self.folder,
            tmp_path,
            PhotoLimits(100_000),
            ArchiveLimits(max_entries=50),
        )

    def serve(self, identifier: Identifier) -> None:
        self.serving = Serving(identifier, self.serving.photos)

    def draw(self, *angles: int) -> None:
        for number, angle in enumerate(angles):
            (self.photos / f"{number:03}.png").write_bytes(self.photo(angle))

    def zipped(self, entries: dict[str, bytes]) -> str:
        path = self.photos.parent / "sent.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        with path.open("rb") as file:
            return self.folder.keep(file)

    def run(self, **parameters: Any) -> Job:
        job = self.store.create("identify", parameters)
        self.go_on(job.id)
        return self.store.get(job.id)

    def go_on(
        self, job_id: int, *, is_over: Callable[[Job], bool] = lambda job: job.has_ended
    ) -> None:
        runner = JobRunner(
            self.store,
            {"identify": lambda context: identify_photos(self.place, context)},
            poll_seconds=0.01,
        )
        runner.start()
        deadline = time.monotonic() + 120
        while not is_over(self.store.get(job_id)):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        runner.stop()

    def rows(self, job: Job) -> list[dict[str, str]]:
        with self.folder.result(job.id).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def faults(self, job: Job) -> dict[str, str]:
        return {fault.file: fault.reason for fault in self.store.faults(job.id).faults}


@pytest.fixture
def desk(tmp_path: Path, serving: Serving, photo: Callable[..., bytes]) -> Desk:
    return Desk(tmp_path, serving, photo)


def test_each_photo_has_a_row_with_its_ranked_individuals(desk: Desk) -> None:
    desk.draw(0, 95)
    job = desk.run(folder="photos", k=2)
    assert job.result == {
        "files": 2,
        "answered": 2,
        "unreadable": 0,
        "known": 2,
        "review": 0,
        "new_whale": 0,
    }
    first, second = desk.rows(job)
    assert (first["photo"], first["decision"], first["individual_1"], first["individual_2"]) == (
        "000.png",
        "known",
        "w_0",
        "w_30",
    )
    assert float(first["distance_1"]) == pytest.approx(0, abs=1e-6)
    assert (second["individual_1"], second["nearest_photo_1"]) == ("w_90", "2018/w_90.jpg")
    assert (second["revision"], second["fingerprint"]) == ("7", "f1" * 32)


def test_a_row_says_which_species_and_how_sure_where_that_is_calibrated(
    desk: Desk, serving: Serving, at: Callable[..., np.ndarray]
) -> None:
    whole = serving.identifier
    desk.draw(0, 90)
    assert [
        (row["species"], row["species_probability"]) for row in desk.rows(desk.run(folder="photos"))
    ] == [("", "")] * 2

    herd = {f"a_{degrees}": degrees for degrees in range(12)} | {
        f"b_{degrees}": degrees for degrees in range(80, 92)
    }
    gallery = Gallery.build(
        list(herd),
        list(herd),
        at(*herd.values()),
        fingerprint=whole.embedder.fingerprint,
        revision=8,
    )
    kinds = {"a": "humpback_whale", "b": "fin_whale"}
    species = {one: kinds[one[0]] for one in herd}
    desk.serve(Identifier(whole.embedder, gallery, whole.calibration, species))
    job = desk.run(folder="photos", k=1)
    rows = desk.rows(job)
    assert list(rows[0]) == [
        *(
            "photo",
            "decision",
            "probability",
            "reason",
            "individual_1",
            "distance_1",
            "probability_1",
            "nearest_photo_1",
        ),
        *("species", "species_probability", "revision", "fingerprint"),
    ]
    assert [row["species"] for row in rows] == ["humpback_whale", "fin_whale"]
    assert [0.9 < float(row["species_probability"]) < 1 for row in rows] == [True, True]

    desk.serve(
        Identifier(whole.embedder, gallery, whole.calibration, dict.fromkeys(herd, "fin_whale"))
    )
    rows = desk.rows(desk.run(folder="photos", k=1))
    assert [(row["species"], row["species_probability"]) for row in rows] == [("fin_whale", "")] * 2


def test_a_file_begun_without_species_keeps_its_columns(desk: Desk, serving: Serving) -> None:
    path = desk.folder.result(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (
        "photo,decision,probability,reason,individual_1,distance_1,probability_1,"
        "nearest_photo_1,revision,fingerprint\n"
    )
    path.with_name("1.csv.part").write_text(header + "cut off")
    (answer,) = serving.identifier.identify([Image.new("RGB", (8, 8))], k=1)
    with AnswerFile(path, 1, size_bytes=len(header)) as file:
        file.add("a.png", answer)
        file.complete()
    with path.open(newline="", encoding="utf-8") as written:
        (row,) = csv.DictReader(written)
    assert (row["photo"], row["individual_1"], row["revision"], row["fingerprint"]) == (
        "a.png",
        "w_0",
        "7",
        "f1" * 32,
    )


def test_fewer_individuals_than_asked_for_leave_empty_cells(desk: Desk) -> None:
    desk.draw(0)
    (row,) = desk.rows(desk.run(folder="photos", k=5))
    assert (row["individual_3"], row["individual_4"], row["photo"]) == ("w_90", "", "000.png")
    assert row["revision"] == "7"


def test_every_file_that_is_no_photo_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.draw(0)
    (desk.photos / "notes.txt").write_text("seen at noon")
    (desk.photos / "torn.png").write_bytes(desk.photo(0)[:40])
    (desk.photos / "empty.jpg").touch()
    (desk.photos / ".hidden.png").write_bytes(desk.photo(0))
    (tmp_path / "elsewhere.png").write_bytes(desk.photo(0))
    (desk.photos / "link.png").symlink_to(tmp_path / "elsewhere.png")
    job = desk.run(folder="photos")
    assert job.result is not None
    assert (job.result["files"], job.result["answered"], job.result["unreadable"]) == (5, 1, 4)
    faults = desk.faults(job)
    assert set(faults) == {"notes.txt", "torn.png", "empty.jpg", "link.png"}
    assert "not a photo" in faults["notes.txt"]
    assert "leads out" in faults["link.png"]
    assert [row["photo"] for row in desk.rows(job)] == ["000.png"]


@pytest.mark.parametrize("folder", ["..", "/", "photos/../..", "nowhere", "with\0nul"])
def test_a_folder_elsewhere_or_nowhere_fails_the_job(desk: Desk, folder: str) -> None:
    job = desk.run(folder=folder)
    assert job.state == "failed"
    assert "folder" in str(job.reason)


def test_a_zip_is_answered_its_bad_entries_told_and_its_files_removed(desk: Desk) -> None:
    token = desk.zipped(
        {
            "may/a.png": desk.photo(30),
            ".deep/b.png": desk.photo(0),
            "../escape.png": desk.photo(0),
            "labels.csv": b"image,label\n",
            "notes.txt": b"text",
            "torn.jpg": b"\xff\xd8\xff",
        }
    )
    job = desk.run(upload=token)
    assert job.state == "succeeded", job.reason
    assert [row["photo"] for row in desk.rows(job)] == [".deep/b.png", "may/a.png"]
    assert set(desk.faults(job)) == {"../escape.png", "labels.csv", "notes.txt", "torn.jpg"}
    assert job.done == job.total == 6
    assert not desk.folder.upload(token).exists()
    assert not desk.folder.unpacked(token).exists()
    assert not (desk.folder.folder / "escape.png").exists()


def test_a_zip_beyond_the_limits_fails_the_job(desk: Desk) -> None:
    job = desk.run(upload=desk.zipped({f"{number}.png": b"x" for number in range(51)}))
    assert (job.state, job.done) == ("failed", 0)
    assert "51 files; at most 50" in str(job.reason)


def test_an_entry_that_unpacks_to_far_more_is_left_out(desk: Desk) -> None:
    path = desk.photos.parent / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * 5_000_000)
    with path.open("rb") as file:
        job = desk.run(upload=desk.folder.keep(file))
    assert "smaller than it is" in desk.faults(job)["bomb.png"]


class Crash(BaseException):
    """What nothing catches: it ends the thread as a kill ends the process, without a word to the
    record.
    """


@pytest.mark.parametrize("source", ["folder", "zip"])
def test_after_a_crash_the_csv_is_the_same_as_undisturbed(
    desk: Desk, serving: Serving, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    angles = [7 * number % 100 for number in range(3 * BATCH_PHOTOS + 2)]
    desk.draw(*angles)
    (desk.photos / "004.png").write_bytes(b"torn")
    (desk.photos / "020.png").write_bytes(b"torn")
    (desk.photos / "notes.txt").touch()
    entries = {path.name: path.read_bytes() for path in desk.photos.iterdir()}

    def asked() -> dict[str, Any]:
        return {"folder": "photos"} if source == "folder" else {"upload": desk.zipped(entries)}

    whole = desk.run(**asked())
    batches = 0
    died = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())

    def die_in_the_third_batch() -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise Crash

    embedder: Any = serving.identifier.embedder
    embedder.before_embedding = die_in_the_third_batch
    job = desk.store.create("identify", asked())
    desk.go_on(job.id, is_over=lambda _: died.is_set())
    crashed = desk.store.get(job.id)
    assert (crashed.state, crashed.done) == ("running", 2 * BATCH_PHOTOS + 1)
    unfinished = desk.folder.result(job.id).with_name(f"{job.id}.csv.part")
    with unfinished.open("ab") as file:
        file.write(b"half a row that no checkpoint")
    embedder.before_embedding = lambda: None
    desk.go_on(job.id)
    resumed = desk.store.get(job.id)
    assert resumed.result == whole.result
    assert desk.folder.result(job.id).read_bytes() == desk.folder.result(whole.id).read_bytes()
    assert desk.store.faults(job.id) == desk.store.faults(whole.id)
    assert not unfinished.exists()


def test_a_crash_between_the_last_row_and_the_record_costs_nothing(desk: Desk) -> None:
    desk.draw(0, 30)
    whole = desk.run(folder="photos")
    job = desk.store.create("identify", {"folder": "photos"})
    assert desk.store.claim("me", {"identify"}) is not None
    assert whole.checkpoint is not None
    desk.store.save(job.id, "me", whole.checkpoint, done=2, total=2)
    desk.store.finish(job.id, "me", JobOutcome("interrupted"))
    desk.folder.result(job.id).write_bytes(desk.folder.result(whole.id).read_bytes())
    desk.go_on(job.id)
    assert desk.store.get(job.id).result == whole.result
    assert desk.folder.result(job.id).read_bytes() == desk.folder.result(whole.id).read_bytes()
