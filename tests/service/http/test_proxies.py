"""Without keys, nothing is answered that a proxy or another machine may have sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from index.access.store import AccessStore
from tests.service.http.key_headers import bearer

_SIGNS_OF_A_PROXY = [
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded"),
    *("X-Real-IP", "Via", "CF-Connecting-IP", "CF-Ray", "True-Client-IP", "X-Client-IP"),
    *("X-Cluster-Client-IP", "Fastly-Client-IP", "X-Original-For", "X-Envoy-External-Address"),
    *("X-Amzn-Trace-Id", "X-Azure-ClientIP", "X-AppEngine-User-IP", "Fly-Client-IP", "CDN-Loop"),
]


@pytest.mark.parametrize("name", _SIGNS_OF_A_PROXY)
def test_what_a_proxy_passed_on_needs_a_key(
    ask: Callable[..., Any], store: AccessStore, problem: Callable[..., Any], name: str
) -> None:
    with ask() as client:
        # Even where it names this machine, as a caller may have written it.
        refused = client.post(
            "/v1/keys", json={"name": "Eve", "role": "admin"}, headers={name: "127.0.0.1"}
        )
    detail = problem(refused, 401, "unauthenticated")["detail"]
    assert f"the header {name.lower()} of a proxy" in detail
    assert "Behind a proxy a key is needed. Make a key with `flukeprint keys create" in detail
    assert refused.headers["www-authenticate"] == 'Bearer realm="flukeprint"'
    assert store.keys.all() == []


def test_behind_a_proxy_a_key_is_enough(
    ask: Callable[..., Any], secrets: dict[str, str], problem: Callable[..., Any]
) -> None:
    passed_on = {"X-Forwarded-For": "192.0.2.1", "Via": "1.1 proxy"}
    with ask() as client:
        headers = {**passed_on, **bearer(secrets["admin"])}
        assert client.get("/v1/keys", headers=headers).status_code == 200
        problem(client.get("/v1/keys", headers=passed_on), 401, "unauthenticated")


@pytest.mark.parametrize(
    "host",
    [
        *("192.0.2.1", "10.0.0.5:8000", "0.0.0.0", "[2001:db8::1]:8000"),
        *("flukeprint", "upstream:8000", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("", "[::1", "2130706433"),
    ],
)
def test_a_host_that_is_not_this_machine_is_refused_without_a_key(
    ask: Callable[..., Any], problem: Callable[..., Any], host: str
) -> None:
    with ask() as client:
        refused = client.get("/v1/keys", headers={"Host": host})
        problem(refused, 403, "forbidden")
        problem(
            client.get("/v1/keys", headers={"Host": "127.0.0.1, evil.example"}), 403, "forbidden"
        )


class Raw(NamedTuple):
    status: int
    body: bytes


def sent(service: TestClient, **changed: object) -> Raw:
    """The answer to a scope that the client itself would not send."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/keys",
        "raw_path": b"/v1/keys",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8000")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        **changed,
    }
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    async def call() -> None:
        await service.app(scope, receive, send)  # type: ignore[operator]

    assert service.portal is not None
    service.portal.call(call)
    body = b"".join(message.get("body", b"") for message in messages)
    return Raw(messages[0]["status"], body)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 200),
        ({"client": ("::1", 50000), "headers": [(b"host", b"[::1]:8000")]}, 200),
        ({"client": ("192.0.2.1", 50000)}, 401),  # also what uvicorn takes from X-Forwarded-For
        ({"client": ("2001:db8::1", 50000)}, 401),
        ({"client": None}, 401),
        ({"http_version": "1.0"}, 401),  # nginx without any setting but proxy_pass
        ({"headers": []}, 403),
    ],
)
def test_who_is_on_this_machine(
    ask: Callable[..., Any], changed: dict[str, object], status: int
) -> None:
    with ask() as client:
        answer = sent(client, **changed)
    assert answer.status == status
    assert (b"Make a key with `flukeprint keys create" in answer.body) is (status != 200)
