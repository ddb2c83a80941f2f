"""The job `identify` for review: its photos come into the queue, as cards, and none comes twice."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.jobs.kinds.identify import BATCH_PHOTOS
from tests.service.jobs.kinds.season import ended, zipped


def shot(degrees: int, minute: int = 40, seed: int = 0) -> bytes:
    """A photo of a day in May that RedEmbedder sees at an angle; `seed` makes it another file."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x010F] = "Canon"
    exif.get_ifd(0x8769)[0x9003] = f"2026:05:28 {9 + minute // 60:02}:{minute % 60:02}:00"
    image = Image.new("RGB", (60, 40), (degrees, 0, 0))
    image.putpixel((59, 39), (0, 0, seed))
    image.save(file, "PNG", exif=exif)
    return file.getvalue()


@pytest.fixture
def may(tmp_path: Path) -> Path:
    """The folder `may`, which a job may name: three encounters, and what is refused."""
    folder = tmp_path / "may"
    (folder / "bay").mkdir(parents=True)
    for number in range(2 * BATCH_PHOTOS):
        (folder / "bay" / f"{number:02}.png").write_bytes(shot(30, 40, number))
    (folder / "north.png").write_bytes(shot(88, 41))
    (folder / "late.png").write_bytes(shot(86, 100))
    (folder / "twice.png").write_bytes(shot(88, 41))
    (folder / "known.png").write_bytes((tmp_path / "season" / "w_0" / "0.png").read_bytes())
    (folder / "torn.png").write_bytes(b"torn")
    (folder / "notes.txt").write_text("seen at noon")
    return folder


def ask(client: TestClient, **parameters: Any) -> int:
    body = {"kind": "identify", "parameters": {"folder": "may", "review": True, **parameters}}
    asked = client.post("/v1/jobs", json=body)
    assert asked.status_code == 202, asked.text
    return asked.json()["id"]


def cards(client: TestClient, **query: Any) -> dict[str, list[str]]:
    """The names of each card's photos, by the encounter's name."""
    listed = client.get("/v1/queue/encounters", params=query).json()["encounters"]
    return {one["encounter"]: [photo["name"] for photo in one["photos"]] for one in listed}


def faults(client: TestClient, job: int) -> dict[str, str]:
    errors = client.get(f"/v1/jobs/{job}/errors").json()["errors"]
    return {error["file"]: error["reason"] for error in errors}


BAY = [f"bay/{number:02}.png" for number in range(2 * BATCH_PHOTOS)]


def test_photos_and_answers_come_into_the_queue_as_an_upload(
    site: Any, may: Path, tmp_path: Path
) -> None:
    client = site[0]
    job = ended(client, ask(client))
    assert job["state"] == "succeeded", job["reason"]
    counts = {name: job["result"][name] for name in ("files", "answered", "unreadable", "skipped")}
    many = 2 * BATCH_PHOTOS
    assert counts == {"files": many + 6, "answered": many + 2, "unreadable": 2, "skipped": 2}
    told = faults(client, job["id"])
    assert set(told) == {"twice.png", "known.png", "torn.png", "notes.txt"}
    assert "is in the catalogue already, as w_0/0.png" in told["known.png"]
    expected = {
        "2026-05-28 09:40": BAY,
        "2026-05-28 09:41": ["north.png"],
        "2026-05-28 10:40": ["late.png"],
    }
    assert cards(client) == expected
    assert cards(client, upload=job["queue_upload"]) == expected
    assert cards(client, upload="another") == {}
    (first, *_) = client.get("/v1/queue", params={"limit": 1}).json()["photos"]
    assert first["answer"]["matches"][0]["individual"] == "w_0"
    stored = {path.read_bytes() for path in tmp_path.rglob("catalogue.db.media/*/*.png")}
    assert shot(30, 40, 0) in stored
    rows = client.get(f"/v1/jobs/{job['id']}/result").text.splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == [*BAY, "late.png", "north.png"]


def test_a_zip_comes_into_the_queue_and_is_then_forgotten(site: Any, tmp_path: Path) -> None:
    client = site[0]
    sent = client.post(
        "/v1/jobs",
        data={"kind": "identify", "parameters": '{"review": true}'},
        files={"archive": ("may.zip", zipped({"a.png": shot(30), "b.txt": b"text"}))},
    )
    job = ended(client, sent.json()["id"])
    assert (job["result"]["answered"], set(faults(client, job["id"]))) == (1, {"b.txt"})
    assert cards(client) == {"2026-05-28 09:40": ["a.png"]}
    assert not list((tmp_path / "catalogue.db.jobs" / "unpacked").iterdir())


