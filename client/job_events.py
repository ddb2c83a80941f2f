"""Server-sent events of a job, line by line, and what to make of a stream that breaks off."""

from __future__ import annotations

import time
from typing import NamedTuple

from client.errors import ServiceUnreachable
from client.records.parsing import read_json, read_record
from client.records.service import Job

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0


class JobEvent(NamedTuple):
    """A job as it is now; `is_end`: the service says no more of it."""

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


class Watching:
    """Follows one job through streams that may break off: the service may be starting anew, but not
    for ever.
    """

    def __init__(self, timeout_seconds: float | None = None) -> None:
        self._until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._timeout_seconds = timeout_seconds
        self._left_seconds = PATIENCE_SECONDS
        self._last: Job | None = None

    @property
    def is_over(self) -> bool:
        return self._last is not None and self._last.is_over

    def hear(self, event: JobEvent | None) -> Job | None:
        """Take an event, or a heartbeat (None); the job where it has changed.

        Raises TimeoutError.
        """
        self._left_seconds = PATIENCE_SECONDS
        job = None if event is None or event.job == self._last else event.job
        self._last = job or self._last
        self._check_time()
        return job

    def pause_after(self, error: Exception | None) -> float:
        """Seconds until the stream is asked for again.

        Raises TimeoutError, or ServiceUnreachable out of patience.
        """
        if error is not None and self._last is None:
            raise error
        self._check_time()
        self._left_seconds -= _PAUSE_SECONDS
        if self._left_seconds < 0:
            raise ServiceUnreachable(
                f"the service has said no more of the job for a minute ({error})"
            ) from error
        return _PAUSE_SECONDS

    def _check_time(self) -> None:
        if self._until is not None and not self.is_over and time.monotonic() > self._until:
            raise TimeoutError(
                f"the job is not over after {self._timeout_seconds:g} s; it goes on, and can be "
                "waited for again"
            )
