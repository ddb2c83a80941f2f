"""Jobs over HTTP: asked for, watched, cancelled, resumed, fetched; and across a restart of the
service.
"""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress, sibling_folder
from service.app import create_app
from service.jobs.queue import open_jobs
from service.serving.service import Serving
from service.settings import Settings

Restart = Callable[..., Any]


@pytest.fixture
def start(
    serving: Serving, settings: Settings, tmp_path: Path, place: Callable[[Path], CatalogueAddress]
) -> Restart:
    """`with start() as client`: a ready service with jobs, each time over the same database, of
    either kind.
    """
    database = place(tmp_path / "catalogue.db")
    Catalogue.open(database, create=True).close()

    @contextmanager
    def _start(**changed: object) -> Generator[TestClient]:
        given = Settings(**{**settings.model_dump(), "catalogue": database, **changed})
        app = create_app(
            given, lambda: serving, open_jobs=lambda service: open_jobs(given, service)
        )
        with TestClient(app, raise_server_exceptions=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield client

    return _start


@pytest.fixture
def client(start: Restart) -> Generator[TestClient]:
    with start() as ready:
        yield ready


@pytest.fixture
def photos(tmp_path: Path, photo: Callable[..., bytes]) -> Path:
    """Ten photos below the folder that jobs may read, and a file that is none."""
    folder = tmp_path / "may"
    folder.mkdir()
    for angle in range(0, 100, 10):
        (folder / f"{angle:02}.png").write_bytes(photo(angle))
    (folder / "notes.txt").write_text("seen at noon")
    return folder


class Hold:
    """Keeps the network from going on until it is let go."""

    def __init__(self, embedder: Any) -> None:
        self.reached, self.released = threading.Event(), threading.Event()
        self._embedder = embedder
        embedder.before_embedding = self._wait

    def _wait(self) -> None:
        self.reached.set()
        assert self.released.wait(60)

    def release(self) -> None:
        self._embedder.before_embedding = lambda: None
        self.released.set()


def identify(client: TestClient, **parameters: Any) -> Any:
    return client.post(
        "/v1/jobs", json={"kind": "identify", "parameters": {"folder": "may", **parameters}}
    )


def zipped(**entries: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def until(client: TestClient, job_id: int, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while (job := client.get(f"/v1/jobs/{job_id}").json())["state"] not in states:
        assert time.monotonic() < deadline, job
    return job


def test_a_folder_is_identified_and_its_csv_fetched(client: TestClient, photos: Path) -> None:
    asked = identify(client, k=2)
    assert asked.status_code == 202, asked.json()
    assert asked.headers["location"] == "/v1/jobs/1"
    assert asked.json()["parameters"] == {"folder": "may", "k": 2}
    assert asked.json()["asked_by"] == "local"
    job = until(client, 1, "succeeded")
    assert (job["done"], job["total"], job["error_count"], job["result"]["answered"]) == (
        11,
        11,
        1,
        10,
    )
    errors = client.get("/v1/jobs/1/errors").json()
    assert [error["file"] for error in errors["errors"]] == ["notes.txt"]
    assert errors["next_cursor"] is None
    result = client.get("/v1/jobs/1/result")
    assert result.headers["content-type"].startswith("text/csv")
    assert len(result.text.splitlines()) == 11
    assert int(result.headers["content-length"]) == len(result.content)


def test_a_zip_is_identified(client: TestClient, photo: Callable[..., bytes]) -> None:
    sent = {"archive": ("may.zip", zipped(**{"a.png": photo(0), "b.txt": b"text"}))}
    asked = client.post("/v1/jobs", data={"kind": "identify", "parameters": '{"k": 1}'}, files=sent)
    assert asked.status_code == 202, asked.json()
    job = until(client, asked.json()["id"], "succeeded")
    assert (job["result"]["known"], job["error_count"]) == (1, 1)


def test_a_zip_of_no_bytes_is_refused_at_once(
    client: TestClient, problem: Callable[..., Any]
) -> None:
    sent = client.post("/v1/jobs", data={"kind": "identify"}, files={"archive": ("a.zip", b"")})
    refused = problem(sent, 422, "invalid")
    assert (refused["errors"][0]["field"], refused["errors"][0]["reason"][:22]) == (
        "archive",
        "the zip has 0 bytes; l",
    )
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_a_file_that_is_no_zip_fails_the_job_with_its_reason(client: TestClient) -> None:
    asked = client.post(
        "/v1/jobs", data={"kind": "identify"}, files={"archive": ("a.zip", b"not a zip")}
    )
    job = until(client, asked.json()["id"], "failed")
    assert job["reason"].startswith("the zip: not a zip")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "dance"}, "kind"),
        ({"parameters": {}}, "kind"),
        ({"kind": "identify", "speed": 1}, "speed"),
        ({"kind": "identify", "parameters": {"folder": "may", "k": 0}}, "k"),
        ({"kind": "identify", "parameters": {"folder": "may", "size": 3}}, "size"),
        ({"kind": "identify", "parameters": {"folder": "../../etc"}}, "folder"),
        ({"kind": "identify", "parameters": {"folder": "/"}}, "folder"),
        ({"kind": "identify", "parameters": {"folder": "june"}}, "folder"),
        ({"kind": "identify", "parameters": {"upload": "0" * 32}}, "upload"),
        ({"kind": "reindex", "parameters": {"rehash": "perhaps"}}, "rehash"),
        ([], None),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    client: TestClient, photos: Path, problem: Callable[..., Any], body: object, field: str | None
) -> None:
    document = problem(client.post("/v1/jobs", json=body), 422, "invalid")
    assert document["errors"][0].get("field") == field
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_two_ways_at_once_and_none_are_refused(
    client: TestClient, photos: Path, problem: Callable[..., Any]
) -> None:
    for parameters in ({}, {"folder": "may", "max_fpir": 0.1, "threshold": 0.3}):
        document = problem(
            client.post("/v1/jobs", json={"kind": "identify", "parameters": parameters}),
            422,
            "invalid",
        )
        assert "give either" in document["detail"]


