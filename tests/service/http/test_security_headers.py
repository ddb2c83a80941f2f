"""Every answer, refusals and failures included, has the headers that keep a browser in bounds."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.http.request_envelope import RequestEnvelope
from tests.service.every_route import operations
from tests.service.http.key_headers import bearer
from tests.service.local_client import local_client

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
# What anybody may read, and so any cache may keep.
PUBLIC = ("/", "/page/{version}/{path}")


@pytest.fixture
def served(serve_curated: Callable[..., Any]) -> Generator[TestClient]:
    with serve_curated(has_keys=True) as curated:
        yield curated.client


def check(response: Any) -> None:
    for name, value in ALWAYS.items():
        assert response.headers[name] == value, name
    policy = response.headers["content-security-policy"].split("; ")
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    assert policy[0] in ("default-src 'none'", "default-src 'self'")


@pytest.mark.parametrize("has_key", [True, False], ids=["admin", "no key"])
def test_every_route_answers_with_them(served: TestClient, has_key: bool) -> None:
    secret = served.app.state.access.keys.create("Ana", "admin").secret
    for operation in operations(served.app):
        response = operation.send(served, **(bearer(secret) if has_key else {}))
        check(response)
        cached = response.headers["cache-control"]
        is_public = operation.path in PUBLIC
        assert is_public or cached == "no-store" or cached.startswith("private"), operation


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1/individuals/%00"])
def test_so_does_what_is_not_there(served: TestClient, path: str) -> None:
    check(served.get(path))


def test_a_photo_is_kept_by_its_own_browser_alone(served: TestClient) -> None:
    secret = served.app.state.access.keys.create("Ana", "admin").secret
    response = served.get("/v1/photos/w_0_a.png", headers=bearer(secret))
    assert response.status_code == 200
    assert response.headers["cache-control"].startswith("private")
    check(response)


def test_a_failure_of_ours_and_a_refused_body_have_them_too() -> None:
    app = FastAPI()

    @app.post("/")
    async def fail() -> None:
        raise RuntimeError("a fault of ours")

    app.add_middleware(RequestEnvelope, max_upload_bytes=1024)
    client = local_client(app, raise_server_exceptions=False)
    for content, status in ((b"", 500), (b"x" * 2000, 413)):
        response = client.post("/", content=content)
        assert response.status_code == status
        check(response)
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("url", "headers", "has_it"),
    [
        ("http://127.0.0.1:8000/healthz", {}, False),
        ("http://127.0.0.1:8000/healthz", {"X-Forwarded-Proto": "http"}, False),
        ("http://127.0.0.1:8000/healthz", {"X-Forwarded-Proto": "HTTPS, http"}, True),
        ("https://whales.example/healthz", {}, True),
    ],
)
def test_browsers_are_kept_to_https_only_where_it_is_there(
    client: TestClient, url: str, headers: dict[str, str], has_it: bool
) -> None:
    response = client.get(url, headers=headers)
    assert ("strict-transport-security" in response.headers) == has_it
    if has_it:
        assert response.headers["strict-transport-security"] == "max-age=31536000"
