"""When a request is sent again, by both clients, over a transport that plays the
service.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from email.utils import format_datetime, parsedate_to_datetime

import httpx
import pytest

from client import AsyncClient, Client
from client.errors import (
    BadPhotos,
    Conflict,
    NotAllowed,
    ServerBusy,
    ServiceUnreachable,
    StrangeAnswer,
)
from client.retries import Retries, retry_after_seconds

URL = "http://flukes.test"
Played = httpx.Response | Exception


def problem(status: int, slug: str, **headers: str) -> httpx.Response:
    document = {
        "type": f"/docs#problem-{slug}",
        "title": "A title",
        "status": status,
        "detail": "The detail.",
        "instance": "/v1/x",
        "request_id": "r1",
        "errors": [
            {"reason": "a.jpg: is empty", "photo": "a.jpg", "position": 0, "new": "ignored"}
        ],
    }
    return httpx.Response(status, headers=headers, json=document)


DONE = {"revision": 4, "kind": "undo", "photos": ["a.jpg"], "something_new": 1}


class Service:
    """Answers in order, and remembers what was asked."""

    def __init__(self, answers: Sequence[Played]) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, which takes no time here."""
    seconds: list[float] = []
    monkeypatch.setattr("client.clients.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def play(slept: list[float]) -> Callable[..., tuple[Service, Client]]:
    def _play(*answers: Played, retries: Retries = Retries()) -> tuple[Service, Client]:
        service = Service(answers)
        return service, Client(
            URL, "fp_1_secret", retries=retries, transport=httpx.MockTransport(service)
        )

    return _play


def test_a_busy_service_is_asked_again_when_it_says(
    play: Callable[..., tuple[Service, Client]], slept: list[float]
) -> None:
    service, client = play(
        problem(503, "busy", **{"Retry-After": "2"}),
        problem(429, "too-many"),
        httpx.Response(200, json=DONE),
    )
    assert client.undo(3).revision == 4
    assert slept == [2.0, 1.0]
    keys = {request.headers["idempotency-key"] for request in service.requests}
    assert len(keys) == 1
    assert len(service.requests) == 3
    assert service.requests[0].headers["authorization"] == "Bearer fp_1_secret"


def test_another_call_is_another_request(play: Callable[..., tuple[Service, Client]]) -> None:
    service, client = play(httpx.Response(200, json=DONE), httpx.Response(200, json=DONE))
    client.undo(3)
    client.undo(3)
    assert len({request.headers["idempotency-key"] for request in service.requests}) == 2


def test_it_is_given_up_after_so_many_attempts(
    play: Callable[..., tuple[Service, Client]], slept: list[float]
) -> None:
    service, client = play(*[problem(503, "busy") for _ in range(9)], retries=Retries(attempts=3))
    with pytest.raises(ServerBusy):
        client.stats()
    assert len(service.requests) == 3
    assert slept == [0.5, 1.0]


def test_a_wait_that_is_too_long_raises_at_once(
    play: Callable[..., tuple[Service, Client]], slept: list[float]
) -> None:
    _, client = play(problem(429, "too-many", **{"Retry-After": "3600"}))
    with pytest.raises(ServerBusy) as refused:
        client.stats()
    assert (refused.value.retry_after_seconds, slept) == (3600.0, [])


@pytest.mark.parametrize("answer", [problem(503, "busy"), httpx.ReadError("broken")])
def test_what_would_be_done_twice_is_sent_once(
    play: Callable[..., tuple[Service, Client]], answer: Played
) -> None:
    service, client = play(answer)
    with pytest.raises((ServerBusy, ServiceUnreachable)):
        client.edit_individual("w_1", {"notes": "x"}, etag='"e"')
    (request,) = service.requests
    assert "idempotency-key" not in request.headers
    assert (request.headers["if-match"], json.loads(request.content)) == ('"e"', {"notes": "x"})


def test_after_a_broken_connection_the_answer_is_waited_for(
    play: Callable[..., tuple[Service, Client]], slept: list[float]
) -> None:
    _, client = play(
        httpx.ReadError("broken"),
        problem(409, "in-progress", **{"Retry-After": "1"}),
        httpx.Response(200, json=DONE),
    )
    assert client.merge("w_1", "w_2").revision == 4
    assert slept == [0.5, 1.0]
    _, client = play(problem(409, "in-progress"))
    with pytest.raises(Conflict):  # somebody else's
        client.merge("w_1", "w_2")


def test_where_nothing_listens_it_raises_at_once(
    play: Callable[..., tuple[Service, Client]], slept: list[float]
) -> None:
    _, client = play(httpx.ConnectError("Connection refused"))
    with pytest.raises(
        ServiceUnreachable,
        match=r"GET http://flukes\.test/v1/stats: .*is the service running there",
    ):
        client.stats()
    _, client = play(*[httpx.ReadTimeout("") for _ in range(4)])
    with pytest.raises(ServiceUnreachable, match=r"no answer in time \(ReadTimeout\)"):
        client.stats()
    assert slept == [0.5, 1.0, 2.0]


def test_a_problem_becomes_an_error_that_says_what_to_do(
    play: Callable[..., tuple[Service, Client]],
) -> None:
    _, client = play(problem(401, "unauthenticated"), problem(422, "bad-photos"))
    with pytest.raises(NotAllowed, match="Give the key as api_key or in FLUKEPRINT_API_KEY"):
        client.stats()
    with pytest.raises(BadPhotos) as refused:
        client.identify(("a.jpg", b""))
    error = refused.value
    assert (error.kind, error.status, error.title, error.detail, error.request_id) == (
        "bad-photos",
        422,
        "A title",
        "The detail.",
        "r1",
    )
    assert [(each.photo, each.position) for each in error.faults] == [("a.jpg", 0)]
    assert (
        str(error) == "A title: The detail. (POST http://flukes.test/v1/identify: 422, request r1)"
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            httpx.Response(502, text="<html>Bad gateway"),
            "was answered 502 Bad Gateway, not as a flukeprint service",
        ),
        (
            httpx.Response(301, headers={"Location": "https://there"}),
            "301 Moved Permanently to https://there; give",
        ),
        (httpx.Response(200, text="<html>"), "the answer is no JSON"),
        (httpx.Response(200, json=[1]), "the answer is \\[1\\], not an object"),
        (httpx.Response(200, json={"revision": 4, "kind": "undo"}), "the answer has no photos"),
        (
            httpx.Response(200, json={**DONE, "photos": [3]}),
            r"the answer\.photos\[0\] is 3, which is unexpected",
        ),
    ],
)
def test_an_answer_of_no_service_is_refused(
    play: Callable[..., tuple[Service, Client]], answer: httpx.Response, message: str
) -> None:
    _, client = play(answer)
    with pytest.raises(StrangeAnswer, match=message):
        client.undo(3)


def test_the_same_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("client.clients.asyncio.sleep", sleep)
    service = Service(
        [problem(503, "busy"), httpx.ReadError("broken"), httpx.Response(200, json=DONE)]
    )

    async def undone() -> int:
        async with AsyncClient(URL, transport=httpx.MockTransport(service)) as client:
            return (await client.undo(3)).revision

    assert asyncio.run(undone()) == 4
    assert slept == [0.5, 1.0]
    assert len({request.headers["idempotency-key"] for request in service.requests}) == 1


def test_retry_after_is_a_number_or_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    now = parsedate_to_datetime("Thu, 28 May 2026 10:00:00 GMT")
    monkeypatch.setattr("client.retries.time.time", lambda: now.timestamp() - 7)
    assert retry_after_seconds(format_datetime(now, usegmt=True)) == 7
    assert [retry_after_seconds(one) for one in (None, "3", "-1", "soon")] == [None, 3, 0, None]
