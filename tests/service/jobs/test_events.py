"""Server-sent events of a job: each change once, heartbeats between them, an end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from service.jobs.events import job_events
from service.schemas.jobs import Job

_QUEUED = Job.model_config["json_schema_extra"]["example"] | {"state": "queued", "done": 0}


def told(*jobs: dict[str, Any], stops_after: int | None = None, **options: float) -> list[str]:
    """The stream of a job that is seen as each of `jobs` in turn."""
    seen: Iterator[dict[str, Any]] = iter(jobs)
    looks = 0

    def look() -> Job:
        nonlocal looks
        looks += 1
        return Job(**{**_QUEUED, **next(seen)})

    async def gather() -> list[str]:
        stream = job_events(look, lambda: looks == stops_after, poll_seconds=0, **options)
        return [event async for event in stream]

    return asyncio.run(gather())


def names(stream: list[str]) -> list[str]:
    return [event.splitlines()[0].removeprefix("event: ") for event in stream]


def test_each_change_is_told_once_and_the_end_ends_it() -> None:
    running = {"state": "running", "done": 1}
    stream = told(
        {}, {}, running, running, {"state": "succeeded", "done": 2}, {"state": "never seen"}
    )
    assert names(stream) == ["job", "job", "job", "end"]
    assert all(event.endswith("\n\n") and event.count("\n") == 3 for event in stream)
    last = json.loads(stream[-1].splitlines()[1].removeprefix("data: "))
    assert (last["state"], last["done"]) == ("succeeded", 2)


def test_a_job_that_rests_is_told_with_its_end_at_once() -> None:
    for state in ("succeeded", "failed", "cancelled", "interrupted"):
        assert names(told({"state": state})) == ["job", "end"]


def test_nothing_new_is_a_heartbeat() -> None:
    stream = told({}, {}, {}, {"state": "failed"}, heartbeat_seconds=0)
    assert names(stream) == ["job", ": still here", ": still here", "job", "end"]


def test_a_stopping_service_breaks_the_stream_off_without_an_end() -> None:
    assert names(told({}, {}, {}, stops_after=2)) == ["job"]
