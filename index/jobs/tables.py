"""The two tables of jobs, on any database that SQLAlchemy knows; in the catalogue's own or in
another.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Connection, Engine, ForeignKey, Text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, Session, mapped_column

from index.jobs.records import BadJobs, Job, JobsBusy
from index.storage.schema import Table, create_missing, is_busy, writing


class JobRow(Table):
    """One job; `worker` names the process that runs it, `heartbeat_at` when that was last heard of.

    `saved_done` is what `done` was at the checkpoint.
    """

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(index=True)
    asked_by: Mapped[str | None]
    asked_at: Mapped[str]
    started_at: Mapped[str | None]
    started_done: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[str | None]
    done: Mapped[int] = mapped_column(default=0)
    saved_done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    progress_at: Mapped[str | None]
    is_cancel_requested: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    faults: Mapped[int] = mapped_column(default=0)
    checkpoint: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str | None] = mapped_column(Text)
    worker: Mapped[str | None]
    heartbeat_at: Mapped[str | None]


class JobFaultRow(Table):
    """One file that a job could not use; `position` counts a job's faults from 0."""

    __tablename__ = "job_faults"
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


def create_tables(engine: Engine) -> None:
    """Add the tables of jobs where they are absent. Raises BadJobs."""
    tables = [Table.metadata.tables[kind.__tablename__] for kind in (JobRow, JobFaultRow)]
    with write_transaction(engine) as connection:
        create_missing(connection, tables)


@contextmanager
def write_transaction(engine: Engine) -> Generator[Connection]:
    """One transaction that writes.

    Raises JobsBusy while another writer keeps the database, BadJobs otherwise.
    """
    with translating_errors(), engine.connect() as connection, writing(connection).begin():
        yield connection


@contextmanager
def write_session(engine: Engine) -> Generator[Session]:
    """`changing`, with rows as objects; what was done to them is written at the end."""
    with write_transaction(engine) as connection, Session(connection) as session:
        yield session
        session.flush()


@contextmanager
def translating_errors() -> Generator[None]:
    """Turn what the database says into a BadJobs that says what to do."""
    try:
        yield
    except DBAPIError as error:
        if is_busy(error):
            raise JobsBusy(
                "the catalogue is being changed just now; try again in a moment"
            ) from error
        message = " ".join(str(error.orig).split())
        raise BadJobs(
            f"the record of jobs can't be used ({message}); check that its database can be written"
        ) from error


def job_of(row: JobRow) -> Job:
    """A row as what is said of a job."""
    return Job(**{name: getattr(row, name) for name in Job.__dataclass_fields__})
