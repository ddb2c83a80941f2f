"""A request sent twice under one key is carried out once; what failed may be sent again; other
bodies are refused.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from index.access.idempotent_answers import StoredAnswers
from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress
from service.http.authorization import Gate
from service.http.error_handlers import install_error_handlers
from service.http.idempotency import RepeatableRequests, request_hash
from service.http.request_envelope import RequestEnvelope
from service.http.required_roles import DeclaredRoutes, requires
from tests.service.local_client import local_client


async def _at_once() -> None:
    return None


class Counting:
    """An application that counts what it carried out."""

    def __init__(self, store: AccessStore) -> None:
        self.bodies: list[bytes] = []
        self.status = 201
        self.before_answering: Callable[[], None] = lambda: None
        self.meanwhile: Callable[[], Awaitable[None]] = _at_once
        app = FastAPI(openapi_url=None)
        app.add_api_route(
            "/whales", self.add, methods=["POST", "PUT"], dependencies=[requires("contribute")]
        )
        app.add_api_route("/ask", self.add, methods=["POST"], dependencies=[requires("read")])
        app.add_api_route(
            "/secret",
            self.add,
            methods=["POST"],
            dependencies=[requires("admin", keeps_answers=False)],
        )
        app.add_api_route("/large", self.large, methods=["POST"], dependencies=[requires("curate")])
        install_error_handlers(app)
        app.add_middleware(RepeatableRequests, store=store)
        app.add_middleware(
            Gate,
            routes=DeclaredRoutes(app),
            store=store,
            is_on_loopback=True,
            requests_per_minute=0,
        )
        app.add_middleware(RequestEnvelope, max_upload_bytes=5_000_000)
        self.client = local_client(app, raise_server_exceptions=False)

    async def add(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        if self.status == 500:
            raise RuntimeError("a fault of ours")
        self.before_answering()
        await self.meanwhile()
        return JSONResponse(
            {"count": len(self.bodies)}, self.status, {"Location": f"/whales/{len(self.bodies)}"}
        )

    async def large(self) -> Response:
        self.bodies.append(b"")
        return Response(b"x" * 2_000_000)

    def post(
        self, key: str | None = "k1", path: str = "/whales", method: str = "POST", **sent: Any
    ) -> Any:
        headers = {**({"Idempotency-Key": key} if key else {}), **sent.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **(sent or {"content": b"body"}))


@pytest.fixture
def store(tmp_path: Path, place: Callable[[Path], CatalogueAddress]) -> Generator[AccessStore]:
    with Catalogue.open(place(tmp_path / "catalogue.db"), create=True) as catalogue:
        yield AccessStore.of(catalogue.engine)


@pytest.fixture
def app(store: AccessStore) -> Counting:
    return Counting(store)


def test_the_second_time_gets_the_first_ones_answer(app: Counting) -> None:
    first, second = app.post(), app.post('"k1"')
    assert app.bodies == [b"body"]
    assert (first.status_code, first.json(), first.headers["location"]) == (
        201,
        {"count": 1},
        "/whales/1",
    )
    assert (second.status_code, second.content, second.headers["location"]) == (
        201,
        first.content,
        "/whales/1",
    )
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len({first.headers["x-request-id"], second.headers["x-request-id"]}) == 2


def test_a_key_is_kept_as_long_as_its_request_takes(
    app: Counting, store: AccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.http.idempotency.RENEW_SECONDS", 0.01)
    renewed = threading.Semaphore(0)
    monkeypatch.setattr(StoredAnswers, "renew", lambda *_: renewed.release())

    async def take_long() -> None:
        assert await asyncio.to_thread(renewed.acquire, timeout=60)

    app.meanwhile = take_long
    assert app.post().status_code == 201


def test_without_a_key_or_with_another_one_it_is_carried_out(app: Counting) -> None:
    assert [app.post(key).json()["count"] for key in (None, None, "a", "b")] == [1, 2, 3, 4]


def test_a_key_with_another_body_or_query_is_refused(
    app: Counting, problem: Callable[..., Any]
) -> None:
    app.post()
    problem(app.post(content=b"other"), 422, "idempotency-key-reused")
    problem(app.post(path="/whales?x=1"), 422, "idempotency-key-reused")
    assert len(app.bodies) == 1


def test_keys_belong_to_their_path_and_to_who_sends_them(app: Counting, store: AccessStore) -> None:
    ana, ben = (store.keys.create(name, "admin").secret for name in ("Ana", "Ben"))
    sent = [
        app.post(headers={"X-API-Key": secret}).json()["count"] for secret in (ana, ben, ana, ben)
    ]
    assert sent == [1, 2, 1, 2]
    app.post(path="/large", headers={"X-API-Key": ana})
    assert len(app.bodies) == 3


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/whales"), ("POST", "/ask"), ("POST", "/secret")]
)
def test_only_answers_to_changes_without_secrets_are_kept(
    app: Counting, store: AccessStore, method: str, path: str
) -> None:
    assert [app.post(path=path, method=method).json()["count"] for _ in range(2)] == [1, 2]
    assert store.answers.count() == 0


@pytest.mark.parametrize("status", [422, 500])
def test_what_failed_is_carried_out_again(app: Counting, status: int) -> None:
    app.status = status
    assert app.post().status_code == status
    app.status = 201
    assert app.post().json() == {"count": 2}
    assert app.post().json() == {"count": 2}


def test_while_one_is_carried_out_another_is_told_to_wait(
    app: Counting, problem: Callable[..., Any]
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(30)

    app.before_answering = wait
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(app.post)
        assert begun.wait(30)
        response = app.post()
        go_on.set()
        problem(response, 409, "in-progress")
        assert response.headers["retry-after"] == "1"
        assert first.result().status_code == 201
    assert len(app.bodies) == 1


def test_an_answer_too_large_to_keep_is_not_carried_out_again(
    app: Counting, problem: Callable[..., Any]
) -> None:
    assert len(app.post(path="/large").content) == 2_000_000
    assert "too large to keep" in problem(app.post(path="/large"), 409, "in-progress")["detail"]
    assert len(app.bodies) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "caf\xe9"])
def test_a_key_that_names_nothing_is_invalid(
    app: Counting, problem: Callable[..., Any], key: str
) -> None:
    problem(app.post(headers={"Idempotency-Key": key.encode("latin-1")}), 422, "invalid")


def test_a_large_body_arrives_as_it_was_sent(app: Counting) -> None:
    body = bytes(range(256)) * 8_000
    app.post(content=body)
    app.post(content=body)
    assert app.bodies == [body]


def test_a_form_sent_again_has_another_boundary_and_is_the_same(
    app: Counting, problem: Callable[..., Any]
) -> None:
    files = {"photo": ("a.png", b"\x00-photo-\xff" * 50_000)}
    first = app.post(files=files, data={"name": "w_1"})
    assert app.post(files=files, data={"name": "w_1"}).json() == first.json()
    assert len(app.bodies) == 1
    problem(app.post(files=files, data={"name": "w_2"}), 422, "idempotency-key-reused")


@pytest.mark.parametrize("boundary", [b"z", b"ab", b"0123456789"])
def test_a_boundary_across_two_chunks_is_found(
    boundary: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_of(word: bytes, chunk_bytes: int) -> str:
        monkeypatch.setattr("service.http.idempotency._CHUNK_BYTES", chunk_bytes)
        headers = [(b"content-type", b'multipart/form-data; boundary="' + word + b'"')]
        body = io.BytesIO(b"--" + word + b"\r\none" + word + word + b"two\r\n--" + word + b"--")
        return request_hash({"type": "http", "headers": headers}, body)

    assert {hash_of(boundary, size) for size in (1, 2, 3, 5, 7, 100)} == {hash_of(b"another", 100)}


def test_a_store_out_of_reach_is_503_and_nothing_is_carried_out(
    app: Counting, monkeypatch: pytest.MonkeyPatch, problem: Callable[..., Any]
) -> None:
    from index.access.tables import AccessUnavailable

    def unavailable(*_: object) -> Iterator[None]:
        raise AccessUnavailable("the database is locked")

    monkeypatch.setattr(StoredAnswers, "begin", unavailable)
    problem(app.post(), 503, "busy")
    assert app.bodies == []
