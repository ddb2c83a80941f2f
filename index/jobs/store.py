"""The durable record of jobs: asked, claimed by one worker, checkpointed, ended, resumed.

Safe from several threads and processes: each method is one transaction. What a worker says of a job
that it no longer holds is refused with JobLost, so that two never write one job's result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.orm import Session

from index.jobs.records import (
    ENDED,
    RESUMABLE,
    FaultPage,
    FileFault,
    Job,
    JobLost,
    JobOutcome,
    JobPage,
    JobState,
    NoSuchJob,
    WrongState,
)
from index.jobs.tables import (
    JobFaultRow,
    JobRow,
    create_tables,
    job_of,
    translating_errors,
    write_session,
)
from index.processes import LEASE, is_alive
from index.timestamps import format_timestamp

# FOR NO KEY UPDATE: it does not wait for a transaction that only holds the job's claim.
_TO_CHANGE = {"key_share": True}

MAX_ATTEMPTS = 3
"""How often a job may take its process down at the same checkpoint before it is no longer resumed
by itself."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class JobStore:
    """The jobs in one database; `now` is the clock.

    A process on another machine that says nothing for the `lease` has left its job behind.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        now: Callable[[], datetime] = _utc_now,
        lease: timedelta = LEASE,
    ) -> None:
        """Use `engine`, adding the tables where they are absent. Raises BadJobs."""
        self.lease = lease
        self._engine = engine
        self._now = now
        create_tables(engine)

    @property
    def has_one_writer(self) -> bool:
        """Whether a long transaction keeps every other writer out, as on SQLite."""
        return self._engine.dialect.name == "sqlite"

    # -------------------------------------------------------------------------------------------
    # asking

    def create(self, kind: str, parameters: dict[str, Any], *, asked_by: str | None = None) -> Job:
        """Queue a job. Raises JobsBusy."""
        with write_session(self._engine) as session:
            row = JobRow(
                kind=kind,
                parameters=parameters,
                state="queued",
                asked_by=asked_by,
                asked_at=self._timestamp(),
            )
            session.add(row)
            session.flush()
            return job_of(row)

    def get(self, job_id: int) -> Job:
        """One job as it is now. Raises NoSuchJob."""
        with translating_errors(), Session(self._engine) as session:
            return job_of(_row(session, job_id))

    def page(
        self, *, limit: int = 50, cursor: int | None = None, state: JobState | None = None
    ) -> JobPage:
        """Up to `limit` jobs, newest first, from below `cursor` on.

        Of one state where one is given.
        """
        query = select(JobRow).order_by(JobRow.id.desc()).limit(limit + 1)
        query = query if cursor is None else query.where(JobRow.id < cursor)
        query = query if state is None else query.where(JobRow.state == state)
        with translating_errors(), Session(self._engine) as session:
            jobs = [job_of(row) for row in session.scalars(query)]
        return JobPage(tuple(jobs[:limit]), jobs[limit - 1].id if len(jobs) > limit else None)

    def faults(self, job_id: int, *, limit: int = 100, cursor: int | None = None) -> FaultPage:
        """Up to `limit` of the files that a job could not use, from behind `cursor` on.

        Raises NoSuchJob.
        """
        query = select(JobFaultRow).where(
            JobFaultRow.job_id == job_id, JobFaultRow.position > _or_start(cursor)
        )
        query = query.order_by(JobFaultRow.position).limit(limit + 1)
        with translating_errors(), Session(self._engine) as session:
            _row(session, job_id)
            rows = list(session.scalars(query))
        faults = tuple(FileFault(row.file, row.reason) for row in rows[:limit])
        return FaultPage(faults, rows[limit - 1].position if len(rows) > limit else None)

    def request_cancel(self, job_id: int) -> Job:
        """Cancel a job that waits, and ask a running one to stop; a cancelled one stays so.

        Raises NoSuchJob, and WrongState for one that succeeded or failed.
        """
        with write_session(self._engine) as session:
            row = _row(session, job_id, lock=_TO_CHANGE)
            if row.state == "running":
                row.is_cancel_requested = True
            elif row.state in ("queued", "interrupted"):
                row.state, row.ended_at = "cancelled", self._timestamp()
            elif row.state != "cancelled":
                raise WrongState(f"job {job_id} has {row.state}: there is nothing left to cancel")
            return job_of(row)

    def resume(self, job_id: int) -> Job:
        """Queue a failed, cancelled or interrupted job again; it goes on from its checkpoint.

        Raises NoSuchJob, and WrongState for one of another state.
        """
        with write_session(self._engine) as session:
            row = _row(session, job_id, lock=_TO_CHANGE)
            if row.state not in RESUMABLE:
                raise WrongState(
                    f"job {job_id} is {row.state}; only one that is "
                    f"{', '.join(sorted(RESUMABLE))} can be resumed"
                )
            _queue(row)
            row.attempts = 0
            return job_of(row)

    def delete(self, job_id: int) -> Job:
        """Remove a job that has ended, with its faults; returns what it was.

        Raises NoSuchJob, and WrongState for one that has not ended.
        """
        with write_session(self._engine) as session:
            row = _row(session, job_id, lock={})
            if row.state not in ENDED:
                raise WrongState(f"job {job_id} is {row.state}; cancel it first, then remove it")
            was = job_of(row)
            session.execute(delete(JobFaultRow).where(JobFaultRow.job_id == job_id))
            session.delete(row)
            return was

    def in_use(self, ended_since: datetime) -> list[Job]:
        """List the jobs whose files are needed: not ended, or ended since then."""
        is_needed = JobRow.state.not_in(ENDED) | (JobRow.ended_at >= format_timestamp(ended_since))
        with translating_errors(), Session(self._engine) as session:
            return [
                job_of(row)
                for row in session.scalars(select(JobRow).where(is_needed).order_by(JobRow.id))
            ]

    @property
    def time(self) -> datetime:
        """What the store's clock says."""
        return self._now()

    # ------------------------------------------------------------------------------------------
    # working

    def claim(self, worker: str, kinds: Collection[str]) -> Job | None:
        """Take the job that has waited longest, of the kinds that the worker knows.

        None where none waits.
        """
        waiting = (
            select(JobRow.id)
            .where(JobRow.state == "queued", JobRow.kind.in_(kinds))
            .order_by(JobRow.id)
            .limit(1)
        )
        while True:
            with (
                translating_errors(),
                Session(self._engine) as session,
            ):  # most often nothing waits, and no lock is needed
                if session.scalar(waiting) is None:
                    return None
            with write_session(self._engine) as session:
                job_id = session.scalar(waiting)
                if job_id is None:
                    return None
                now = self._timestamp()
                taken = {
                    "state": "running",
                    "worker": worker,
                    "started_at": now,
                    "started_done": JobRow.done,
                    "progress_at": now,
                    "heartbeat_at": now,
                    "attempts": JobRow.attempts + 1,
                }
                mine = (
                    update(JobRow)
                    .where(JobRow.id == job_id, JobRow.state == "queued")
                    .values(taken)
                )
                # Where several may write, another worker may have been faster between the two
                # statements.
                if session.connection().execute(mine).rowcount == 1:
                    return job_of(_row(session, job_id))

    def beat(self, job_id: int, worker: str) -> bool:
        """Write that a worker still works on a job, whatever its progress.

        Returns whether the job's end is wished for. Raises JobLost, and JobsBusy while another
        writer keeps the database.
        """
        with write_session(self._engine) as session:
            row = _held(session, job_id, worker)
            row.heartbeat_at = self._timestamp()
            return row.is_cancel_requested

    def hold_within(self, session: Session, job_id: int, worker: str) -> None:
        """Keep a job's claim until a transaction of the jobs' own database ends.

        Nobody takes the job over before that. Raises JobLost where somebody has.
        """
        mine = select(JobRow.id).where(
            JobRow.id == job_id, JobRow.state == "running", JobRow.worker == worker
        )
        # FOR KEY SHARE: heartbeats and progress are written meanwhile, but `recover` passes by.
        if session.scalar(mine.with_for_update(read=True, key_share=True)) is None:
            raise _lost(session, job_id, worker)
        if self.has_one_writer:  # its heartbeats have to wait, so this one counts from the commit
            now = {"heartbeat_at": self._timestamp()}
            session.execute(update(JobRow).where(JobRow.id == job_id).values(now))

    def report(self, job_id: int, worker: str, done: int, total: int | None) -> bool:
        """Write how far a job is; returns whether its end is wished for. Raises JobLost."""
        with write_session(self._engine) as session:
            return self._advance(_held(session, job_id, worker), done, total).is_cancel_requested

    def save(
        self,
        job_id: int,
        worker: str,
        checkpoint: dict[str, Any],
        *,
        done: int,
        total: int | None,
        faults: Sequence[FileFault] = (),
    ) -> bool:
        """Write a checkpoint with the faults met since the last one, both or neither.

        Returns whether the job's end is wished for. Raises JobLost.
        """
        with write_session(self._engine) as session:
            row = self._advance(_held(session, job_id, worker), done, total)
            row.checkpoint, row.saved_done, row.attempts = checkpoint, done, 0
            _append(session, row, faults)
            return row.is_cancel_requested

    def finish(self, job_id: int, worker: str, outcome: JobOutcome) -> Job:
        """End a job, or let it go as `interrupted`, to be resumed. Raises JobLost."""
        with write_session(self._engine) as session:
            row = _held(session, job_id, worker)
            if outcome.done is not None:
                self._advance(row, outcome.done, outcome.total)
            row.state, row.result, row.reason = outcome.state, outcome.result, outcome.reason
            row.worker = None
            is_interrupted = outcome.state == "interrupted"
            row.ended_at = None if is_interrupted else self._timestamp()
            row.attempts = 0 if is_interrupted else row.attempts
            _append(session, row, outcome.faults)
            return job_of(row)

    def recover(self, worker: str) -> list[Job]:
        """Take back the jobs of processes that have died, and queue what was interrupted.

        Returns what is queued.

        `worker` is who asks and runs nothing just now: a job that is still said to be its own is
        taken back too. A job that took its process down MAX_ATTEMPTS times without reaching a
        checkpoint stays `interrupted`.
        """
        queued: list[Job] = []
        open_rows = (
            select(JobRow).where(JobRow.state.in_(("running", "interrupted"))).order_by(JobRow.id)
        )
        # A row that a transaction holds just now is a living process's.
        open_rows = open_rows.with_for_update(skip_locked=True)
        with write_session(self._engine) as session:
            for row in session.scalars(open_rows):
                is_elsewhere = row.worker != worker and is_alive(
                    row.worker, row.heartbeat_at, self._now(), self.lease
                )
                if row.state == "running" and is_elsewhere:
                    continue
                self._take_back(row)
                queued += [job_of(row)] if row.state == "queued" else []
        return queued

    def _take_back(self, row: JobRow) -> None:
        if row.state == "running" and row.is_cancel_requested:
            row.state, row.ended_at, row.worker = "cancelled", self._timestamp(), None
            return
        row.state, row.worker = "interrupted", None
        if row.attempts < MAX_ATTEMPTS:
            _queue(row)
        else:
            row.reason = (
                f"the service ended {row.attempts} times while it did this and reached no "
                "checkpoint; look at its log "
                "and its memory, then resume the job"
            )

    def _advance(self, row: JobRow, done: int, total: int | None) -> JobRow:
        row.done, row.total = done, total
        row.progress_at = row.heartbeat_at = self._timestamp()
        return row

    def _timestamp(self) -> str:
        return format_timestamp(self._now())