def test_the_same_folder_again_brings_what_is_new_alone(site: Any, may: Path) -> None:
    client = site[0]
    ended(client, ask(client))
    before, revision = cards(client), client.get("/v1/stats").json()["catalogue_revision"]
    again = ended(client, ask(client))
    assert (again["result"]["answered"], again["result"]["skipped"]) == (0, 2 * BATCH_PHOTOS + 4)
    assert client.get("/v1/stats").json()["catalogue_revision"] == revision
    assert cards(client) == before
    (may / "new.png").write_bytes(shot(30, 200))
    third = ended(client, ask(client))
    assert third["result"]["answered"] == 1
    assert cards(client, upload=third["queue_upload"]) == {"2026-05-28 12:20": ["new.png"]}


class Crash(BaseException):
    """What nothing catches: it ends the thread as a kill ends the process."""


@pytest.mark.parametrize("moment", ["before the act", "after the act"])
def test_a_killed_job_goes_on_and_nothing_is_there_twice(
    serve_season: Callable[..., Any], may: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())
    with serve_season() as (client, _, _):
        runner, writer = client.app.state.jobs.runner, client.app.state.writer
        act, acts = writer.act_now, []

        def crash_in_the_second(do: Any) -> Any:
            acts.append(do)
            if len(acts) == 2 and moment == "before the act":
                raise Crash
            event = act(do)
            if len(acts) == 2:
                raise Crash
            return event

        writer.act_now = crash_in_the_second
        job = ask(client)
        assert died.wait(60)
        assert client.get(f"/v1/jobs/{job}").json()["state"] == "running"
        there = sum(len(names) for names in cards(client).values())
        assert there == (BATCH_PHOTOS if moment == "before the act" else 2 * BATCH_PHOTOS)
        writer.act_now = act
        runner.stop()
        runner.start()
        done = ended(client, job)
        assert done["state"] == "succeeded", done["reason"]
        assert (done["result"]["answered"], done["result"]["skipped"]) == (2 * BATCH_PHOTOS + 2, 2)
        assert sorted(len(names) for names in cards(client).values()) == [1, 1, 2 * BATCH_PHOTOS]
        rows = client.get(f"/v1/jobs/{job}/result").text.splitlines()
        assert len(rows) == 1 + 2 * BATCH_PHOTOS + 2


def test_what_a_cancelled_job_has_taken_in_stays_to_review_and_it_can_go_on(
    site: Any, may: Path
) -> None:
    client, _, embedder = site
    reached, released = threading.Event(), threading.Event()

    def hold_the_second() -> None:
        if len(embedder.batch_sizes) >= 2 and not reached.is_set():
            reached.set()
            assert released.wait(60)

    embedder.batch_sizes.clear()
    embedder.before_embedding = hold_the_second
    job = ask(client)
    assert reached.wait(60)
    client.post(f"/v1/jobs/{job}/cancel")
    released.set()
    assert ended(client, job)["state"] == "cancelled"
    assert cards(client) == {"2026-05-28 09:40": BAY}
    client.post(f"/v1/jobs/{job}/resume")
    assert ended(client, job)["state"] == "succeeded"
    assert len(cards(client)) == 3


def test_what_is_left_is_answered_again_after_the_catalogue_changed(site: Any, may: Path) -> None:
    client = site[0]
    job = ended(client, ask(client))
    asked = {"upload": job["queue_upload"]}

    def nearest() -> dict[str, str]:
        listed = client.get("/v1/queue/encounters", params=asked).json()["encounters"]
        return {one["encounter"]: one["individual"] for one in listed}

    by_name = {
        one["encounter"]: one["key"]
        for one in client.get("/v1/queue/encounters", params=asked).json()["encounters"]
    }
    assert nearest()["2026-05-28 10:40"] == "w_90"
    key = by_name["2026-05-28 09:41"]
    done = client.post(f"/v1/queue/encounters/{key}/confirm", json={"individual": "w_new"})
    assert done.status_code == 200, done.text
    assert nearest() == {"2026-05-28 09:40": "w_0", "2026-05-28 10:40": "w_new"}


def test_thresholds_of_ones_own_are_refused(site: Any, may: Path) -> None:
    body = {"kind": "identify", "parameters": {"folder": "may", "review": True, "threshold": 0.2}}
    refused = site[0].post("/v1/jobs", json=body)
    assert refused.status_code == 422
    assert "the queue answers by the catalogue's own" in refused.text


def test_a_photo_taken_in_by_others_meanwhile_is_skipped(site: Any, may: Path) -> None:
    client = site[0]
    writer = client.app.state.writer
    act = writer.act_now

    def later(do: Any) -> Any:
        writer.act_now = act
        client.post("/v1/queue", files=[("photos", ("mine.png", shot(30, 40, 0), "image/png"))])
        return act(do)

    writer.act_now = later
    job = ended(client, ask(client))
    assert faults(client, job["id"])["bay/00.png"].endswith("in the queue already, as mine.png")
    assert job["result"]["answered"] == 2 * BATCH_PHOTOS + 1
