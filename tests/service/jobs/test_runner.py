"""Jobs run to their end, fail, stop and go on; a killed process's job ends as if nothing had
happened.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.jobs.records import BadJobs, FileFault, Job
from index.jobs.store import JobStore
from index.storage.connection import open_engine
from service.jobs.context import JobContext
from service.jobs.runner import JobRunner

# Adds up numbers, a fault at each third one, a checkpoint after each; waits at `hold` until the
# file there is gone.
_COUNTING = """
from pathlib import Path
import time

def count(context):
    state = dict(context.saved or {"next": 0, "sum": 0})
    for number in range(state["next"], context.parameters["to"]):
        hold = Path(context.parameters.get("hold", "nothing"))
        if number == context.parameters.get("hold_at"):
            hold.with_suffix(".reached").touch()
            while hold.exists() and not context.is_stopping:
                time.sleep(0.005)
        if number % 3 == 0:
            context.error(f"{number}.jpg", "divisible")
        state = {"next": number + 1, "sum": state["sum"] + number}
        context.progress(number + 1, context.parameters["to"])
        context.checkpoint(state)
    return {"sum": state["sum"]}
"""
_CHILD = (
    _COUNTING
    + """
import sys
from index.catalogue.catalogue import Catalogue
from index.jobs.store import JobStore
from service.jobs.runner import JobRunner

