"""The PostgreSQL server is killed: commands say so, the service waits for it, nothing is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from index.jobs.records import BadJobs
from index.storage.address import CatalogueAway
from index.storage.connection import open_engine, translating_errors
from index.storage.sqlite import open_engine as open_sqlite
from service.http.error_handlers import problem_of
from tests.faults.acts import ACTS
from tests.faults.copies import postgres_copies
from tests.faults.postgres_crash import CrashHarness
from tests.faults.scene import check_whole, draw
from tests.faults.served import Server, serving
from tests.faults.two_services import wait_until_ready
from tests.postgres_server import NoPostgres, PostgresServer

ASKED = ("/v1/individuals", "/v1/stats", "/v1/jobs", "/readyz", "/v1/changes")


@pytest.fixture
def server() -> Generator[PostgresServer]:
    """A server that keeps what it acknowledges, and that a test may kill."""
    try:
        found = PostgresServer(is_durable=True)
    except NoPostgres as error:
        pytest.skip(str(error))
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.mark.parametrize("name", ["enrol", "reindex", "backup"])
def test_what_was_acknowledged_outlasts_the_servers_crash(
    name: str, server: PostgresServer, tmp_path: Path
) -> None:
    with postgres_copies(server.folder, tmp_path) as (scene, copies):
        harness = CrashHarness(server, scene, copies, random.Random(name))
        harness.crash_trial(ACTS[name])
    assert harness.crashes.cut.total() + harness.crashes.ended.total() == 1


def ask(server: Server, method: str, path: str, **more: Any) -> httpx.Response:
    return httpx.request(method, server.url + path, trust_env=False, timeout=60, **more)


def edit(server: Server, notes: str) -> httpx.Response:
    return ask(server, "PATCH", "/v1/individuals/w_0", json={"notes": notes})


def notes_of(server: Server) -> str:
    return ask(server, "GET", "/v1/individuals/w_0").json()["notes"]


def wait_for(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it doesn't come back"
        time.sleep(0.1)


def test_a_service_answers_503_meanwhile_and_goes_on_by_itself(
    server: PostgresServer, tmp_path: Path
) -> None:
    log = tmp_path / "service.log"
    with postgres_copies(server.folder, tmp_path) as (_, copies), copies() as scene:
        options = ("--files", str(scene.folder / "home"))
        with serving(scene.address, log, *options) as service:
            wait_until_ready(service)
            draw(tmp_path / "query.png", 1)
            photo = (tmp_path / "query.png").read_bytes()
            assert edit(service, "before").status_code == 200
            server.crash()
            answers = [ask(service, "GET", path) for path in ASKED]
            answers += [edit(service, "meanwhile")]
            answers += [ask(service, "POST", "/v1/identify", files={"photos": ("q.png", photo)})]
            for answer in answers:
                assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), (
                    answer.url,
                    answer.text,
                )
                assert answer.headers["content-type"] == "application/problem+json"
            assert ask(service, "GET", "/healthz").status_code == 200
            server.start()
            wait_for(lambda: ask(service, "GET", "/readyz").status_code == 200)
            assert notes_of(service) == "before"
            assert edit(service, "after").status_code == 200
            for path in ASKED:
                assert ask(service, "GET", path).status_code == 200
            found = ask(service, "POST", "/v1/identify", files={"photos": ("q.png", photo)})
            assert found.json()["results"][0]["matches"][0]["individual"] == "w_0"
            assert service.stop() == 0
        check_whole(scene.address)
    assert "Traceback" not in log.read_text()


def test_a_database_that_has_gone_is_a_503_that_says_when_to_ask_again() -> None:
    """Also where it goes after the key was looked up; before, there was no Retry-After then."""
    for error in (CatalogueAway("the server has gone"), BadJobs("the record can't be used")):
        problem = problem_of(error)
        assert (problem.kind.status, problem.headers) == (503, {"Retry-After": "1"})


def test_a_copy_names_the_database_that_failed(server: PostgresServer, tmp_path: Path) -> None:
    """Before, a backup said that SQLite had refused its file where PostgreSQL had gone."""
    with postgres_copies(server.folder, tmp_path) as (scene, _):
        server.crash()
        file = tmp_path / "copy.db"
        file.touch()
        engine = open_engine(scene.address)
        with (
            pytest.raises(CatalogueAway, match=r"postgresql://.* can't be reached"),
            translating_errors(scene.address),
            open_sqlite(file).connect(),
            translating_errors(file),
        ):
            engine.connect()
        engine.dispose()