def test_bodies_that_cannot_be_read_are_refused(
    client: TestClient, problem: Callable[..., Any]
) -> None:
    problem(
        client.post("/v1/jobs", content=b"{", headers={"content-type": "application/json"}),
        400,
        "bad-request",
    )
    problem(
        client.post("/v1/jobs", content=b"kind", headers={"content-type": "text/plain"}),
        415,
        "not-multipart",
    )
    twice = client.post(
        "/v1/jobs",
        data={"kind": ["identify", "reindex"]},
        files={"archive": ("a.zip", zipped(a=b""))},
    )
    assert "more than once" in problem(twice, 422, "invalid")["detail"]
    nothing = client.post("/v1/jobs", data={"kind": "identify"}, files={"other": ("a.zip", b"")})
    assert "archive" in problem(nothing, 422, "invalid")["detail"]


def test_unknown_jobs_and_cursors_are_problems(
    client: TestClient, problem: Callable[..., Any]
) -> None:
    for path in ("", "/errors", "/result", "/events"):
        problem(client.get(f"/v1/jobs/7{path}"), 404, "not-found")
        problem(client.get(f"/v1/jobs/seven{path}"), 422, "invalid")
    for verb in ("cancel", "resume"):
        problem(client.post(f"/v1/jobs/7/{verb}"), 404, "not-found")
    problem(client.get("/v1/jobs?cursor=x"), 422, "invalid")
    problem(client.get("/v1/jobs?state=dancing"), 422, "invalid")


def test_jobs_are_listed_in_pages(client: TestClient, photos: Path) -> None:
    for _ in range(3):
        identify(client)
    until(client, 3, "succeeded")
    first = client.get("/v1/jobs?limit=2").json()
    second = client.get(f"/v1/jobs?limit=2&cursor={first['next_cursor']}").json()
    assert [job["id"] for page in (first, second) for job in page["jobs"]] == [3, 2, 1]
    assert second["next_cursor"] is None
    assert client.get("/v1/jobs?state=failed").json()["jobs"] == []


def test_a_job_is_cancelled_and_resumed(
    client: TestClient, photos: Path, embedder: Any, problem: Callable[..., Any]
) -> None:
    hold = Hold(embedder)
    identify(client)
    waiting = identify(client).json()["id"]
    assert hold.reached.wait(60)
    assert client.post(f"/v1/jobs/{waiting}/cancel").json()["state"] == "cancelled"
    assert client.post("/v1/jobs/1/cancel").json()["is_cancel_requested"] is True
    problem(client.post("/v1/jobs/1/resume"), 409, "wrong-state")
    problem(client.get("/v1/jobs/1/result"), 409, "wrong-state")
    hold.release()
    assert until(client, 1, "cancelled")["done"] == 9, (
        "a batch of eight, and the file that is no photo"
    )
    assert client.post("/v1/jobs/1/resume").status_code == 200
    assert until(client, 1, "succeeded")["result"]["answered"] == 10
    problem(client.post("/v1/jobs/1/cancel"), 409, "wrong-state")
    assert len(client.get("/v1/jobs/1/result").text.splitlines()) == 11
    assert len(client.get("/v1/jobs/1/errors").json()["errors"]) == 1


