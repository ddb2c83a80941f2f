"""What is said of a job: its state, progress with rate and ETA, and the files that it could not
use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from embedding.errors import FlukeprintError
from index.timestamps import parse_timestamp

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]

STATES: tuple[JobState, ...] = (
    "queued",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    "interrupted",
)
ENDED: frozenset[JobState] = frozenset({"succeeded", "failed", "cancelled"})
RESUMABLE: frozenset[JobState] = frozenset({"failed", "cancelled", "interrupted"})


class BadJobs(FlukeprintError):
    """The record of jobs can't be used: absent, damaged, or not writable."""


class JobsBusy(BadJobs):
    """Another writer has the database just now; the same call may succeed a moment later."""


class NoSuchJob(FlukeprintError):
    """A job's number that nobody was given."""


class WrongState(FlukeprintError):
    """A request that a job's state forbids: the end of one that has ended, the resumption of one
    that runs.
    """


class JobLost(FlukeprintError):
    """A job that another process has taken over: whoever hears this must stop working on it."""


@dataclass(frozen=True, slots=True)
class FileFault:
    """A file that a job could not use, and why, in a sentence."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it is now. Times are UTC, ISO 8601.

    `total` None: not known yet. `attempts` counts the starts since the last checkpoint;
    `checkpoint` is what its next start goes on from, `result` what a succeeded one has to say,
    `reason` why one failed or was interrupted.
    """

    id: int
    kind: str
    parameters: dict[str, Any]
    state: JobState
    asked_by: str | None
    asked_at: str
    started_at: str | None
    started_done: int
    ended_at: str | None
    done: int
    total: int | None
    progress_at: str | None
    is_cancel_requested: bool
    attempts: int
    faults: int
    checkpoint: dict[str, Any] | None
    result: dict[str, Any] | None
    reason: str | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens of itself."""
        return self.state in ENDED

    @property
    def rate(self) -> float | None:
        """Files (or whatever `done` counts) a second since the last start; None while there is
        nothing to measure.
        """
        if self.started_at is None or self.progress_at is None:
            return None
        seconds = (
            parse_timestamp(self.progress_at) - parse_timestamp(self.started_at)
        ).total_seconds()
        made = self.done - self.started_done
        return made / seconds if seconds > 0 and made > 0 else None

    @property
    def eta_seconds(self) -> float | None:
        """How long a running job still takes at its rate; None where that can't be said."""
        if self.state != "running" or self.total is None or self.rate is None:
            return None
        return max(0, self.total - self.done) / self.rate


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a worker lets go of a job; as `interrupted` it is to be resumed.

    `done` None: the progress stays as it was reported last. `faults` are those met since the last
    checkpoint.
    """

    state: JobState
    reason: str | None = None
    result: dict[str, Any] | None = None
    done: int | None = None
    total: int | None = None
    faults: Sequence[FileFault] = ()


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs newest first; `next_cursor` asks for the older ones, None where there are none."""

    jobs: tuple[Job, ...]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class FaultPage:
    """A job's faults in the order in which they were met; `next_cursor` asks for the following
    ones.
    """

    faults: tuple[FileFault, ...]
    next_cursor: int | None
