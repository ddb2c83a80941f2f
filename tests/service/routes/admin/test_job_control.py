"""Jobs are listed, watched, cancelled and resumed, also across a restart of the service."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.storage.address import CatalogueAddress, sibling_folder
from tests.service.routes.admin.job_site import Hold, Restart, identify, until, zipped


def test_unknown_jobs_and_cursors_are_problems(
    jobs_client: TestClient, problem: Callable[..., Any]
) -> None:
    for path in ("", "/errors", "/result", "/events"):
        problem(jobs_client.get(f"/v1/jobs/7{path}"), 404, "not-found")
        problem(jobs_client.get(f"/v1/jobs/seven{path}"), 422, "invalid")
    for verb in ("cancel", "resume"):
        problem(jobs_client.post(f"/v1/jobs/7/{verb}"), 404, "not-found")
    problem(jobs_client.get("/v1/jobs?cursor=x"), 422, "invalid")
    problem(jobs_client.get("/v1/jobs?state=dancing"), 422, "invalid")


def test_jobs_are_listed_in_pages(jobs_client: TestClient, may_photos: Path) -> None:
    for _ in range(3):
        identify(jobs_client)
    until(jobs_client, 3, "succeeded")
    first = jobs_client.get("/v1/jobs?limit=2").json()
    second = jobs_client.get(f"/v1/jobs?limit=2&cursor={first['next_cursor']}").json()
    assert [job["id"] for page in (first, second) for job in page["jobs"]] == [3, 2, 1]
    assert second["next_cursor"] is None
    assert jobs_client.get("/v1/jobs?state=failed").json()["jobs"] == []


def test_a_job_is_cancelled_and_resumed(
    jobs_client: TestClient, may_photos: Path, embedder: Any, problem: Callable[..., Any]
) -> None:
    hold = Hold(embedder)
    identify(jobs_client)
    waiting = identify(jobs_client).json()["id"]
    assert hold.reached.wait(60)
    assert jobs_client.post(f"/v1/jobs/{waiting}/cancel").json()["state"] == "cancelled"
    assert jobs_client.post("/v1/jobs/1/cancel").json()["is_cancel_requested"] is True
    problem(jobs_client.post("/v1/jobs/1/resume"), 409, "wrong-state")
    problem(jobs_client.get("/v1/jobs/1/result"), 409, "wrong-state")
    hold.release()
    assert until(jobs_client, 1, "cancelled")["done"] == 9, (
        "a batch of eight, and the file that is no photo"
    )
    assert jobs_client.post("/v1/jobs/1/resume").status_code == 200
    assert until(jobs_client, 1, "succeeded")["result"]["answered"] == 10
    problem(jobs_client.post("/v1/jobs/1/cancel"), 409, "wrong-state")
    assert len(jobs_client.get("/v1/jobs/1/result").text.splitlines()) == 11
    assert len(jobs_client.get("/v1/jobs/1/errors").json()["errors"]) == 1


def test_a_job_survives_a_restart_of_the_service(
    start_jobs: Restart, may_photos: Path, embedder: Any
) -> None:
    hold = Hold(embedder)
    with start_jobs() as jobs_client:
        identify(jobs_client)
        assert hold.reached.wait(60)
        # The service is stopped while the job is in the middle of a batch, which is let go a moment
        # later.
        threading.Timer(0.2, hold.release).start()
    with start_jobs() as jobs_client:
        assert until(jobs_client, 1, "succeeded")["result"]["answered"] == 10
        assert len(jobs_client.get("/v1/jobs/1/result").text.splitlines()) == 11
    with start_jobs() as jobs_client:
        assert jobs_client.get("/v1/jobs/1").json()["state"] == "succeeded"


def test_uploads_of_nobody_are_removed_at_the_start_and_others_kept(
    start_jobs: Restart,
    tmp_path: Path,
    photo: Callable[..., bytes],
    embedder: Any,
    place: Callable[[Path], CatalogueAddress],
) -> None:
    hold = Hold(embedder)
    with start_jobs() as jobs_client:
        jobs_client.post(
            "/v1/jobs",
            data={"kind": "identify"},
            files={"archive": ("a.zip", zipped(**{"a.png": photo(0)}))},
        )
        assert hold.reached.wait(60)
        jobs_client.post("/v1/jobs/1/cancel")
        hold.release()
        until(jobs_client, 1, "cancelled")
    uploads = sibling_folder(place(tmp_path / "catalogue.db"), "jobs") / "uploads"
    orphan, arrived = uploads / f"{'a' * 32}.zip", uploads / f"{'b' * 32}.zip"
    for path in (orphan, arrived):  # the latter's job is being queued by another service
        path.write_bytes(b"")
    hours_ago = time.time() - 7200
    os.utime(orphan, (hours_ago, hours_ago))
    with start_jobs() as jobs_client:
        jobs_client.post("/v1/jobs/1/resume")
        until(jobs_client, 1, "succeeded")
        assert (orphan.exists(), arrived.exists()) == (False, True)


def test_events_tell_progress_until_the_end(
    jobs_client: TestClient, may_photos: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = Hold(embedder)
    identify(jobs_client)
    assert hold.reached.wait(60)
    runner = jobs_client.app.state.jobs.runner
    get = runner.get

    def get_and_go_on(job_id: int) -> Any:
        job = get(job_id)
        hold.release()
        return job

    monkeypatch.setattr(
        runner, "get", get_and_go_on
    )  # the first event is seen before the job goes on
    answer = jobs_client.get("/v1/jobs/1/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [event.splitlines() for event in answer.text.strip().split("\n\n")]
    assert [event[0] for event in events if event[0] != "event: job"] == ["event: end"]
    seen = [json.loads(event[1].removeprefix("data: ")) for event in events]
    assert [job["state"] for job in (seen[0], seen[-1])] == ["running", "succeeded"]
    assert [job["done"] for job in seen] == sorted(job["done"] for job in seen)


def test_without_a_place_for_jobs_photos_are_identified_all_the_same(
    start_jobs: Restart, tmp_path: Path, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    with start_jobs(catalogue=tmp_path / "nowhere.db") as jobs_client:
        problem(jobs_client.get("/v1/jobs"), 503, "not-ready")
        assert (
            jobs_client.post("/v1/identify", files=[("photos", ("a.png", photo(0)))]).status_code
            == 200
        )


def test_no_thread_of_jobs_is_left_after_stopping(start_jobs: Restart) -> None:
    with start_jobs() as jobs_client:
        jobs_client.post("/v1/jobs", json={"kind": "reindex"})
        until(jobs_client, 1, "failed", "succeeded")
        assert "jobs" in {thread.name for thread in threading.enumerate()}
    assert "jobs" not in {thread.name for thread in threading.enumerate()}
