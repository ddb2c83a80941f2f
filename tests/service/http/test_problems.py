"""Problems and the envelope: every error is one document, every answer carries its request id."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect

from service.http.problems import KINDS
from service.http.request_envelope import RequestEnvelope


def test_an_unknown_route_is_404(client: TestClient, problem: Callable[..., Any]) -> None:
    document = problem(client.get("/nowhere%20at all"), 404, "not-found")
    assert "/docs" in document["detail"]
    assert document["instance"] == "/nowhere%20at%20all"


def test_a_wrong_method_is_405_and_says_which_is_right(
    client: TestClient, problem: Callable[..., Any]
) -> None:
    response = client.get("/v1/identify")
    assert "POST" in problem(response, 405, "method-not-allowed")["detail"]
    assert response.headers["allow"] == "POST"


def test_slugs_are_unique() -> None:
    assert len({kind.slug for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("given", ["abc-123", "a" * 128, "2026:a.b_c"])
def test_a_sane_request_id_is_kept(client: TestClient, given: str) -> None:
    assert client.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "<script>", "a\tb"])
def test_another_request_id_is_replaced(client: TestClient, given: str) -> None:
    answered = client.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"]
    assert answered != given
    assert len(answered) == 32


def test_every_request_is_logged_with_its_id(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "flukeprint.service"):
        client.get("/v1/individuals", headers={"x-request-id": "mine"})
        client.get("/healthz", headers={"x-request-id": "mine"})  # asked every second, and not told
    (line,) = (record.getMessage() for record in caplog.records if "mine" in record.getMessage())
    assert line.startswith("GET /v1/individuals 503 ")  # there is no catalogue


def test_a_declared_upload_that_is_too_large_is_413_before_it_is_read(
    serve: Callable[..., Any], problem: Callable[..., Any]
) -> None:
    with serve(max_upload_bytes=2000) as client:
        response = client.post("/v1/identify", files=[("photos", ("a.png", b"x" * 3000))])
        assert "2,000 bytes" in problem(response, 413, "too-large")["detail"]


@pytest.mark.parametrize("declared", [None, b"10"], ids=["undeclared", "falsely declared"])
def test_an_upload_is_counted_while_it_is_read(declared: bytes | None) -> None:
    """Spoken to by hand: a client library would not send what it did not declare."""
    read: list[int] = []
    sent: list[dict[str, Any]] = []

    async def read_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def receive() -> dict[str, Any]:
        read.append(1000)
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [] if declared is None else [(b"content-length", declared)]
    scope = {"type": "http", "method": "POST", "path": "/v1/identify", "headers": headers}
    asyncio.run(RequestEnvelope(read_all, max_upload_bytes=2500)(scope, receive, send))
    assert len(read) == 3, "reading stops with the part that is too much"
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["type"] == "/docs#problem-too-large"


def test_a_client_that_leaves_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def leave(scope: Any, receive: Any, send: Any) -> None:
        raise ClientDisconnect

    async def never(*_: Any) -> Any:
        raise AssertionError("nobody is there to be answered")

    scope = {"type": "http", "method": "POST", "path": "/v1/identify", "headers": []}
    with caplog.at_level(logging.INFO, "flukeprint.service"):
        asyncio.run(RequestEnvelope(leave, max_upload_bytes=10)(scope, never, never))
    assert [record.levelname for record in caplog.records] == ["INFO"]
