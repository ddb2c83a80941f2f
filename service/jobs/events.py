"""A job's changes as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from service.schemas.jobs import Job

LOOK_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
_AT_REST = {"succeeded", "failed", "cancelled", "interrupted"}


async def job_events(
    look: Callable[[], Job],
    is_stopping: Callable[[], bool],
    *,
    look_seconds: float = LOOK_SECONDS,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> AsyncGenerator[str]:
    """Yield a `job` event at once and at each change, a comment as a heartbeat, and `end` when the
    job rests.

    `look` is called in a thread. Without `end` the stream breaks off when the service stops: a
    browser asks again.
    """
    last, told_at = "", time.monotonic()
    while not is_stopping():
        job = await asyncio.to_thread(look)
        now, said = time.monotonic(), job.model_dump_json()
        if said != last:
            last, told_at = said, now
            yield _event("job", said)
        elif now - told_at >= heartbeat_seconds:
            told_at = now
            yield ": still here\n\n"
        if job.state in _AT_REST:
            yield _event("end", said)
            return
        await asyncio.sleep(look_seconds)


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
