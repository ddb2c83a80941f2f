"""Events of a job: read line by line, and taken up again where the stream breaks off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from client import Client
from client.errors import ServiceUnreachable, StrangeAnswer
from client.job_events import JobWatch, aiter_events, iter_events

JOB = {
    "id": 3,
    "kind": "identify",
    "parameters": {},
    "state": "running",
    "asked_at": "2026-05-30T18:02:11Z",
    "done": 1,
    "error_count": 0,
    "is_cancel_requested": False,
}

STREAM = {"Content-Type": "text/event-stream"}


def lines(name: str, **changed: object) -> list[str]:
    return [f"event: {name}", f"data: {json.dumps({**JOB, **changed})}", ""]


def stream(*lines: str) -> httpx.Response:
    """A response that streams these lines."""
    return httpx.Response(200, headers=STREAM, text="\n".join([*lines, ""]))


def test_events_are_read_line_by_line() -> None:
    response = stream(": still here", "", *lines("job"), *lines("other"), *lines("end", done=2))
    read = list(iter_events(response, JobWatch()))
    assert [(each.job.done, each.is_end) for each in read] == [(1, False), (2, True)]
    with pytest.raises(StrangeAnswer, match="the event has no id"):
        list(iter_events(stream("event: job", "data: {}", ""), JobWatch()))


def test_the_same_is_awaited() -> None:
    async def read() -> list[int]:
        response = httpx.Response(200, headers=STREAM, content=body())
        return [event.job.done async for event in aiter_events(response, JobWatch())]

    async def body() -> AsyncIterator[bytes]:
        for line in [": still here", "", *lines("job"), *lines("end", done=2)]:
            yield f"{line}\n".encode()

    assert asyncio.run(read()) == [1, 2]


def test_an_answer_that_is_no_stream_is_refused() -> None:
    with pytest.raises(StrangeAnswer, match=r"no stream of events.*got 'text/html'"):
        list(iter_events(httpx.Response(200, html="<html>"), JobWatch()))


def test_a_heartbeat_is_activity_and_shows_that_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr("client.job_events.time.monotonic", lambda: clock[0])

    def body() -> Iterator[bytes]:
        yield "\n".join([*lines("job"), ""]).encode()
        for _ in range(9):
            clock[0] += 15
            yield b": still here\n\n"

    watch = JobWatch(timeout_seconds=50)
    response = httpx.Response(200, headers=STREAM, content=body())
    with pytest.raises(TimeoutError, match="not over after 50 s"):
        [watch.receive(event) for event in iter_events(response, watch)]
    assert clock == [60.0]


class Broken(httpx.SyncByteStream):
    """A stream of lines that breaks off."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        yield "\n".join([*self._lines, ""]).encode()
        raise httpx.ReadError("gone")


def watched(
    monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response | Exception
) -> tuple[Client, list[float]]:
    slept: list[float] = []
    monkeypatch.setattr("client.clients.time.sleep", slept.append)
    left = list(answers)

    def play(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/jobs/3/events"
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Client("http://flukes.test", transport=httpx.MockTransport(play)), slept


def test_a_service_that_is_started_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client, slept = watched(
        monkeypatch,
        httpx.Response(200, headers=STREAM, stream=Broken(lines("job"))),
        httpx.ConnectError("refused"),
        httpx.Response(
            503, json={"type": "#problem-not-ready", "title": "t", "status": 503, "detail": "d"}
        ),
        stream(*lines("job"), *lines("end", state="interrupted")),
        stream(*lines("job", done=2), *lines("end", state="succeeded", done=2)),
    )
    states = [(job.state, job.done) for job in client.watch_job(3)]
    assert states == [("running", 1), ("interrupted", 1), ("running", 2), ("succeeded", 2)]
    assert slept == [1.0] * 4


def test_silence_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [httpx.ConnectError("refused") for _ in range(61)]
    client, slept = watched(
        monkeypatch, httpx.Response(200, headers=STREAM, stream=Broken(lines("job"))), *refused
    )
    with pytest.raises(
        ServiceUnreachable, match="no news of the job from the service for a minute"
    ):
        list(client.watch_job(3))
    assert len(slept) == 60


def test_an_error_before_the_first_event_is_raised_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, slept = watched(monkeypatch, httpx.ConnectError("refused"))
    with pytest.raises(ServiceUnreachable):
        client.wait_for_job(3)
    assert slept == []


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = watched(
        monkeypatch,
        httpx.Response(200, headers=STREAM, stream=Broken([*lines("job"), ": still here"])),
    )
    with pytest.raises(TimeoutError, match="not over after 0 s; it goes on"):
        client.wait_for_job(3, timeout_seconds=0)
    assert not JobWatch(0).is_over
