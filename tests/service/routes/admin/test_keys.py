"""/v1/keys: made, listed, revoked; the first is an admin's."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from service.app import create_app
from service.serving.service import Serving
from service.settings import Settings
from tests.service.local_client import local_client


@pytest.fixture
def store(tmp_path: Path) -> AccessStore:
    return AccessStore.of(Catalogue.open(tmp_path / "catalogue.db", create=True).engine)


@pytest.fixture
def client(serving: Serving, settings: Settings, store: AccessStore) -> Generator[TestClient]:
    with local_client(
        create_app(settings, lambda: serving, access=store), raise_server_exceptions=False
    ) as client:
        yield client


def make(client: TestClient, name: str, role: str, secret: str = "") -> Any:
    headers = {"X-API-Key": secret, "Idempotency-Key": "k1"}
    return client.post("/v1/keys", json={"name": name, "role": role}, headers=headers)


def test_keys_are_made_listed_and_revoked(
    client: TestClient, store: AccessStore, problem: Callable[..., Any]
) -> None:
    response = make(client, "Ana", "admin")
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    admin = response.json()
    ben = make(client, "Ben", "read", admin["secret"]).json()
    client.headers["X-API-Key"] = admin["secret"]
    listed = client.get("/v1/keys").json()["keys"]
    assert [(key["id"], key["name"], key["role"]) for key in listed] == [
        (admin["id"], "Ana", "admin"),
        (ben["id"], "Ben", "read"),
    ]
    assert all("secret" not in key for key in listed)
    revoked = client.delete(f"/v1/keys/{ben['id']}")
    assert (revoked.status_code, revoked.json()["revoked_at"] is not None) == (200, True)
    problem(client.delete(f"/v1/keys/{ben['id']}"), 404, "not-found")
    assert store.keys.find(ben["secret"]) is None
    assert store.answers.count() == 0  # a secret is not kept, whatever the Idempotency-Key


def test_the_first_key_is_an_admins(
    client: TestClient, store: AccessStore, problem: Callable[..., Any]
) -> None:
    assert "the first key locks" in problem(make(client, "Ana", "read"), 422, "invalid")["detail"]
    assert not store.keys.has_any()


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Ana", "role": "king"},
        {"name": "", "role": "admin"},
        {"name": "a\tb", "role": "admin"},
        {"name": "Ana"},
        {"name": "Ana", "role": "admin", "id": "x"},
        [],
    ],
)
def test_a_bad_key_is_invalid(
    client: TestClient, body: object, problem: Callable[..., Any]
) -> None:
    assert problem(client.post("/v1/keys", json=body), 422, "invalid")["errors"]


def test_a_name_in_use_is_refused(client: TestClient, problem: Callable[..., Any]) -> None:
    secret = make(client, "Ana", "admin").json()["secret"]
    assert (
        "in use already" in problem(make(client, "Ana", "read", secret), 422, "invalid")["detail"]
    )


def test_a_large_json_body_is_refused(
    serving: Serving, settings: Settings, problem: Callable[..., Any]
) -> None:
    changed = Settings(**{**settings.model_dump(), "max_json_bytes": 1024})
    with local_client(create_app(changed, lambda: serving)) as client:
        body = {"name": "x" * 2000, "role": "admin"}
        assert (
            "1,024 bytes" in problem(client.post("/v1/keys", json=body), 413, "too-large")["detail"]
        )


def test_without_a_place_for_keys_it_says_so(
    serve: Callable[..., Any], problem: Callable[..., Any]
) -> None:
    with serve() as client:
        problem(client.get("/v1/keys"), 503, "busy")
