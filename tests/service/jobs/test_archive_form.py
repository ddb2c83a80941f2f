"""A zip that comes with a job is written once, to where it is to lie, within bounds."""

from __future__ import annotations

import asyncio
import errno
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from service.jobs.folder import MOST_ARRIVING, JobFolder
from service.jobs.queue import JobQueue

ROOT = Path(__file__).resolve().parents[3]
ZIP = b"PK\x05\x06" + bytes(18)  # a zip without entries
LARGE = bytes(range(256)) * 16_000  # 4 MB: too much for memory alone


@pytest.fixture
def client(serve_curated: Callable[..., Any]) -> Generator[TestClient]:
    with serve_curated(has_keys=True) as curated:
        curated.client.app.state.jobs.runner.stop()  # the uploads stay as they came
        yield curated.client


@pytest.fixture
def folder(client: TestClient) -> JobFolder:
    jobs = client.app.state.jobs
    assert isinstance(jobs, JobQueue)
    return jobs.folder


def files(folder: JobFolder) -> list[Path]:
    return sorted((folder.folder / "uploads").iterdir())


def send(client: TestClient, content: bytes = LARGE, **headers: str) -> Any:
    return client.post(
        "/v1/jobs",
        data={"kind": "identify"},
        files={"archive": ("a.zip", content)},
        headers=headers,
    )


@pytest.fixture
def no_tmp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose folder for temporary files takes nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))


@pytest.mark.usefixtures("no_tmp")
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k1"}])
def test_a_zip_goes_nowhere_but_to_its_place(
    client: TestClient, folder: JobFolder, headers: dict[str, str]
) -> None:
    response = send(client, **headers)
    assert response.status_code == 202, response.text
    (path,) = files(folder)
    assert path.read_bytes() == LARGE
    assert path.suffix == ".zip"


@pytest.mark.usefixtures("no_tmp")
def test_a_zip_sent_again_under_its_key_is_one_job(
    client: TestClient, folder: JobFolder, problem: Callable[..., Any]
) -> None:
    first, again = (send(client, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = send(client, LARGE + b"more", **{"Idempotency-Key": "k1"})
    problem(other, 422, "idempotency-key-reused")
    assert len(files(folder)) == 1
    assert len(client.get("/v1/jobs").json()["jobs"]) == 1


def test_a_refused_form_leaves_nothing_and_may_be_sent_again_under_its_key(
    client: TestClient, folder: JobFolder, problem: Callable[..., Any]
) -> None:
    headers = {"Idempotency-Key": "k1"}
    sent = {"archive": ("a.zip", LARGE)}
    response = client.post("/v1/jobs", data={"kind": "dance"}, files=sent, headers=headers)
    problem(response, 422, "invalid")
    assert files(folder) == []
    assert send(client, **headers).status_code == 202


def test_of_several_files_no_other_is_written(
    client: TestClient, folder: JobFolder, no_tmp: None, problem: Callable[..., Any]
) -> None:
    sent = [("archive", ("a.zip", LARGE)), ("archive", ("b.zip", LARGE))]
    problem(client.post("/v1/jobs", data={"kind": "identify"}, files=sent), 422, "invalid")
    assert files(folder) == []


def test_half_an_upload_leaves_nothing(client: TestClient, folder: JobFolder) -> None:
    head = b'--x\r\ncontent-disposition: form-data; name="archive"; filename="a.zip"\r\n\r\n'
    seen: list[int] = []

    def messages() -> Iterator[Message]:
        yield {"type": "http.request", "body": head + LARGE, "more_body": True}
        yield {"type": "http.request", "body": LARGE, "more_body": True}
        seen.append(len(files(folder)))
        while True:
            yield {"type": "http.disconnect"}

    coming = messages()

    async def receive() -> Message:
        return next(coming)

    async def send_nothing(_: Message) -> None:
        return None

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/jobs",
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"multipart/form-data; boundary=x"),
        ],
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "http_version": "1.1",
        "app": client.app,
    }
    asyncio.run(client.app(scope, receive, send_nothing))
    assert seen == [1], "it was being written"
    assert files(folder) == []


def test_more_at_once_than_may_arrive_are_told_to_wait(
    client: TestClient, folder: JobFolder, problem: Callable[..., Any]
) -> None:
    with ExitStack() as arriving:
        for _ in range(MOST_ARRIVING):
            arriving.enter_context(folder.arrive(1))
        response = send(client)
        problem(response, 503, "busy")
        assert response.headers["retry-after"] == "1"
    assert send(client).status_code == 202


def test_a_zip_that_the_disk_has_no_room_for_is_refused_before_it_comes(
    client: TestClient, folder: JobFolder, problem: Callable[..., Any], tmp_path: Path
) -> None:
    with almost_full(tmp_path):
        document = problem(send(client), 503, "not-writable")
    assert str(folder.folder) not in document["detail"]
    assert files(folder) == []


def test_a_disk_that_fills_up_on_the_way_is_told_and_nothing_stays(
    client: TestClient,
    folder: JobFolder,
    problem: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.jobs.archive_form._LOOK_EVERY_BYTES", 1)
    with monkeypatch.context() as full:
        full.setattr(
            JobFolder, "_take_place", lambda self, token, _: self._arriving.update({token: 0})
        )
        with almost_full(folder.folder):
            problem(send(client), 503, "not-writable")
    assert files(folder) == []

    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("starlette.datastructures.UploadFile.write", write)
    problem(send(client), 503, "not-writable")
    assert files(folder) == []


def test_only_what_dead_processes_left_half_written_is_removed(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "jobs")
    with folder.arrive(0) as arriving:
        name = arriving.path.name
        dead = arriving.path.with_name(name.rpartition("~")[0] + "~1")
        dead.write_bytes(b"half")
        JobFolder(tmp_path / "jobs").forget_all_but(())
        assert (arriving.path.exists(), dead.exists()) == (True, False)
    assert files(folder) == []


def test_in_a_container_no_upload_lies_in_memory() -> None:
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    assert "tmpfs" not in compose
    assert '"scratch:/tmp"' in compose


@contextmanager
def almost_full(folder: Path) -> Generator[None]:
    usage = shutil.disk_usage(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        yield
