"""Who may send requests: this machine until the first key, then by role; never foreign pages."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.storage.schema import writing
from service.http.callers.other_sites import is_loopback
from tests.service.http.key_headers import bearer

PHOTO = "/v1/photos/2018/w_0.jpg"


def test_without_keys_everybody_on_this_machine_may_do_everything(ask: Callable[..., Any]) -> None:
    with ask() as client:
        assert client.get(PHOTO).status_code == 200
        assert client.get("/v1/keys").json() == {"keys": []}


def test_from_the_first_key_on_a_key_is_needed(
    ask: Callable[..., Any], store: AccessStore, problem: Callable[..., Any]
) -> None:
    with ask() as client:
        assert client.get(PHOTO).status_code == 200
        secret = store.keys.create("Ana", "read").secret
        response = client.get(PHOTO)
        assert "No key was sent" in problem(response, 401, "unauthenticated")["detail"]
        assert response.headers["www-authenticate"] == 'Bearer realm="flukeprint"'
        assert client.get(PHOTO, headers=bearer(secret)).status_code == 200
        assert client.get(PHOTO, headers={"X-API-Key": secret}).status_code == 200
        # A proxy's own scheme beside our key.
        assert (
            client.get(
                PHOTO, headers={"Authorization": "Basic eDp5", "X-API-Key": secret}
            ).status_code
            == 200
        )


def test_a_wrong_or_revoked_key_is_refused_at_once(
    ask: Callable[..., Any], store: AccessStore, problem: Callable[..., Any]
) -> None:
    new = store.keys.create("Ana", "read")
    with ask() as client:
        wrong = client.get(PHOTO, headers=bearer(new.secret + "x"))
        assert "unknown or revoked" in problem(wrong, 401, "unauthenticated")["detail"]
        assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
        assert client.get(PHOTO, headers=bearer(new.secret)).status_code == 200
        store.keys.revoke(new.key.id)
        problem(client.get(PHOTO, headers=bearer(new.secret)), 401, "unauthenticated")
        problem(client.get(PHOTO), 401, "unauthenticated")  # the last key revoked: locked, not open


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_health_and_docs_stay_open(
    ask: Callable[..., Any], secrets: dict[str, str], path: str
) -> None:
    with ask() as client:
        assert client.get(path).status_code == 200
        assert client.get(path, headers=bearer("wrong")).status_code == 200


def test_each_role_may_do_what_it_says(
    ask: Callable[..., Any], secrets: dict[str, str], problem: Callable[..., Any]
) -> None:
    with ask() as client:
        answers = {
            role: client.get("/v1/keys", headers=bearer(secret)) for role, secret in secrets.items()
        }
        assert [answer.status_code for answer in answers.values()] == [403, 403, 403, 200]
        told = problem(answers["curate"], 403, "forbidden")
        assert (
            told["detail"]
            == "This needs the role admin; the key of the curate has the role curate. "
            "Ask your administrator for it."
        )
        assert 'scope="admin"' in answers["curate"].headers["www-authenticate"]
        assert client.get(PHOTO, headers=bearer(secrets["read"])).status_code == 200
        assert client.get("/metrics", headers=bearer(secrets["read"])).status_code == 200


def test_a_key_is_asked_for_before_the_body_is_read(
    ask: Callable[..., Any], secrets: dict[str, str], problem: Callable[..., Any]
) -> None:
    with ask() as client:
        problem(client.post("/v1/identify", content=b"no form"), 401, "unauthenticated")
        problem(
            client.post("/v1/keys", content=b"{", headers=bearer(secrets["read"])), 403, "forbidden"
        )
        problem(client.get("/nothing"), 404, "not-found")
        problem(client.put("/v1/keys"), 405, "method-not-allowed")


def test_an_address_that_others_reach_is_never_open(
    ask: Callable[..., Any], problem: Callable[..., Any]
) -> None:
    with ask(host="0.0.0.0") as client:
        problem(client.get(PHOTO), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("host", "it_is"),
    [
        *(("127.0.0.1", True), ("127.0.0.2", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("192.0.2.1", False), ("whales.example.org", False)),
    ],
)
def test_which_addresses_are_this_machines_own(host: str, it_is: bool) -> None:
    assert is_loopback(host) is it_is


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"Origin": "http://127.0.0.1:8000"}, 422),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("GET", {"Origin": "http://evil.example"}, 200),  # without CORS no page can read the answer
        ("GET", {"Host": "evil.example:8000"}, 403),  # but a page whose name leads here could
        ("GET", {"Host": "127.0.0.1:8000"}, 200),
        ("GET", {"Host": "[::1]:8000"}, 200),
        ("GET", {"Host": "localhost:8000"}, 200),
    ],
)
def test_pages_of_other_sites_cannot_use_an_open_service(
    ask: Callable[..., Any], method: str, headers: dict[str, str], status: int
) -> None:
    with ask() as client:
        assert client.request(method, "/v1/keys", headers=headers, json=None).status_code == status


def test_with_a_key_the_name_of_the_host_does_not_matter(
    ask: Callable[..., Any], secrets: dict[str, str]
) -> None:
    with ask() as client:
        headers = {
            **bearer(secrets["read"]),
            "Host": "whales.example.org",
            "Origin": "https://whales.example.org",
        }
        assert client.get(PHOTO, headers=headers).status_code == 200


def test_a_key_is_looked_up_while_all_other_threads_are_busy(
    ask: Callable[..., Any], secrets: dict[str, str], problem: Callable[..., Any]
) -> None:
    released = threading.Event()

    async def occupy() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(200):  # more than there are threads
            loop.run_in_executor(None, released.wait, 60)

    with ask() as client, ThreadPoolExecutor(1) as caller:
        client.portal.call(occupy)
        try:
            asked = caller.submit(client.get, PHOTO, headers=bearer("wrong"))
            problem(asked.result(timeout=30), 401, "unauthenticated")
        finally:
            released.set()


def test_use_is_noted(ask: Callable[..., Any], store: AccessStore) -> None:
    new = store.keys.create("Ana", "read")
    with ask() as client:
        client.get(PHOTO, headers=bearer(new.secret))
        client.get(PHOTO, headers=bearer(new.secret))
        deadline = time.monotonic() + 30
        while store.keys.all()[0].last_used_at is None:
            assert time.monotonic() < deadline, "its use was never noted"
            time.sleep(0.01)
    assert store.keys.all()[0].name == "Ana"


def test_a_database_out_of_reach_is_503(
    ask: Callable[..., Any],
    catalogue: Catalogue,
    secrets: dict[str, str],
    problem: Callable[..., Any],
) -> None:
    with ask() as client:
        with writing(catalogue.engine.connect()) as connection, connection.begin():
            connection.execute(text("ALTER TABLE api_keys RENAME COLUMN secret_hash TO lost"))
        response = client.get(PHOTO, headers=bearer(secrets["read"]))
        detail = problem(response, 503, "busy")["detail"]
        assert response.headers["retry-after"] == "1"
        assert detail == "The keys can't be read just now; try again in a moment.", (
            "of the database nothing is told"
        )
        # Who divides requests among services sends none here meanwhile.
        with writing(catalogue.engine.connect()) as connection, connection.begin():
            connection.execute(text("ALTER TABLE api_keys RENAME COLUMN id TO lost_id"))
        assert (
            "database can't be reached"
            in problem(client.get("/readyz"), 503, "not-ready")["detail"]
        )
        assert client.get("/healthz").status_code == 200


def test_limits_are_of_each_key_and_told(
    ask: Callable[..., Any], store: AccessStore, problem: Callable[..., Any]
) -> None:
    ana, ben = (store.keys.create(name, "read").secret for name in ("Ana", "Ben"))
    with ask(requests_per_minute=2) as client:
        first, second, third = (client.get(PHOTO, headers=bearer(ana)) for _ in range(3))
        assert first.headers["ratelimit-policy"] == '"minute";q=2;w=60'
        assert first.headers["ratelimit"].startswith('"minute";r=1;t=')
        assert second.status_code == 200
        problem(third, 429, "too-many")
        assert 1 <= int(third.headers["retry-after"]) <= 30
        assert client.get(PHOTO, headers=bearer(ben)).status_code == 200
        assert client.get("/healthz").status_code == 200
        # Guessing keys is counted by address.
        guesses = [client.get(PHOTO, headers=bearer("wrong")).status_code for _ in range(3)]
        assert guesses == [401, 401, 429]
