"""A job's changes as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from service.http.problems import BUSY, ProblemError
from service.schemas.jobs import Job

POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
MOST_STREAMS = 64
_AT_REST = {"succeeded", "failed", "cancelled", "interrupted"}


async def job_events(
    read_job: Callable[[], Job],
    is_stopping: Callable[[], bool],
    *,
    poll_seconds: float = POLL_SECONDS,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> AsyncGenerator[str]:
    """Yield a `job` event for each change, comments as a heartbeat, and `end` at the end.

    `look` is called in a thread. Without `end` the stream breaks off when the service stops: a
    browser asks again.
    """
    last, sent_at = "", time.monotonic()
    while not is_stopping():
        job = await asyncio.to_thread(read_job)
        now, text = time.monotonic(), job.model_dump_json()
        if text != last:
            last, sent_at = text, now
            yield _event("job", text)
        elif now - sent_at >= heartbeat_seconds:
            sent_at = now
            yield ": still here\n\n"
        if job.state in _AT_REST:
            yield _event("end", text)
            return
        await asyncio.sleep(poll_seconds)


def refuse_too_many(state: Any) -> None:
    """Raise a `busy` problem where MOST_STREAMS are open: each asks the database now and then."""
    if getattr(state, "event_streams", 0) >= MOST_STREAMS:
        raise ProblemError(
            BUSY,
            f"{MOST_STREAMS} clients watch jobs just now, as many as may; ask for the job itself "
            "now and then.",
            headers={"Retry-After": "5"},
        )


async def counted(state: Any, events: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """The same events, counted among the open streams until they end."""
    state.event_streams = getattr(state, "event_streams", 0) + 1
    try:
        async for event in events:
            yield event
    finally:
        state.event_streams -= 1


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
