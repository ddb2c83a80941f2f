"""Every route of the OpenAPI document x everybody who may knock, by key or session: let in, 401 or
403.

A new route fails here until it stands in the table with its role.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.access.roles import ROLES, Role, allows
from tests.service.every_route import Operation, operations
from tests.service.http.key_headers import bearer
from tests.service.http.sign_in import PASSWORD, account_of, session_headers

_OPEN = """
GET /healthz
GET /readyz
GET /openapi.json
GET /docs
GET /
GET /page/{version}/{path}
GET /v1/session
POST /v1/session
POST /v1/invitations/read
POST /v1/invitations/accept
"""
_READ = """
POST /v1/identify
POST /v1/verify
POST /v1/locate
POST /v1/embed
POST /v1/explain
GET /v1/calibration
GET /v1/stats
GET /v1/version
GET /v1/photos/{name}
GET /v1/queue
GET /v1/queue/encounters
GET /v1/queue/encounters/{card_key}
GET /v1/individuals
GET /v1/individuals/next-id
GET /v1/individuals/{name}
GET /v1/encounters
GET /v1/sightings
GET /v1/catalogue/photos
GET /v1/changes
GET /v1/changes/choices
GET /v1/merge-suggestions
GET /v1/clusters
GET /v1/pairs
GET /v1/pairs/heat
GET /v1/unknown
GET /v1/reports/{kind}
GET /v1/jobs
GET /v1/jobs/{id}
GET /v1/jobs/{id}/events
GET /v1/jobs/{id}/report
GET /v1/jobs/{id}/errors
GET /v1/jobs/{id}/result
GET /metrics
DELETE /v1/session
POST /v1/session/password
"""
_CONTRIBUTE = """
POST /v1/queue
POST /v1/jobs
POST /v1/jobs/{id}/cancel
POST /v1/jobs/{id}/resume
"""
_CURATE = """
POST /v1/queue/{photo}/confirm
POST /v1/queue/{photo}/reject
POST /v1/queue/encounters/{card_key}/confirm
POST /v1/queue/encounters/{card_key}/reject
POST /v1/queue/encounters/{card_key}/split
POST /v1/queue/encounters/{card_key}/join
POST /v1/queue/confirm-many
PATCH /v1/individuals/{name}
POST /v1/individuals/{name}/rename
POST /v1/individuals/{name}/merge
POST /v1/individuals/{name}/split
PATCH /v1/encounters/{key}
POST /v1/catalogue/photos/assign
POST /v1/catalogue/photos/move
DELETE /v1/catalogue/photos/{name}
PATCH /v1/catalogue/photos/{name}
POST /v1/changes/{revision}/undo
POST /v1/merge-suggestions/dismiss
DELETE /v1/jobs/{id}
GET /v1/jobs/{id}/table
"""
_ADMIN = """
GET /v1/checkpoints
GET /v1/keys
POST /v1/keys
DELETE /v1/keys/{id}
GET /v1/accounts
PATCH /v1/accounts/{id}
DELETE /v1/accounts/{id}/sessions
GET /v1/invitations
POST /v1/invitations
DELETE /v1/invitations/{id}
"""
_TABLE: dict[Role | None, str] = {
    None: _OPEN,
    "read": _READ,
    "contribute": _CONTRIBUTE,
    "curate": _CURATE,
    "admin": _ADMIN,
}
NEEDED: dict[Operation, Role | None] = {
    Operation(*line.split()): role
    for role, lines in _TABLE.items()
    for line in lines.strip().splitlines()
}
# What each kind of job needs beyond its route, with parameters that name nothing.
JOBS: list[tuple[dict[str, Any], Role]] = [
    ({"kind": "identify", "parameters": {"folder": "nowhere"}}, "contribute"),
    ({"kind": "export", "parameters": {"format": "nothing"}}, "contribute"),
    ({"kind": "export", "parameters": {"format": "csv", "with_places": True}}, "curate"),
    ({"kind": "import", "parameters": {"dry_run": 999}}, "curate"),
    ({"kind": "upgrade", "parameters": {"checkpoint": "nothing"}}, "admin"),
]


@pytest.fixture
def served(serve_curated: Callable[..., Any]) -> Generator[TestClient]:
    with serve_curated(has_keys=True) as curated:
        yield curated.client


@pytest.fixture
def secrets(served: TestClient) -> dict[str, str]:
    """A key of each role, and one that was withdrawn."""
    keys = served.app.state.access.keys
    made = {role: keys.create(role, role).secret for role in ROLES}
    withdrawn = keys.create("withdrawn", "admin")
    keys.revoke(withdrawn.key.id)
    return {**made, "withdrawn": withdrawn.secret}


def test_every_route_stands_in_the_table_and_declares_what_it_says(served: TestClient) -> None:
    declared = served.app.state.declared
    assert declared.undeclared == ()
    found = {
        Operation(method, route.path): route.role
        for route in declared.all
        for method in route.methods - {"HEAD"}
    }
    assert found == NEEDED
    assert set(operations(served.app)) == set(NEEDED), "the document lists the same"


@pytest.mark.parametrize("caller", [*ROLES, "nobody", "withdrawn", "unknown"])
def test_everybody_is_let_in_or_refused_as_the_table_says(
    served: TestClient, secrets: dict[str, str], caller: str
) -> None:
    unknown = {"nobody": {}, "unknown": bearer("flk_unknown")}
    headers = unknown[caller] if caller in unknown else bearer(secrets[caller])
    for operation, needed in NEEDED.items():
        expect(operation.send(served, **headers), operation, caller, needed)


@pytest.mark.parametrize("caller", [*ROLES, "deactivated", "expired", "unknown"])
def test_a_session_lets_in_as_much_as_its_accounts_role(served: TestClient, caller: str) -> None:
    access = served.app.state.access
    role = caller if caller in ROLES else "admin"
    account = account_of(access, role, role)
    other = account_of(access, "another admin", "admin")
    token = "unknown"
    if caller in ("deactivated", "expired"):
        token = access.sessions.begin(account).token
    if caller == "deactivated":
        access.accounts.deactivate(account.id)
    elif caller == "expired":
        access.sessions.end_all(account.id)
    for operation, needed in NEEDED.items():
        if caller in ROLES:  # anew: one of the routes signs out
            token = access.sessions.begin(account).token
        expect(operation.send(served, **session_headers(token)), operation, caller, needed)
    assert access.accounts.check(other.name, PASSWORD) is not None


def test_a_bad_key_is_not_made_good_by_a_session(served: TestClient) -> None:
    access = served.app.state.access
    token = access.sessions.begin(account_of(access, "Ana", "admin")).token
    headers = {**session_headers(token), **bearer("flk_unknown")}
    assert Operation("GET", "/v1/keys").send(served, **headers).status_code == 401


def expect(response: Any, operation: Operation, caller: str, needed: Role | None) -> None:
    """Whether an answer is what the table says for this caller."""
    status = response.status_code
    if needed is None:
        is_right = status not in (401, 403)
    elif caller not in ROLES:
        is_right = status == 401
    elif not allows(caller, needed):
        is_right = status == 403
    else:
        is_right = status not in (401, 403)
    assert is_right, (caller, operation, status)
    assert status < 500, (caller, operation, response.text)
    if status in (401, 403):
        assert response.headers["content-type"] == "application/problem+json"
        assert "Bearer" in response.headers["www-authenticate"]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "GET", "POST"])
def test_no_other_method_opens_a_route(
    served: TestClient, secrets: dict[str, str], method: str
) -> None:
    for operation, needed in NEEDED.items():
        if (method, operation.path) not in NEEDED:
            other = operation._replace(method=method)
            assert other.send(served).status_code in (200, 304, 401, 404, 405), other
            if needed is not None:
                assert other.send(served).status_code in (401, 404, 405), other


@pytest.mark.parametrize(("sent", "needed"), JOBS, ids=str)
def test_a_job_needs_the_role_of_its_kind(
    served: TestClient, secrets: dict[str, str], sent: dict[str, Any], needed: Role
) -> None:
    for role in ROLES:
        response = served.post("/v1/jobs", json=sent, headers=bearer(secrets[role]))
        assert (response.status_code == 403) != allows(role, needed), (role, response.text)


def test_a_job_of_a_higher_role_is_not_stopped_or_read_by_a_lower_one(
    served: TestClient, secrets: dict[str, str]
) -> None:
    sent = {"kind": "export", "parameters": {"format": "csv", "with_places": True}}
    job = served.post("/v1/jobs", json=sent, headers=bearer(secrets["curate"])).json()
    lower = bearer(secrets["contribute"])
    for verb in ("cancel", "resume"):
        answer = served.post(f"/v1/jobs/{job['id']}/{verb}", headers=lower)
        assert answer.status_code == 403, answer.text
    assert served.get(f"/v1/jobs/{job['id']}/result", headers=lower).status_code == 403