store = JobStore(Catalogue.open(Path(sys.argv[1])).engine)
JobRunner(store, {"count": count}).start()
time.sleep(600)
"""
)
_names: dict[str, Any] = {}
exec(_COUNTING, _names)
count: Callable[[JobContext], dict[str, Any]] = _names["count"]


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    Catalogue.open(tmp_path / "catalogue.db", create=True).close()
    return tmp_path / "catalogue.db"


@pytest.fixture
def store(catalogue: Path) -> JobStore:
    return JobStore(open_engine(catalogue))


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def ended(store: JobStore, job_id: int) -> Job:
    until(lambda: store.get(job_id).has_ended)
    return store.get(job_id)


@contextmanager
def running(
    store: JobStore, **kinds: Callable[[JobContext], dict[str, Any]]
) -> Generator[JobRunner]:
    runner = JobRunner(store, kinds or {"count": count}, poll_seconds=0.01)
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    """While this file exists, `count` waits at its number `hold_at`; `hold.reached` then exists."""
    path = tmp_path / "hold"
    path.touch()
    return path


def test_a_job_runs_to_its_result_and_lists_its_faults(store: JobStore) -> None:
    job = store.create("count", {"to": 7})
    with running(store):
        done = ended(store, job.id)
    assert (done.state, done.result, done.done, done.total, done.faults) == (
        "succeeded",
        {"sum": 21},
        7,
        7,
        3,
    )
    assert store.faults(job.id).faults[1] == FileFault("3.jpg", "divisible")


def test_a_refusal_and_a_fault_of_ours_are_told_and_the_next_job_runs(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(context: JobContext) -> dict[str, Any]:
        raise FlukeprintError("there is no such folder")

    def break_down(context: JobContext) -> dict[str, Any]:
        raise KeyError("secret")

    for kind in ("refuse", "break_down", "count"):
        store.create(kind, {"to": 2})
    with running(store, refuse=refuse, break_down=break_down, count=count):
        jobs = [ended(store, number) for number in (1, 2, 3)]
    assert [job.state for job in jobs] == ["failed", "failed", "succeeded"]
    assert jobs[0].reason == "there is no such folder"
    assert "KeyError" in str(jobs[1].reason)
    assert "secret" not in str(jobs[1].reason)
    assert "secret" in caplog.text


def test_a_cancelled_job_stops_at_its_checkpoint_and_is_resumed_from_there(
    store: JobStore, hold: Path
) -> None:
    job = store.create("count", {"to": 9, "hold": str(hold), "hold_at": 4})
    with running(store) as runner:
        until(hold.with_suffix(".reached").exists)
        assert runner.cancel(job.id).is_cancel_requested
        cancelled = ended(store, job.id)
        assert (cancelled.state, cancelled.checkpoint) == ("cancelled", {"next": 5, "sum": 10})
        hold.unlink()
        store.resume(job.id)
        assert ended(store, job.id).result == {"sum": 36}
    assert [fault.file for fault in store.faults(job.id).faults] == ["0.jpg", "3.jpg", "6.jpg"]


def test_stopping_pauses_a_job_and_the_next_start_goes_on(store: JobStore, hold: Path) -> None:
    job = store.create("count", {"to": 9, "hold": str(hold), "hold_at": 4})
    with running(store):
        until(hold.with_suffix(".reached").exists)
    paused = store.get(job.id)
    assert (paused.state, paused.checkpoint) == ("interrupted", {"next": 5, "sum": 10})
    with running(store):
        assert ended(store, job.id).result == {"sum": 36}
    assert store.get(job.id).faults == 3


@pytest.mark.slow
def test_a_job_of_a_killed_process_ends_as_if_it_had_not_been_killed(
    catalogue: Path, store: JobStore, hold: Path
) -> None:
    job = store.create("count", {"to": 9, "hold": str(hold), "hold_at": 4})
    with subprocess.Popen([sys.executable, "-c", _CHILD, str(catalogue)]) as child:
        until(hold.with_suffix(".reached").exists)
        assert store.get(job.id).state == "running"
        child.send_signal(signal.SIGKILL)
    assert store.get(job.id).state == "running", "nobody was left to say otherwise"
    hold.unlink()
    undisturbed = store.create("count", {"to": 9})
    with running(store):
        resumed, whole = ended(store, job.id), ended(store, undisturbed.id)
    assert resumed.started_done == 4, "it went on from its checkpoint"
    assert (resumed.state, resumed.result, resumed.done) == (whole.state, whole.result, whole.done)
    assert store.faults(job.id) == store.faults(undisturbed.id)


def test_progress_is_known_here_while_another_writer_keeps_the_database(
    catalogue: Path, store: JobStore
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def keep(context: JobContext) -> dict[str, Any]:
        with open_engine(catalogue).connect() as connection, context.keeping_the_database():
            connection.exec_driver_sql("UPDATE jobs SET done = done")
            context._reported -= 3600  # a report is long due, and would wait for ever
            context.progress(3, 4)
            reached.set()
            assert go_on.wait(60)
        context.raise_if_stopped()
        return {}

    impatient = JobStore(open_engine(catalogue, wait_seconds=0.05))
    job = store.create("keep", {})
    with running(impatient, keep=keep) as runner:
        assert reached.wait(60)
        seen = runner.get(job.id)
        assert (seen.done, seen.total, store.get(job.id).done) == (3, 4, 0)
        assert runner.cancel(job.id).is_cancel_requested, (
            "known here although it can't be written now"
        )
        go_on.set()
        assert ended(store, job.id).state == "cancelled"


def test_a_job_that_can_no_longer_be_recorded_is_tried_again(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = store.save, [BadJobs("the disk is full")]

    def save(*given: Any, **named: Any) -> bool:
        if failures:
            raise failures.pop()
        return real(*given, **named)

    monkeypatch.setattr(store, "save", save)
    monkeypatch.setattr("service.jobs.runner.RECOVER_SECONDS", 0.0)
    job = store.create("count", {"to": 3})
    with running(store):
        assert ended(store, job.id).result == {"sum": 3}


def test_a_file_that_a_finished_job_cannot_remove_does_not_end_the_jobs(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    def tidy_in_vain(context: JobContext) -> dict[str, Any]:
        def remove() -> None:
            raise OSError(5, "Input/output error", "upload.zip")

        context.afterwards(remove)
        return {}

    first, second = store.create("tidy_in_vain", {}), store.create("count", {"to": 3})
    with running(store, tidy_in_vain=tidy_in_vain, count=count) as runner:
        assert ended(store, second.id).result == {"sum": 3}
        assert not runner.has_died
    assert store.get(first.id).state == "succeeded"
    assert "upload.zip" in caplog.text


@pytest.mark.parametrize("error", [OSError(30, "Read-only file system"), ValueError("no number")])
def test_jobs_run_although_nothing_can_be_tidied_up(
    store: JobStore, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tidy() -> None:
        raise error

    monkeypatch.setattr("service.jobs.runner.RECOVER_SECONDS", 0.0)
    job = store.create("count", {"to": 3})
    runner = JobRunner(store, {"count": count}, poll_seconds=0.01, tidy=tidy)
    runner.start()
    assert ended(store, job.id).result == {"sum": 3}
    runner.stop()


def test_an_unexpected_error_while_a_job_is_recorded_lets_it_run_again(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = store.finish, [OSError(5, "Input/output error")]

    def finish(*given: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*given, **named)

    monkeypatch.setattr(store, "finish", finish)
    job = store.create("count", {"to": 3})
    with running(store):
        assert ended(store, job.id).result == {"sum": 3}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_all_the_same_is_known(store: JobStore) -> None:
    def end(context: JobContext) -> dict[str, Any]:
        raise SystemExit

    store.create("end", {})
    with running(store, end=end) as runner:
        until(lambda: runner.has_died)
    assert not runner.has_died, "it was stopped"


def test_two_starts_are_refused_and_two_stops_are_not(store: JobStore) -> None:
    runner = JobRunner(store, {})
    runner.start()
    with pytest.raises(RuntimeError, match="already"):
        runner.start()
    runner.stop()
    runner.stop()
