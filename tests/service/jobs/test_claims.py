"""A job keeps its claim through a long step; once it is another process's, it writes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from index.catalogue.catalogue import Catalogue
from index.jobs.records import Job, JobLost
from index.jobs.store import JobStore
from index.processes import LEASE
from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine
from service.jobs.context import JobContext
from service.jobs.kinds.answers import AnswerFile
from service.jobs.kinds.reindex import ReindexPlace, reindex
from service.jobs.runner import JobRunner
from tests.index.jobs.clocks import Clock

FAR, OTHER = "elsewhere:1:1", "another:2:2"
KINDS = {"step", "reindex"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path: Path, place: Callable[[Path], CatalogueAddress]) -> Generator[Engine]:
    Catalogue.open(place(tmp_path / "catalogue.db"), create=True).close()
    engine = open_engine(place(tmp_path / "catalogue.db"))
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> JobStore:
    return JobStore(engine, now=clock)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def run(store: JobStore, step: Callable[[JobContext], dict[str, Any]]) -> Job:
    job = store.create("step", {})
    runner = JobRunner(store, {"step": step}, worker=FAR, poll_seconds=0.01)
    over = threading.Event()

    def noted(context: JobContext) -> dict[str, Any]:
        try:
            return step(context)
        finally:
            over.set()

    runner._kinds = {"step": noted}
    runner.start()
    assert over.wait(120)
    runner.stop()
    return store.get(job.id)


def take_over(store: JobStore, clock: Clock, kind: str = "step") -> None:
    clock.go(seconds=LEASE.total_seconds())
    assert [job.state for job in store.recover(OTHER)] == ["queued"]
    assert store.claim(OTHER, {kind}) is not None


def test_a_step_far_longer_than_the_lease_keeps_its_job(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.jobs.heartbeat.HEARTBEAT_SECONDS", 0.005)
    beats: list[None] = []
    real = store.beat

    def beat(job_id: int, worker: str) -> bool:
        answer = real(job_id, worker)
        beats.append(None)
        return answer

    monkeypatch.setattr(store, "beat", beat)

    def step(context: JobContext) -> dict[str, Any]:
        for _ in range(3):
            clock.go(seconds=LEASE.total_seconds() - 1)
            known = len(beats) + 2  # one may have been under way before the clock went on
            until(lambda: len(beats) >= known)  # noqa: B023
            assert store.recover(OTHER) == []
        return {"is": "done"}

    assert run(store, step).result == {"is": "done"}


def test_a_wish_of_another_process_to_cancel_reaches_a_long_step(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.jobs.heartbeat.HEARTBEAT_SECONDS", 0.005)

    def step(context: JobContext) -> dict[str, Any]:
        JobStore(store._engine).request_cancel(context.job.id)
        until(lambda: context.is_cancelled)
        context.raise_if_stopped()
        return {}

    assert run(store, step).state == "cancelled"


def test_a_job_that_was_taken_over_hears_of_it_and_records_nothing(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.jobs.heartbeat.HEARTBEAT_SECONDS", 0.005)
    heard: list[str] = []
    beating, stored_beat = threading.Lock(), store.beat

    def beat(*job_and_worker: Any) -> bool:
        with beating:
            return stored_beat(*job_and_worker)

    monkeypatch.setattr(store, "beat", beat)

    def step(context: JobContext) -> dict[str, Any]:
        with beating:  # kept from beating until it is too late, as by a network that was away
            take_over(store, clock)
        until(lambda: context.is_stopping)
        for call in (context.raise_if_stopped, lambda: context.progress(1, 2)):
            with pytest.raises(JobLost):
                call()
            heard.append("lost")
        return {"is": "wrong"}

    job = run(store, step)
    assert heard == ["lost", "lost"]
    assert (job.state, job.result) == ("running", None), "it is the other's"
    store.beat(job.id, OTHER)


def test_a_lost_claim_leaves_the_catalogue_as_it_was(
    serve_curated: Callable[..., Any], clock: Clock
) -> None:
    with serve_curated() as curated:
        address = curated.path
        store = JobStore(open_engine(address), now=clock)
        with Catalogue.open(address) as catalogue:
            before = catalogue.revision
            (catalogue.folder / "w_0_a.png").write_bytes(b"another file, so there is work")
            (catalogue.folder / "w_0_a.png").write_bytes(
                (catalogue.folder / "w_90_a.png").read_bytes()
            )
        curated.embedder.input_px = 8
        store.create("reindex", {"rehash": True})
        job = store.claim(FAR, KINDS)
        assert job is not None
        context = JobContext(store, job, FAR, threading.Event())
        serving = curated.client.app.state.service.ready
        revisions: list[None] = []
        taking = ReindexPlace(serving, address, lambda: revisions.append(None))
        curated.embedder.before_embedding = lambda: take_over(store, clock, "reindex")
        with pytest.raises(JobLost):
            reindex(taking, context)
        with Catalogue.open(address) as catalogue:
            assert (catalogue.revision, revisions) == (before, [])


def test_the_new_process_writes_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "1.csv"
    with AnswerFile(path, 1, size_bytes=None) as old:
        settled = old.settle()
        with AnswerFile(path, 1, size_bytes=settled) as new:
            old._write(["late"])
            old.settle()
            new._write(["right"])
            new.complete()
    assert path.read_text().splitlines()[1:] == ["right"]


def test_a_claim_is_confirmed_before_a_result_gets_its_name(store: JobStore, clock: Clock) -> None:
    store.create("step", {})
    job = store.claim(FAR, KINDS)
    assert job is not None
    context = JobContext(store, job, FAR, threading.Event())
    context.confirm_claim()
    take_over(store, clock)
    with pytest.raises(JobLost):
        context.confirm_claim()