def _row(session: Session, job_id: int, *, lock: dict[str, bool] | None = None) -> JobRow:
    """A job's row, locked where `lock` has options for it (an empty one for the strictest lock)."""
    # Numbers beyond what a database's integer holds are no job's, and would be an error of its own.
    is_number = 0 < job_id < 2**31
    row = session.get(JobRow, job_id, with_for_update=lock) if is_number else None
    if row is None:
        raise NoSuchJob(f"there is no job {job_id}")
    return row


def _held(session: Session, job_id: int, worker: str) -> JobRow:
    row = _row(session, job_id, lock=_TO_CHANGE)
    if row.state != "running" or row.worker != worker:
        raise JobLost(f"job {job_id} is {row.state} and not {worker}'s any more")
    return row


def _lost(session: Session, job_id: int, worker: str) -> JobLost:
    state = session.scalar(select(JobRow.state).where(JobRow.id == job_id))
    return JobLost(f"job {job_id} is {state or 'removed'} and not {worker}'s any more")


def _queue(row: JobRow) -> None:
    """Make a job wait again; its progress stays that of its checkpoint."""
    row.state, row.reason, row.result = "queued", None, None
    row.started_at = row.progress_at = row.ended_at = None
    row.done = row.saved_done
    row.is_cancel_requested = False


def _append(session: Session, row: JobRow, faults: Sequence[FileFault]) -> None:
    if faults:
        rows = [
            {
                "job_id": row.id,
                "position": row.faults + at,
                "file": fault.file,
                "reason": fault.reason,
            }
            for at, fault in enumerate(faults)
        ]
        session.execute(insert(JobFaultRow), rows)
        row.faults += len(faults)


def _or_start(cursor: int | None) -> int:
    return -1 if cursor is None else cursor