def test_a_job_survives_a_restart_of_the_service(
    start: Restart, photos: Path, embedder: Any
) -> None:
    hold = Hold(embedder)
    with start() as client:
        identify(client)
        assert hold.reached.wait(60)
        # The service is stopped while the job is in the middle of a batch, which is let go a moment
        # later.
        threading.Timer(0.2, hold.release).start()
    with start() as client:
        assert until(client, 1, "succeeded")["result"]["answered"] == 10
        assert len(client.get("/v1/jobs/1/result").text.splitlines()) == 11
    with start() as client:
        assert client.get("/v1/jobs/1").json()["state"] == "succeeded"


def test_uploads_of_nobody_are_removed_at_the_start_and_others_kept(
    start: Restart,
    tmp_path: Path,
    photo: Callable[..., bytes],
    embedder: Any,
    place: Callable[[Path], CatalogueAddress],
) -> None:
    hold = Hold(embedder)
    with start() as client:
        client.post(
            "/v1/jobs",
            data={"kind": "identify"},
            files={"archive": ("a.zip", zipped(**{"a.png": photo(0)}))},
        )
        assert hold.reached.wait(60)
        client.post("/v1/jobs/1/cancel")
        hold.release()
        until(client, 1, "cancelled")
    orphan = (
        sibling_folder(place(tmp_path / "catalogue.db"), "jobs") / "uploads" / f"{'a' * 32}.zip"
    )
    orphan.write_bytes(b"")
    with start() as client:
        assert not orphan.exists()
        client.post("/v1/jobs/1/resume")
        until(client, 1, "succeeded")


def test_events_tell_progress_until_the_end(
    client: TestClient, photos: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = Hold(embedder)
    identify(client)
    assert hold.reached.wait(60)
    runner = client.app.state.jobs.runner
    get = runner.get

    def get_and_go_on(job_id: int) -> Any:
        job = get(job_id)
        hold.release()
        return job

    monkeypatch.setattr(
        runner, "get", get_and_go_on
    )  # the first event is seen before the job goes on
    answer = client.get("/v1/jobs/1/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [event.splitlines() for event in answer.text.strip().split("\n\n")]
    assert [event[0] for event in events if event[0] != "event: job"] == ["event: end"]
    seen = [json.loads(event[1].removeprefix("data: ")) for event in events]
    assert [job["state"] for job in (seen[0], seen[-1])] == ["running", "succeeded"]
    assert [job["done"] for job in seen] == sorted(job["done"] for job in seen)


def test_without_a_place_for_jobs_photos_are_identified_all_the_same(
    start: Restart, tmp_path: Path, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    with start(catalogue=tmp_path / "nowhere.db") as client:
        problem(client.get("/v1/jobs"), 503, "not-ready")
        assert (
            client.post("/v1/identify", files=[("photos", ("a.png", photo(0)))]).status_code == 200
        )


def test_no_thread_of_jobs_is_left_after_stopping(start: Restart) -> None:
    with start() as client:
        client.post("/v1/jobs", json={"kind": "reindex"})
        until(client, 1, "failed", "succeeded")
        assert "jobs" in {thread.name for thread in threading.enumerate()}
    assert "jobs" not in {thread.name for thread in threading.enumerate()}


def test_every_route_is_documented(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    routes = {
        path: set(operations) for path, operations in document["paths"].items() if "/jobs" in path
    }
    assert routes == {
        "/v1/jobs": {"get", "post"},
        "/v1/jobs/{id}": {"delete", "get"},
        "/v1/jobs/{id}/report": {"get"},
        "/v1/jobs/{id}/errors": {"get"},
        "/v1/jobs/{id}/result": {"get"},
        "/v1/jobs/{id}/events": {"get"},
        "/v1/jobs/{id}/cancel": {"post"},
        "/v1/jobs/{id}/resume": {"post"},
    }
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}
    for name in ("Job", "Jobs", "JobErrors"):
        assert "example" in document["components"]["schemas"][name]
