"""Server-sent events of a job, and when to open again a stream that breaks off."""

from __future__ import annotations

import time
from typing import NamedTuple

from client.errors import ServiceUnreachable
from client.records.parsing import read_json, read_record
from client.records.service import Job

SILENCE_LIMIT_SECONDS = 60.0
_PAUSE_SECONDS = 1.0


class JobEvent(NamedTuple):
    """A job as it is now; `is_end` where the service sends no more events of it."""

    job: Job
    is_end: bool


class EventLines:
    """Puts lines together to events: `event: job`, `data: {...}`, and an empty line that ends
    it.
    """

    def __init__(self) -> None:
        self._name, self._data = "", list[str]()

    def read(self, line: str) -> JobEvent | None:
        """Take a line; the event that it completes."""
        if line:
            name, _, value = line.partition(":")
            if name == "event":
                self._name = value.strip()
            elif name == "data":
                self._data.append(value.removeprefix(" "))
            return None  # a comment is a heartbeat
        name, data = self._name, "\n".join(self._data)
        self._name, self._data = "", []
        if name not in ("job", "end") or not data:
            return None
        return JobEvent(
            read_record(Job, read_json(data.encode(), "the event"), "the event"), name == "end"
        )


class JobWatch:
    """Follows one job through streams that may break off, as while the service restarts."""

    def __init__(self, timeout_seconds: float | None = None) -> None:
        self._until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._timeout_seconds = timeout_seconds
        self._remaining_seconds = SILENCE_LIMIT_SECONDS
        self._last: Job | None = None

    @property
    def is_over(self) -> bool:
        return self._last is not None and self._last.is_over

    def receive(self, event: JobEvent | None) -> Job | None:
        """Take an event, or a heartbeat (None), and return the job where it has changed.

        Raises TimeoutError.
        """
        self._remaining_seconds = SILENCE_LIMIT_SECONDS
        job = None if event is None or event.job == self._last else event.job
        self._last = job or self._last
        self._check_time()
        return job

    def pause_after(self, error: Exception | None) -> float:
        """Return the seconds until the stream is opened again.

        Raises TimeoutError, or ServiceUnreachable after a minute without an event.
        """
        if error is not None and self._last is None:
            raise error
        self._check_time()
        self._remaining_seconds -= _PAUSE_SECONDS
        if self._remaining_seconds < 0:
            raise ServiceUnreachable(
                f"no news of the job from the service for a minute ({error})"
            ) from error
        return _PAUSE_SECONDS

    def _check_time(self) -> None:
        if self._until is not None and not self.is_over and time.monotonic() > self._until:
            raise TimeoutError(
                f"the job is not over after {self._timeout_seconds:g} s; it goes on, and you can "
                "wait for it again"
            )
