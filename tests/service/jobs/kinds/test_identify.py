"""Bulk identification: a row a photo, a fault for every other file, the same CSV after a crash."""

from __future__ import annotations

import csv
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index.identification.identifier import Identifier
from index.jobs.records import JobOutcome
from index.search.gallery import Gallery
from service.jobs.kinds.answers import AnswerFile
from service.jobs.kinds.identify import BATCH_PHOTOS
from service.serving.service import Serving
from tests.service.jobs.kinds.bench import JobBench


def test_each_photo_has_a_row_with_its_ranked_individuals(bench: JobBench) -> None:
    bench.draw(0, 95)
    job = bench.run(folder="photos", k=2)
    assert job.result == {
        "files": 2,
        "answered": 2,
        "unreadable": 0,
        "known": 2,
        "review": 0,
        "new_whale": 0,
    }
    first, second = bench.rows(job)
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
    bench: JobBench, serving: Serving, at: Callable[..., np.ndarray]
) -> None:
    whole = serving.identifier
    bench.draw(0, 90)
    assert [
        (row["species"], row["species_probability"])
        for row in bench.rows(bench.run(folder="photos"))
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
    bench.serve(Identifier(whole.embedder, gallery, whole.calibration, species))
    job = bench.run(folder="photos", k=1)
    rows = bench.rows(job)
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

    bench.serve(
        Identifier(whole.embedder, gallery, whole.calibration, dict.fromkeys(herd, "fin_whale"))
    )
    rows = bench.rows(bench.run(folder="photos", k=1))
    assert [(row["species"], row["species_probability"]) for row in rows] == [("fin_whale", "")] * 2


def test_a_file_begun_without_species_keeps_its_columns(bench: JobBench, serving: Serving) -> None:
    path = bench.folder.result(1)
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


def test_fewer_individuals_than_asked_for_leave_empty_cells(bench: JobBench) -> None:
    bench.draw(0)
    (row,) = bench.rows(bench.run(folder="photos", k=5))
    assert (row["individual_3"], row["individual_4"], row["photo"]) == ("w_90", "", "000.png")
    assert row["revision"] == "7"


def test_every_file_that_is_no_photo_is_told(bench: JobBench, tmp_path: Path) -> None:
    bench.draw(0)
    (bench.photos / "notes.txt").write_text("seen at noon")
    (bench.photos / "torn.png").write_bytes(bench.photo(0)[:40])
    (bench.photos / "empty.jpg").touch()
    (bench.photos / ".hidden.png").write_bytes(bench.photo(0))
    (tmp_path / "elsewhere.png").write_bytes(bench.photo(0))
    (bench.photos / "link.png").symlink_to(tmp_path / "elsewhere.png")
    job = bench.run(folder="photos")
    assert job.result is not None
    assert (job.result["files"], job.result["answered"], job.result["unreadable"]) == (5, 1, 4)
    faults = bench.faults(job)
    assert set(faults) == {"notes.txt", "torn.png", "empty.jpg", "link.png"}
    assert "not a photo" in faults["notes.txt"]
    assert "leads out" in faults["link.png"]
    assert [row["photo"] for row in bench.rows(job)] == ["000.png"]


@pytest.mark.parametrize("folder", ["..", "/", "photos/../..", "nowhere", "with\0nul"])
def test_a_folder_elsewhere_or_nowhere_fails_the_job(bench: JobBench, folder: str) -> None:
    job = bench.run(folder=folder)
    assert job.state == "failed"
    assert "folder" in str(job.reason)


def test_a_zip_is_answered_its_bad_entries_told_and_its_files_removed(bench: JobBench) -> None:
    token = bench.zipped(
        {
            "may/a.png": bench.photo(30),
            ".deep/b.png": bench.photo(0),
            "../escape.png": bench.photo(0),
            "labels.csv": b"image,label\n",
            "notes.txt": b"text",
            "torn.jpg": b"\xff\xd8\xff",
        }
    )
    job = bench.run(upload=token)
    assert job.state == "succeeded", job.reason
    assert [row["photo"] for row in bench.rows(job)] == [".deep/b.png", "may/a.png"]
    assert set(bench.faults(job)) == {"../escape.png", "labels.csv", "notes.txt", "torn.jpg"}
    assert job.done == job.total == 6
    assert not bench.folder.upload(token).exists()
    assert not bench.folder.unpacked(token).exists()
    assert not (bench.folder.folder / "escape.png").exists()


def test_a_zip_beyond_the_limits_fails_the_job(bench: JobBench) -> None:
    job = bench.run(upload=bench.zipped({f"{number}.png": b"x" for number in range(51)}))
    assert (job.state, job.done) == ("failed", 0)
    assert "51 files; at most 50" in str(job.reason)


def test_an_entry_that_unpacks_to_far_more_is_left_out(bench: JobBench) -> None:
    path = bench.photos.parent / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * 5_000_000)
    with path.open("rb") as file:
        job = bench.run(upload=bench.folder.copy(file))
    assert "smaller than it is" in bench.faults(job)["bomb.png"]


class Crash(BaseException):
    """What nothing catches: it ends the thread as a kill ends the process, without a word to the
    record.
    """


@pytest.mark.parametrize("source", ["folder", "zip"])
def test_after_a_crash_the_csv_is_the_same_as_undisturbed(
    bench: JobBench, serving: Serving, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    angles = [7 * number % 100 for number in range(3 * BATCH_PHOTOS + 2)]
    bench.draw(*angles)
    (bench.photos / "004.png").write_bytes(b"torn")
    (bench.photos / "020.png").write_bytes(b"torn")
    (bench.photos / "notes.txt").touch()
    entries = {path.name: path.read_bytes() for path in bench.photos.iterdir()}

    def asked() -> dict[str, Any]:
        return {"folder": "photos"} if source == "folder" else {"upload": bench.zipped(entries)}

    whole = bench.run(**asked())
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
    job = bench.store.create("identify", asked())
    bench.go_on(job.id, is_over=lambda _: died.is_set())
    crashed = bench.store.get(job.id)
    assert (crashed.state, crashed.done) == ("running", 2 * BATCH_PHOTOS + 1)
    unfinished = bench.folder.result(job.id).with_name(f"{job.id}.csv.part")
    with unfinished.open("ab") as file:
        file.write(b"half a row that no checkpoint")
    embedder.before_embedding = lambda: None
    bench.go_on(job.id)
    resumed = bench.store.get(job.id)
    assert resumed.result == whole.result
    assert bench.folder.result(job.id).read_bytes() == bench.folder.result(whole.id).read_bytes()
    assert bench.store.faults(job.id) == bench.store.faults(whole.id)
    assert not unfinished.exists()


def test_a_crash_between_the_last_row_and_the_record_costs_nothing(bench: JobBench) -> None:
    bench.draw(0, 30)
    whole = bench.run(folder="photos")
    job = bench.store.create("identify", {"folder": "photos"})
    assert bench.store.claim("me", {"identify"}) is not None
    assert whole.checkpoint is not None
    bench.store.save(job.id, "me", whole.checkpoint, done=2, total=2)
    bench.store.finish(job.id, "me", JobOutcome("interrupted"))
    bench.folder.result(job.id).write_bytes(bench.folder.result(whole.id).read_bytes())
    bench.go_on(job.id)
    assert bench.store.get(job.id).result == whole.result
    assert bench.folder.result(job.id).read_bytes() == bench.folder.result(whole.id).read_bytes()
