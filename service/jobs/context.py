"""What a job's function gets: its parameters, and calls for progress and checkpoints."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from index.jobs.records import FileFault, Job, JobLost, JobOutcome, JobsBusy, JobState
from index.jobs.store import JobStore
from index.progress import Advance, Progress
from index.timestamps import format_timestamp

_REPORT_SECONDS = 1.0
_BUSY_SECONDS = 0.2
_Answer = TypeVar("_Answer")


class JobStopped(Exception):
    """Raised through a job's function to end it; let it pass."""


class JobCancelled(JobStopped):
    """Somebody asked the job to end."""


class JobPaused(JobStopped):
    """The service stops; the job goes on from its last checkpoint when it starts again."""


class JobContext:
    """One start of one job, for the thread that runs it.

    Faults are written with the next checkpoint, or at the end. So a job that goes on from its
    checkpoint records each fault once. Other threads may read `seen` and `cancel`.
    """

    def __init__(
        self, store: JobStore, job: Job, worker: str, is_stopping: threading.Event
    ) -> None:
        self.job = job
        self._store = store
        self._worker = worker
        self._is_stopping = is_stopping
        self._is_cancelled = threading.Event()
        self._lost_reason: str | None = None
        self._live = job
        self._faults: list[FileFault] = []
        self._reported = time.monotonic()
        self._is_held_back = False
        self._afterwards: list[Callable[[], None]] = []

    @property
    def parameters(self) -> dict[str, Any]:
        """The job's parameters."""
        return self.job.parameters

    @property
    def saved(self) -> dict[str, Any] | None:
        """The checkpoint to go on from; None at a first start."""
        return self.job.checkpoint

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked the job to end."""
        return self._is_cancelled.is_set()

    @property
    def is_stopping(self) -> bool:
        """Whether the function should return soon, for any reason."""
        return self._lost_reason is not None or self.is_cancelled or self._is_stopping.is_set()

    def raise_if_stopped(self) -> None:
        """Raise JobLost, JobCancelled or JobPaused if the job should end.

        Call it between two steps.
        """
        if self._lost_reason is not None:
            raise JobLost(self._lost_reason)
        if self.is_cancelled:
            raise JobCancelled
        if self._is_stopping.is_set():
            raise JobPaused

    def progress(self, done: int, total: int | None) -> None:
        """Record how far the job is.

        Written every second at most; raises JobLost, never for a busy database.
        """
        self._live = replace(
            self._live, done=done, total=total, progress_at=format_timestamp(datetime.now(UTC))
        )
        if self._lost_reason is not None:
            raise JobLost(self._lost_reason)
        if self._is_held_back or time.monotonic() - self._reported < _REPORT_SECONDS:
            return
        try:
            if self._store.report(self.job.id, self._worker, done, total):
                self.cancel()
        except JobsBusy:
            pass  # the next one will be written
        self._reported = time.monotonic()

    def error(self, file: str, reason: str) -> None:
        """Record a file that can't be used; it is listed with the next checkpoint."""
        self._faults.append(FileFault(file, reason))

    def checkpoint(self, saved: dict[str, Any]) -> None:
        """Write a checkpoint with the faults so far, then stop if the job should end.

        What the checkpoint counts on must be on disk already. Raises JobCancelled, JobPaused and
        JobLost.
        """
        live = self._live

        def save() -> bool:
            return self._store.save(
                self.job.id,
                self._worker,
                saved,
                done=live.done,
                total=live.total,
                faults=self._faults,
            )

        if self._insisting(save):
            self.cancel()
        self._faults = []
        self._reported = time.monotonic()
        self.raise_if_stopped()

    def confirm_claim(self) -> None:
        """Ask the record whether the job is still this process's.

        Call it right before a file gets its final name, or shared files are removed. Raises
        JobLost, and JobPaused where the service stops while the database is busy.
        """
        if self._insisting(self.beat):
            self.cancel()

    def hold_claim_within(self, session: Any) -> None:
        """Have nobody take the job over before a transaction of the catalogue ends.

        `session` is one of SQLAlchemy, in that transaction. Raises JobLost where somebody has, and
        then the transaction must write nothing.
        """
        self._store.hold_within(session, self.job.id, self._worker)

    @contextmanager
    def keeping_the_database(self) -> Generator[None]:
        """Hold progress in memory while the block's transaction keeps out our own writing."""
        self._is_held_back = self._store.has_one_writer
        try:
            yield
        finally:
            self._is_held_back = False

    @property
    def steps(self) -> Progress:
        """Long work's steps as this job's progress; the job may be stopped between two."""

        @contextmanager
        def progress(total: int | None, description: str) -> Generator[Advance]:
            del description
            done = 0

            def advance(steps: int) -> None:
                nonlocal done
                done += steps
                self.progress(done, total)
                self.raise_if_stopped()

            self.progress(done, total)
            self.raise_if_stopped()
            yield advance

        return progress

    def afterwards(self, tidy: Callable[[], None]) -> None:
        """Have `tidy` called once the job has succeeded and its success is on disk."""
        self._afterwards.append(tidy)

    # -------------------------------------------------------------------------------- for the
    # runner alone

    def cancel(self) -> None:
        """Ask the job to end."""
        self._is_cancelled.set()

    def beat(self) -> bool:
        """Write a heartbeat; returns whether the job's end is wished for.

        Raises JobLost and BadJobs.
        """
        return self._store.beat(self.job.id, self._worker)

    def lose(self, reason: str) -> None:
        """Note that the job is another process's: the next step raises JobLost."""
        self._lost_reason = reason

    def with_live_progress(self, job: Job) -> Job:
        """A stored job with the newer progress of this start."""
        live = self._live
        progress_at = live.progress_at or job.progress_at
        is_cancel_requested = job.is_cancel_requested or self.is_cancelled
        return replace(
            job,
            done=live.done,
            total=live.total,
            progress_at=progress_at,
            is_cancel_requested=is_cancel_requested,
        )

    def succeed(self, result: dict[str, Any]) -> None:
        """Write the result with the last faults."""
        live = self._live
        self._insisting(
            lambda: self._store.finish(
                self.job.id,
                self._worker,
                JobOutcome(
                    "succeeded",
                    result=result,
                    done=live.done,
                    total=live.total,
                    faults=self._faults,
                ),
            )
        )
        for tidy in self._afterwards:
            tidy()

    def stop(self, error: Exception) -> None:
        """Write why the job ended without a result; work since its checkpoint is lost."""
        state: JobState = "failed"
        if isinstance(error, JobStopped):
            state = "cancelled" if isinstance(error, JobCancelled) else "interrupted"
        reason = str(error) or None
        outcome = JobOutcome(state, reason=reason)
        self._insisting(lambda: self._store.finish(self.job.id, self._worker, outcome))

    def _insisting(self, write: Callable[[], _Answer]) -> _Answer:
        """Wait until the database is free; raise JobPaused where the service stops first."""
        while True:
            try:
                return write()
            except JobsBusy as error:
                if self._is_stopping.wait(_BUSY_SECONDS):
                    raise JobPaused from error
