"""One thread that runs the jobs of the store, one after the other, as long as the service lives."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from embedding.errors import FlukeprintError
from index.jobs.heartbeat import BEATS_IN_A_LEASE, Heartbeat
from index.jobs.records import BadJobs, Job, JobLost, JobsBusy
from index.jobs.store import JobStore
from index.processes import this_worker
from service.jobs.context import JobContext, JobStopped
from service.telemetry.spans import JOB_ID, JOB_KIND, span

JobFunction = Callable[[JobContext], dict[str, Any]]
"""Does a job and returns its result, as JSON can hold it.

Called again with a checkpoint, it goes on from there."""

RECOVER_SECONDS = 60.0
"""How often jobs are looked for that were left behind, at least; four times in a lease."""

_log = logging.getLogger("flukeprint.jobs")


class JobRunner:
    """Runs queued jobs; those of another process are found within `poll_seconds`."""

    def __init__(
        self,
        store: JobStore,
        kinds: Mapping[str, JobFunction],
        *,
        worker: str | None = None,
        poll_seconds: float = 5.0,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        """Run jobs in a thread that `start` starts; it calls `tidy` now and then."""
        self._lease_seconds = store.lease.total_seconds()
        self._store = store
        self._kinds = kinds
        self._worker = worker or this_worker()
        self._poll_seconds = poll_seconds
        self._tidy = tidy
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._context: JobContext | None = None
        self._thread: threading.Thread | None = None
        self._changing = threading.Lock()  # a thread is stopped only once it was started

    def start(self) -> None:
        """Start the thread; what a dead process or the last stop has left goes on first."""
        with self._changing:
            if self._thread is not None:
                raise RuntimeError("these jobs are run already")
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask the running job to pause and end the thread. Stopping twice is harmless."""
        with self._changing:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._wake.set()
            thread.join()

    def wake(self) -> None:
        """Look for work now: a job was queued."""
        self._wake.set()

    def get(self, job_id: int) -> Job:
        """A job with the progress that this process knows of. Raises NoSuchJob."""
        return self.with_live_progress(self._store.get(job_id))

    def with_live_progress(self, job: Job) -> Job:
        """A stored job with the progress that this process knows of."""
        context = self._context
        if context is None or context.job.id != job.id or job.state != "running":
            return job
        return context.with_live_progress(job)

    def cancel(self, job_id: int) -> Job:
        """Cancel a job; the one that runs here hears of it even while the database is kept.

        Raises NoSuchJob, WrongState, and JobsBusy for a job that doesn't run here.
        """
        context = self._context
        is_here = context is not None and context.job.id == job_id
        if context is not None and is_here:
            context.cancel()
        try:
            return self.with_live_progress(self._store.request_cancel(job_id))
        except JobsBusy:
            if not is_here:
                raise
            return self.get(job_id)

    @property
    def has_died(self) -> bool:
        """Whether the thread has ended though nobody stopped it; no job is run any more."""
        thread = self._thread
        return thread is not None and not thread.is_alive()

    def _run(self) -> None:
        """Run jobs until stopped. After an unexpected error, wait a moment and begin again."""
        while not self._stopping.is_set():
            try:
                self._run_until_stopped()
            except Exception:
                _log.exception("the jobs' thread met an unexpected error and begins again")
                self._stopping.wait(self._poll_seconds)

    def _run_until_stopped(self) -> None:
        recovered_at = -RECOVER_SECONDS
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                if time.monotonic() - recovered_at >= min(RECOVER_SECONDS, self._lease_seconds / 4):
                    self._recover()
                    recovered_at = time.monotonic()
                    self._tidy_up()
                job = self._store.claim(self._worker, self._kinds)
            except BadJobs as error:
                _log.log(
                    logging.DEBUG if isinstance(error, JobsBusy) else logging.ERROR, "%s", error
                )
                job = None
            if job is None:
                self._wake.wait(self._poll_seconds)
            else:
                self._work(job)

    def _tidy_up(self) -> None:
        """Remove files that no job needs; jobs are run even where that fails."""
        try:
            self._tidy()
        except BadJobs:
            raise
        except OSError as error:
            _log.warning("a job's file can't be removed: %s", error)
        except Exception:
            _log.exception("the jobs' files can't be tidied up")

    def _recover(self) -> None:
        for job in self._store.recover(self._worker):
            _log.info(
                "job %d (%s) goes on from %s", job.id, job.kind, job.checkpoint or "its start"
            )

    def _work(self, job: Job) -> None:
        context = JobContext(self._store, job, self._worker, self._stopping)
        self._context = context
        heartbeat = Heartbeat(
            context.beat,
            on_cancel=context.cancel,
            on_lost=context.lose,
            seconds=self._lease_seconds / BEATS_IN_A_LEASE,
        )
        try:
            with heartbeat, span("job", **{JOB_ID: job.id, JOB_KIND: job.kind}):
                self._do(context)
        except JobLost as error:
            _log.warning("%s", error)
        except JobStopped:
            _log.info("job %d is left to the next start: the database was kept until now", job.id)
        except BadJobs as error:
            _log.error("job %d: %s", job.id, error)
        finally:
            self._context = None

    def _do(self, context: JobContext) -> None:
        job = context.job
        try:
            result = self._kinds[job.kind](context)
        except (JobLost, BadJobs):
            raise
        except (JobStopped, FlukeprintError) as error:
            _log.info("job %d (%s) ends: %s", job.id, job.kind, str(error) or type(error).__name__)
            context.stop(error)
        except Exception as error:
            _log.exception("job %d (%s) failed", job.id, job.kind)
            context.stop(
                RuntimeError(f"a fault of ours ({type(error).__name__}), logged as job {job.id}")
            )
        else:
            context.succeed(result)
