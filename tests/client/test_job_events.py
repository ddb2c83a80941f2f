"""Events of a job: read line by line, and taken up again where the stream breaks off."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from client import Client
from client.errors import ServiceUnreachable, StrangeAnswer
from client.job_events import EventLines, JobWatch

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


def lines(name: str, **changed: object) -> list[str]:
    return [f"event: {name}", f"data: {json.dumps({**JOB, **changed})}", ""]


def test_events_are_read_line_by_line() -> None:
    reader = EventLines()
    read = [
        reader.read(line)
        for line in [": still here", "", *lines("job"), *lines("other"), *lines("end", done=2)]
    ]
    assert [(each.job.done, each.is_end) for each in read if each] == [(1, False), (2, True)]
    with pytest.raises(StrangeAnswer, match="the event has no id"):
        [reader.read(line) for line in ("event: job", "data: {}", "")]


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
        httpx.Response(200, stream=Broken(lines("job"))),
        httpx.ConnectError("refused"),
        httpx.Response(
            503, json={"type": "#problem-not-ready", "title": "t", "status": 503, "detail": "d"}
        ),
        httpx.Response(
            200, text="\n".join([*lines("job"), *lines("end", state="interrupted"), ""])
        ),
        httpx.Response(
            200,
            text="\n".join([*lines("job", done=2), *lines("end", state="succeeded", done=2), ""]),
        ),
    )
    states = [(job.state, job.done) for job in client.watch_job(3)]
    assert states == [("running", 1), ("interrupted", 1), ("running", 2), ("succeeded", 2)]
    assert slept == [1.0] * 4


def test_silence_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [httpx.ConnectError("refused") for _ in range(61)]
    client, slept = watched(monkeypatch, httpx.Response(200, stream=Broken(lines("job"))), *refused)
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
        monkeypatch, httpx.Response(200, stream=Broken([*lines("job"), ": still here"]))
    )
    with pytest.raises(TimeoutError, match="not over after 0 s; it goes on"):
        client.wait_for_job(3, timeout_seconds=0)
    assert not JobWatch(0).is_over
