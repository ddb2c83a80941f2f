"""The record of jobs: one worker a job, checkpoints with their faults, crashes, cancelling,
resuming.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from index.catalogue.catalogue import Catalogue
from index.jobs.records import FileFault, Job, JobLost, JobOutcome, JobsBusy, NoSuchJob, WrongState
from index.jobs.store import MAX_ATTEMPTS, JobStore
from index.processes import LEASE, this_worker
from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine
from index.storage.schema import writing

KINDS = {"count"}
DEAD = "elsewhere:1:1"


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def go(self, **time: float) -> None:
        self.at += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path: Path, place: Callable[[Path], CatalogueAddress]) -> Generator[Engine]:
    Catalogue.open(place(tmp_path / "catalogue.db"), create=True).close()
    engine = open_engine(place(tmp_path / "catalogue.db"), wait_seconds=0.1)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> JobStore:
    return JobStore(engine, now=clock)


@pytest.fixture
def running(store: JobStore) -> Job:
    store.create("count", {"to": 10})
    job = store.claim("me", KINDS)
    assert job is not None
    return job


def test_a_new_job_is_queued_with_what_was_asked_and_by_whom(store: JobStore) -> None:
    job = store.create("count", {"to": 3}, asked_by="ana")
    assert (job.id, job.state, job.parameters, job.asked_by) == (1, "queued", {"to": 3}, "ana")
    assert job.asked_at == "2026-01-01T00:00:00.000Z"
    assert store.get(1) == job


def test_jobs_outlive_the_store(store: JobStore, engine: Engine) -> None:
    job = store.create("count", {})
    assert JobStore(engine).get(job.id) == job


@pytest.mark.parametrize("number", [0, -1, 7, 2**40])
def test_an_unknown_number_is_told(store: JobStore, number: int) -> None:
    for asked in (store.get, store.faults, store.request_cancel, store.resume):
        with pytest.raises(NoSuchJob, match=str(number)):
            asked(number)


def test_pages_are_newest_first_and_end(store: JobStore) -> None:
    for number in range(5):
        store.create("count", {"number": number})
    first = store.page(limit=2)
    second = store.page(limit=2, cursor=first.next_cursor)
    third = store.page(limit=2, cursor=second.next_cursor)
    assert [[job.id for job in page.jobs] for page in (first, second, third)] == [
        [5, 4],
        [3, 2],
        [1],
    ]
    assert third.next_cursor is None
    assert store.page(limit=5).next_cursor is None
    store.request_cancel(3)
    assert [job.id for job in store.page(state="cancelled").jobs] == [3]


def test_the_oldest_job_of_a_known_kind_is_claimed_once(store: JobStore) -> None:
    for kind in ("unknown", "count", "count"):
        store.create(kind, {})
    claimed = [store.claim("me", KINDS) for _ in range(3)]
    assert [job and job.id for job in claimed] == [2, 3, None]
    assert store.get(1).state == "queued"


def test_many_threads_claim_each_job_once(
    tmp_path: Path, place: Callable[[Path], CatalogueAddress]
) -> None:
    Catalogue.open(place(tmp_path / "busy.db"), create=True).close()
    engine = open_engine(place(tmp_path / "busy.db"), wait_seconds=30)
    store = JobStore(engine)
    for _ in range(24):
        store.create("count", {})
    claimed: list[int] = []

    def claim(worker: str) -> None:
        while (job := store.claim(worker, KINDS)) is not None:
            claimed.append(job.id)

    threads = [threading.Thread(target=claim, args=(f"worker {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == list(range(1, 25))
    engine.dispose()


def test_rate_and_eta_come_of_what_this_start_has_done(
    store: JobStore, running: Job, clock: Clock
) -> None:
    assert (running.rate, running.eta_seconds) == (None, None)
    clock.go(seconds=2)
    assert store.report(running.id, "me", 4, 10) is False
    job = store.get(running.id)
    assert (job.done, job.total, job.rate, job.eta_seconds) == (4, 10, 2.0, 3.0)
    store.save(running.id, "me", {}, done=4, total=10)
    store.finish(running.id, "me", JobOutcome("interrupted"))
    clock.go(hours=1)
    store.recover("other")
    again = store.claim("me", KINDS)
    assert again is not None
    assert again.rate is None
    clock.go(seconds=1)
    store.report(running.id, "me", 5, 10)
    assert store.get(running.id).rate == 1.0


def test_a_checkpoint_keeps_its_faults_and_a_restart_forgets_later_progress(
    store: JobStore, running: Job
) -> None:
    faults = [FileFault(f"{number}.jpg", "torn") for number in range(3)]
    store.save(running.id, "me", {"at": 5}, done=5, total=10, faults=faults[:2])
    store.save(running.id, "me", {"at": 6}, done=6, total=10, faults=faults[2:])
    store.report(running.id, "me", 9, 10)
    store.finish(running.id, "me", JobOutcome("interrupted"))
    store.recover("other")
    job = store.get(running.id)
    assert (job.state, job.checkpoint, job.done, job.faults) == ("queued", {"at": 6}, 6, 3)
    page = store.faults(running.id, limit=2)
    assert page.faults == tuple(faults[:2])
    assert store.faults(running.id, limit=2, cursor=page.next_cursor).faults == (faults[2],)
    assert store.faults(running.id, limit=3).next_cursor is None


def test_an_ended_job_has_its_result_and_its_last_faults(
    store: JobStore, running: Job, clock: Clock
) -> None:
    clock.go(seconds=1)
    fault = FileFault("a.jpg", "torn")
    store.finish(
        running.id,
        "me",
        JobOutcome("succeeded", done=10, total=10, result={"sum": 45}, faults=[fault]),
    )
    job = store.get(running.id)
    assert (job.state, job.result, job.done, job.faults) == ("succeeded", {"sum": 45}, 10, 1)
    assert job.ended_at == "2026-01-01T00:00:01.000Z"
    assert job.eta_seconds is None


def test_who_no_longer_holds_a_job_can_write_nothing_of_it(store: JobStore, running: Job) -> None:
    for call in (
        lambda: store.report(running.id, "other", 1, 2),
        lambda: store.save(running.id, "other", {}, done=1, total=2),
        lambda: store.finish(running.id, "other", JobOutcome("succeeded")),
    ):
        with pytest.raises(JobLost, match="other"):
            call()
    store.finish(running.id, "me", JobOutcome("failed", reason="a fault"))
    with pytest.raises(JobLost, match="failed"):
        store.report(running.id, "me", 1, 2)


def test_cancelling_waits_for_a_running_job_and_ends_a_queued_one(
    store: JobStore, running: Job
) -> None:
    queued = store.create("count", {})
    assert store.request_cancel(queued.id).state == "cancelled"
    assert store.request_cancel(queued.id).state == "cancelled"
    job = store.request_cancel(running.id)
    assert (job.state, job.is_cancel_requested) == ("running", True)
    assert store.report(running.id, "me", 1, 2) is True
    assert store.save(running.id, "me", {}, done=1, total=2) is True
    store.finish(running.id, "me", JobOutcome("succeeded"))
    with pytest.raises(WrongState, match="succeeded"):
        store.request_cancel(running.id)


@pytest.mark.parametrize("state", ["failed", "cancelled", "interrupted"])
def test_what_did_not_succeed_can_be_resumed(store: JobStore, running: Job, state: str) -> None:
    store.save(running.id, "me", {"at": 5}, done=5, total=10)
    store.request_cancel(running.id)
    store.finish(running.id, "me", JobOutcome(state, reason="because"))
    job = store.resume(running.id)
    assert (job.state, job.reason, job.checkpoint, job.is_cancel_requested) == (
        "queued",
        None,
        {"at": 5},
        False,
    )


def test_what_waits_runs_or_succeeded_cannot_be_resumed(store: JobStore, running: Job) -> None:
    queued = store.create("count", {})
    for job in (queued, running):
        with pytest.raises(WrongState, match=job.state):
            store.resume(job.id)
    store.finish(running.id, "me", JobOutcome("succeeded"))
    with pytest.raises(WrongState, match="succeeded"):
        store.resume(running.id)


def test_a_dead_process_loses_its_job_and_a_living_one_keeps_it(
    store: JobStore, clock: Clock
) -> None:
    for worker in (DEAD, this_worker()):
        store.create("count", {})
        store.claim(worker, KINDS)
    assert store.recover("other") == []
    clock.go(seconds=LEASE.total_seconds())
    assert [(job.id, job.state) for job in store.recover("other")] == [(1, "queued")]
    assert store.get(2).state == "running"
    assert [job.id for job in store.recover(this_worker())] == [2], (
        "who asks runs nothing, whatever the record says"
    )


def test_a_dead_process_job_whose_end_was_wished_is_cancelled(
    store: JobStore, clock: Clock
) -> None:
    store.create("count", {})
    store.claim(DEAD, KINDS)
    store.request_cancel(1)
    clock.go(days=1)
    assert store.recover("other") == []
    assert store.get(1).state == "cancelled"


def test_a_job_that_kills_its_process_again_and_again_is_left_interrupted(
    store: JobStore, clock: Clock
) -> None:
    store.create("count", {})
    for _ in range(MAX_ATTEMPTS):
        assert store.claim(DEAD, KINDS) is not None
        clock.go(days=1)
        store.recover("other")
    job = store.get(1)
    assert job.state == "interrupted"
    assert f"{MAX_ATTEMPTS} times" in str(job.reason)
    assert store.recover("other") == []
    assert store.resume(1).attempts == 0


def test_a_checkpoint_counts_as_getting_on(store: JobStore, clock: Clock) -> None:
    store.create("count", {})
    for at in range(MAX_ATTEMPTS + 2):
        assert store.claim(DEAD, KINDS) is not None
        store.save(1, DEAD, {"at": at}, done=at, total=10)
        clock.go(days=1)
        assert [job.state for job in store.recover("other")] == ["queued"]


def test_a_database_kept_by_another_writer_is_told_as_busy(
    store: JobStore, running: Job, engine: Engine, recwarn: pytest.WarningsRecorder
) -> None:
    with writing(engine.connect()) as other, other.begin() as kept:
        other.exec_driver_sql("UPDATE jobs SET done = 1")
        calls: list[Callable[[], object]] = [lambda: store.report(running.id, "me", 1, 2)]
        # SQLite has one writer at a time, PostgreSQL one a row.
        calls += [lambda: store.create("count", {})] if store.has_one_writer else []
        for call in calls:
            with pytest.raises(JobsBusy, match="try again"):
                call()
        assert store.get(running.id).done == 0
        kept.rollback()
    assert not recwarn.list
