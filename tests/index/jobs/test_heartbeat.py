"""A living worker keeps its claim however long a step takes; one that lost it is told so."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from index.jobs.heartbeat import Heartbeat
from index.jobs.records import JobLost, JobsBusy
from index.jobs.store import JobStore
from index.processes import LEASE
from index.storage.schema import writing
from tests.index.jobs.clocks import KINDS, Clock

FAR = "elsewhere:1:1"
NEARLY = LEASE.total_seconds() - 1


@pytest.fixture
def far(store: JobStore) -> int:
    """A job that a process on another machine works on."""
    job = store.create("count", {})
    store.claim(FAR, KINDS)
    return job.id


def test_heartbeats_keep_a_claim_longer_than_the_lease(
    store: JobStore, clock: Clock, far: int
) -> None:
    for _ in range(4):
        clock.go(seconds=NEARLY)
        assert store.beat(far, FAR) is False
        assert store.recover("other") == []
    clock.go(seconds=LEASE.total_seconds())
    assert [job.id for job in store.recover("other")] == [far], "no beat, no claim"


def test_a_heartbeat_says_that_the_end_is_wished_for_and_leaves_the_progress(
    store: JobStore, clock: Clock, far: int
) -> None:
    store.report(far, FAR, 3, 9)
    before = store.get(far)
    store.request_cancel(far)
    clock.go(seconds=5)
    assert store.beat(far, FAR) is True
    after = store.get(far)
    assert (after.done, after.total, after.progress_at) == (3, 9, before.progress_at)


def test_a_lost_claim_is_told_at_every_door(
    store: JobStore, engine: Engine, clock: Clock, far: int
) -> None:
    clock.go(days=1)
    store.recover("other")
    store.claim("other", KINDS)
    message = f"job {far} is running and not {FAR}'s any more"
    with writing(engine.connect()) as connection, connection.begin(), Session(connection) as one:
        with pytest.raises(JobLost, match=message):
            store.hold_within(one, far, FAR)
        assert one.is_active, "the transaction can be rolled back by its owner"
    calls: list[Callable[[], object]] = [
        lambda: store.beat(far, FAR),
        lambda: store.report(far, FAR, 1, 2),
        lambda: store.save(far, FAR, {}, done=1, total=2),
    ]
    for call in calls:
        with pytest.raises(JobLost, match=f"not {FAR}'s any more"):
            call()


def test_nobody_takes_a_job_over_while_its_transaction_lasts(
    store: JobStore, engine: Engine, clock: Clock, far: int
) -> None:
    with writing(engine.connect()) as connection, connection.begin(), Session(connection) as one:
        store.hold_within(one, far, FAR)
        clock.go(seconds=NEARLY)
        if store.has_one_writer:
            with pytest.raises(JobsBusy):
                store.recover("other")
        else:
            assert store.beat(far, FAR) is False, "heartbeats are written meanwhile"
            clock.go(days=1)
            assert store.recover("other") == []
    if store.has_one_writer:
        assert store.recover("other") == [], "the commit has written a heartbeat"


def test_the_thread_beats_through_errors_until_the_claim_is_lost() -> None:
    answers: list[object] = [JobsBusy("busy"), OSError(5, "gone"), False, True, JobLost("taken")]
    cancelled, lost = threading.Event(), threading.Event()
    reasons: list[str] = []

    def beat() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    def lose(reason: str) -> None:
        reasons.append(reason)
        lost.set()

    with Heartbeat(beat, on_cancel=cancelled.set, on_lost=lose, seconds=0.001):
        assert lost.wait(60)
    assert cancelled.is_set()
    assert (reasons, answers) == (["taken"], [])


def test_the_thread_ends_with_its_block() -> None:
    before = threading.active_count()
    with Heartbeat(lambda: False, on_cancel=lambda: None, on_lost=print, seconds=3600):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
