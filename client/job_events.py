"""Server-sent events of a job, and when to open again a stream that breaks off."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from client.errors import ServiceUnreachable, StrangeAnswer
from client.records.parsing import read_record
from client.records.service import Job

SILENCE_LIMIT_SECONDS = 60.0
_PAUSE_SECONDS = 1.0


class JobEvent(NamedTuple):
    """A job as it is now; `is_end` where the service sends no more events of it."""

    job: Job
    is_end: bool


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

    def receive(self, event: JobEvent) -> Job | None:
        """Take an event, and return the job where it has changed. Raises TimeoutError."""
        job = None if event.job == self._last else event.job
        self._last = event.job
        self.note_activity()
        return job

    def note_activity(self) -> None:
        """Note that the service is there, by an event or a heartbeat. Raises TimeoutError."""
        self._remaining_seconds = SILENCE_LIMIT_SECONDS
        self._check_time()

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


def iter_events(response: httpx.Response, watch: JobWatch) -> Iterator[JobEvent]:
    """Iterate over the events of a stream, and note each heartbeat.

    Raises StrangeAnswer, and TimeoutError once the watch's time is over.
    """

    # httpx-sse passes no heartbeats on, so activity is noted by the pieces of the stream.
    def chunks() -> Iterator[bytes]:
        for chunk in response.iter_bytes():
            yield chunk
            watch.note_activity()

    try:
        for event in EventSource(_with_body(response, chunks())).iter_sse():
            if (job_event := _read_event(event)) is not None:
                yield job_event
    except SSEError as error:
        raise _no_stream(error) from error


async def aiter_events(response: httpx.Response, watch: JobWatch) -> AsyncIterator[JobEvent]:
    """Iterate over the events of a stream, as `iter_events` does."""

    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in response.aiter_bytes():
            yield chunk
            watch.note_activity()

    try:
        async for event in EventSource(_with_body(response, chunks())).aiter_sse():
            if (job_event := _read_event(event)) is not None:
                yield job_event
    except SSEError as error:
        raise _no_stream(error) from error


def _with_body(
    response: httpx.Response, chunks: Iterator[bytes] | AsyncIterator[bytes]
) -> httpx.Response:
    """Copy a response with another body."""
    headers = {"Content-Type": response.headers.get("Content-Type", "")}
    return httpx.Response(response.status_code, headers=headers, content=chunks)


def _read_event(event: ServerSentEvent) -> JobEvent | None:
    if event.event not in ("job", "end") or not event.data:
        return None
    return JobEvent(read_record(Job, event.data, "the event"), event.event == "end")


def _no_stream(error: SSEError) -> StrangeAnswer:
    return StrangeAnswer(
        f"the answer is no stream of events ({error}); is this the address of a flukeprint service?"
    )
