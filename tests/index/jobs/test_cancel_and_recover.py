"""Jobs that are cancelled, resumed, or lost by a process that died."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from index.jobs.records import Job, JobOutcome, JobsBusy, WrongState
from index.jobs.store import MAX_ATTEMPTS, JobStore
from index.processes import LEASE, this_worker
from index.storage.schema import writing
from tests.index.jobs.clocks import KINDS, Clock

DEAD = "elsewhere:1:1"


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


def test_a_silent_machine_s_job_is_taken_over_after_the_lease_that_was_set(
    engine: Engine, clock: Clock
) -> None:
    store = JobStore(engine, now=clock, lease=timedelta(seconds=30))
    store.create("count", {})
    store.claim(DEAD, KINDS)
    clock.go(seconds=29)
    assert store.recover("other") == []
    clock.go(seconds=1)
    assert [job.id for job in store.recover("other")] == [1]


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
