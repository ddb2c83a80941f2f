"""Signing in and out over HTTP, and that a cookie never lets another site act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.access.store import AccessStore
from service.http.callers.session_cookie import NAME
from service.http.callers.sign_in_limit import SignInLimit
from tests.service.http.key_headers import bearer
from tests.service.http.sign_in import PASSWORD, account_of, session_headers

OWN = {"Sec-Fetch-Site": "same-origin"}
ANA = {"name": "Ana", "password": PASSWORD}


@pytest.fixture
def ana(store: AccessStore) -> Any:
    return account_of(store, "Ana", "admin")


def sign_in(client: TestClient, **changed: Any) -> Any:
    return client.post("/v1/session", json={**ANA, **changed}, headers=OWN)


def test_an_open_service_says_so(ask: Callable[..., Any]) -> None:
    with ask() as client:
        assert client.get("/v1/session").json() == {
            "name": "local",
            "role": "admin",
            "by": "open",
            "expires_at": None,
            "has_accounts": False,
        }


def test_a_name_and_password_sign_a_browser_in_and_out(
    ask: Callable[..., Any], ana: Any, problem: Callable[..., Any]
) -> None:
    with ask() as client:
        problem(client.get("/v1/keys"), 401, "unauthenticated")
        assert client.get("/v1/session").json()["by"] is None
        signed_in = sign_in(client)
        assert signed_in.status_code == 200
        assert signed_in.json()["name"] == "Ana"
        assert client.get("/v1/keys").status_code == 200, "the client keeps the cookie"
        assert client.get("/v1/session").json()["by"] == "account"
        token = client.cookies[NAME]
        assert client.delete("/v1/session", headers=OWN).json()["by"] is None
        assert NAME not in client.cookies
        problem(client.get("/v1/keys", headers=session_headers(token)), 401, "unauthenticated")


@pytest.mark.parametrize("forwarded", [None, "https"])
@pytest.mark.parametrize("remember", [False, True])
def test_no_script_and_no_other_site_gets_the_cookie(
    ask: Callable[..., Any], ana: Any, forwarded: str | None, remember: bool
) -> None:
    with ask() as client:
        headers = {**OWN, **({"X-Forwarded-Proto": forwarded} if forwarded else {})}
        response = client.post("/v1/session", json={**ANA, "remember": remember}, headers=headers)
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert ("secure" in cookie) is (forwarded is not None)
    assert ("max-age=2592000" in cookie) is remember
    assert response.headers["cache-control"] == "no-store"


def test_an_unknown_name_a_wrong_password_and_a_deactivated_account_look_alike(
    ask: Callable[..., Any], ana: Any, store: AccessStore, problem: Callable[..., Any]
) -> None:
    account_of(store, "Ben", "read")
    store.accounts.deactivate("Ben")
    with ask() as client:
        refused = [
            sign_in(client, name="Nobody"),
            sign_in(client, password="another one at all"),
            sign_in(client, name="Ben"),
        ]
    details = {problem(each, 401, "unauthenticated")["detail"] for each in refused}
    assert len(details) == 1
    assert "an administrator can give you a link" in details.pop()


def test_wrong_tries_are_limited_by_name_and_by_address(
    ask: Callable[..., Any], ana: Any, problem: Callable[..., Any]
) -> None:
    with ask() as client:
        client.app.state.sign_in_limit = SignInLimit(clock=lambda: 0.0)
        statuses = [sign_in(client, password="wrong" * 4).status_code for _ in range(11)]
        assert statuses == [401] * 10 + [429]
        limited = sign_in(client, name="aNa")
        assert "Too many tries. Wait" in problem(limited, 429, "too-many")["detail"]
        assert int(limited.headers["retry-after"]) >= 1
        others = [sign_in(client, name=f"nobody {at}").status_code for at in range(20)]
        assert others[-1] == 429, "thirty from one address"


def test_wrong_tries_at_one_service_count_at_the_others(
    ask: Callable[..., Any], ana: Any, store: AccessStore, problem: Callable[..., Any]
) -> None:
    if store.buckets is None:
        pytest.skip("in SQLite each service counts by itself")
    with ask() as one, ask() as other:
        statuses = [
            sign_in(each, password="wrong" * 4).status_code
            for _ in range(5)
            for each in (one, other)
        ]
        assert statuses == [401] * 10
        for each in (one, other):
            problem(sign_in(each), 429, "too-many")


def test_requests_at_one_service_count_at_the_others(
    ask: Callable[..., Any], secrets: dict[str, str], store: AccessStore
) -> None:
    if store.buckets is None:
        pytest.skip("in SQLite each service counts by itself")
    headers = {"X-API-Key": secrets["read"]}
    limited = {"requests_per_minute": 4}
    with ask(**limited) as one, ask(**limited) as other:
        answers = [each.get("/v1/calibration", headers=headers) for each in (one, other) * 3]
    assert [each.status_code for each in answers] == [200] * 4 + [429] * 2
    assert answers[3].headers["ratelimit"].startswith('"minute";r=0;')


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://whales.example.org"}, 201),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9000"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 201),
        ({"Origin": "http://127.0.0.1:9000"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[evil"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_lets_no_other_site_act(
    ask: Callable[..., Any], ana: Any, store: AccessStore, headers: dict[str, str], status: int
) -> None:
    cookie = session_headers(store.sessions.begin(ana).token)["Cookie"]
    made = {"name": "a key", "role": "read"}
    with ask() as client:
        response = client.post("/v1/keys", json=made, headers={"Cookie": cookie, **headers})
        assert response.status_code == status
        assert len(store.keys.all()) == (status == 201)
        assert client.get("/v1/keys", headers={"Cookie": cookie, **headers}).status_code == 200


def test_no_other_site_signs_a_browser_in(
    ask: Callable[..., Any], ana: Any, problem: Callable[..., Any]
) -> None:
    with ask() as client:
        for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
            problem(client.post("/v1/session", json=ANA, headers=foreign), 403, "forbidden")
        assert client.post("/v1/session", json=ANA).status_code == 200, "a program may"


def test_an_invitation_is_looked_at_and_accepted_without_any_key(
    ask: Callable[..., Any], problem: Callable[..., Any]
) -> None:
    with ask() as client:
        refused = client.post("/v1/invitations", json={"role": "read"})
        assert "give it the role admin" in problem(refused, 422, "invalid")["detail"]
        made = client.post("/v1/invitations", json={"role": "admin", "name": "Ana"}).json()
        token = made["token"]
        assert made["path"] == f"/#/invitation/{token}"
        assert "token" not in client.get("/v1/invitations").json()["invitations"][0]
        passed_on = {"X-Forwarded-For": "192.0.2.1"}
        seen = client.post("/v1/invitations/read", json={"token": token}, headers=passed_on)
        assert (seen.json()["role"], seen.json()["name"]) == ("admin", "Ana")
        short = {"token": token, "name": "Ana", "password": "short"}
        refusal = client.post("/v1/invitations/accept", json=short)
        assert "at least 15" in problem(refusal, 422, "invalid")["detail"]
        accepted = client.post("/v1/invitations/accept", json={**short, "password": PASSWORD})
        assert accepted.json()["by"] == "account"
        assert client.get("/v1/session").json()["name"] == "Ana"
        client.cookies.clear()
        problem(client.get("/v1/keys"), 401, "unauthenticated")
        again = client.post("/v1/invitations/accept", json={**short, "password": PASSWORD})
        assert "used or withdrawn" in problem(again, 404, "not-found")["detail"]


def test_a_person_changes_their_password_and_signs_out_everywhere(
    ask: Callable[..., Any], ana: Any, store: AccessStore, problem: Callable[..., Any]
) -> None:
    there = store.sessions.begin(ana).token
    with ask() as client:
        sign_in(client)
        change = {"password": PASSWORD, "new_password": "moon over the reef"}
        wrong = client.post("/v1/session/password", json={**change, "password": "x"}, headers=OWN)
        assert "present password" in problem(wrong, 422, "invalid")["detail"]
        assert client.post("/v1/session/password", json=change, headers=OWN).status_code == 200
        assert store.sessions.find(there) is None
        assert client.get("/v1/keys").status_code == 200, "this device stays signed in"
        other = store.sessions.begin(ana).token
        client.delete("/v1/session?everywhere=true", headers=OWN)
        assert store.sessions.find(other) is None


def test_a_key_has_no_session_to_end(
    ask: Callable[..., Any], secrets: dict[str, str], problem: Callable[..., Any]
) -> None:
    with ask() as client:
        response = client.delete("/v1/session", headers=bearer(secrets["admin"]))
        assert "signed in with name and password" in problem(response, 422, "invalid")["detail"]
        assert client.get("/v1/session", headers=bearer(secrets["read"])).json()["by"] == "key"


def test_admins_change_accounts_and_withdraw_invitations(
    ask: Callable[..., Any], ana: Any, store: AccessStore, problem: Callable[..., Any]
) -> None:
    ben = account_of(store, "Ben", "read")
    token = store.sessions.begin(ben).token
    with ask() as client:
        sign_in(client)
        names = [one["name"] for one in client.get("/v1/accounts").json()["accounts"]]
        assert names == ["Ana", "Ben"]
        path = f"/v1/accounts/{ben.id}"
        assert client.patch(path, json={"role": "curate"}, headers=OWN).json()["role"] == "curate"
        assert client.delete(f"{path}/sessions", headers=OWN).json() == {"ended": 1}
        assert store.sessions.find(token) is None
        problem(client.delete("/v1/accounts/x/sessions", headers=OWN), 404, "not-found")
        problem(
            client.patch("/v1/accounts/x", json={"role": "read"}, headers=OWN), 404, "not-found"
        )
        problem(client.patch(path, json={}, headers=OWN), 422, "invalid")
        last = client.patch(f"/v1/accounts/{ana.id}", json={"is_active": False}, headers=OWN)
        assert "Ana is the last admin" in problem(last, 422, "invalid")["detail"]
        made = client.post("/v1/invitations", json={"account": ben.id}, headers=OWN).json()
        assert (made["name"], made["made_by"]) == ("Ben", "Ana")
        problem(
            client.post("/v1/invitations", json={"account": "x"}, headers=OWN), 404, "not-found"
        )
        both = {"account": ben.id, "role": "read"}
        problem(client.post("/v1/invitations", json=both, headers=OWN), 422, "invalid")
        gone = f"/v1/invitations/{made['id']}"
        assert client.delete(gone, headers=OWN).json()["id"] == made["id"]
        problem(client.delete(gone, headers=OWN), 404, "not-found")
        answer = client.patch(path, json={"is_active": False}, headers=OWN).json()
        assert answer["deactivated_at"] is not None
        answer = client.patch(path, json={"is_active": True}, headers=OWN).json()
        assert answer["deactivated_at"] is None


def test_limits_are_of_each_account(ask: Callable[..., Any], ana: Any, store: AccessStore) -> None:
    tokens = [store.sessions.begin(one).token for one in (ana, account_of(store, "Ben", "admin"))]
    with ask(requests_per_minute=2) as client:
        statuses = [
            [client.get("/v1/keys", headers=session_headers(token)).status_code for _ in range(3)]
            for token in tokens
        ]
    assert statuses == [[200, 200, 429]] * 2
