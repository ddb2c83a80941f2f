"""/v1/changes: who did what, told page by page, and taken back; places are private."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Photo = Callable[..., bytes]
Problem = Callable[..., Any]


def test_the_history_is_told_and_undone(curated: Any, photo: Photo, problem: Problem) -> None:
    client = curated.client
    client.post("/v1/queue", files=[("photos", ("q.png", photo(140)))])
    client.post("/v1/queue/q.png/confirm", json={"individual": "w_140"})
    client.post("/v1/individuals/w_140/rename", json={"new": "Salt"})
    first = client.get("/v1/changes", params={"limit": 2}).json()
    assert [(one["revision"], one["kind"], one["made_by"]) for one in first["changes"]] == [
        (4, "rename", "local"),
        (3, "confirm", "local"),
    ]
    confirmed = first["changes"][1]
    assert (confirmed["subjects"], confirmed["is_undone"]) == (["q.png"], False)
    assert confirmed["detail"]["individual"] == "w_140"
    assert confirmed["detail"]["answer"]["matches"][0]["individual"] == "w_90"
    rest = client.get("/v1/changes", params={"cursor": first["next"]}).json()
    assert ([one["revision"] for one in rest["changes"]], rest["next"]) == ([2, 1], None)
    about = client.get("/v1/changes", params={"subject": "q.png"}).json()["changes"]
    assert [one["revision"] for one in about] == [3, 2]

    refused = problem(client.post("/v1/changes/2/undo"), 409, "conflict")
    assert "later events depend on it" in refused["detail"] and "3 (confirm)" in refused["detail"]
    problem(client.post("/v1/changes/99/undo"), 404, "not-found")
    problem(client.post("/v1/changes/0/undo"), 422, "invalid")
    undone = client.post("/v1/changes/4/undo").json()
    assert undone == {"revision": 5, "kind": "undo", "photos": ["q.png"]}
    assert (
        client.get("/v1/catalogue/photos", params={"individual": "w_140"}).json()["photos"][0][
            "name"
        ]
        == "q.png"
    )
    latest = client.get("/v1/changes").json()["changes"]
    assert [(one["revision"], one["undoes"], one["is_undone"]) for one in latest[:2]] == [
        (5, 4, False),
        (4, None, True),
    ]
    problem(client.post("/v1/changes/4/undo"), 409, "conflict")


def test_places_are_told_to_curators_alone_and_roles_hold(
    serve_curated: Callable[..., Any], photo: Photo, problem: Problem
) -> None:
    with serve_curated(has_keys=True) as curated:
        client = curated.client
        made = {
            "admin": client.post("/v1/keys", json={"name": "Adam", "role": "admin"}).json()[
                "secret"
            ]
        }
        for name, role in (("Rita", "read"), ("Cora", "contribute"), ("Ana", "curate")):
            headers = {"X-API-Key": made["admin"]}
            made[role] = client.post(
                "/v1/keys", json={"name": name, "role": role}, headers=headers
            ).json()["secret"]

        def ask(role: str, method: str, path: str, **sent: Any) -> Any:
            return client.request(method, path, headers={"X-API-Key": made[role]}, **sent)

        key = ask("read", "GET", "/v1/encounters").json()["encounters"][0]["key"]
        problem(
            ask("contribute", "PATCH", f"/v1/encounters/{key}", json={"place": "a bank"}),
            403,
            "forbidden",
        )
        edited = ask(
            "curate", "PATCH", f"/v1/encounters/{key}", json={"place": "a bank", "at": "2016"}
        )
        assert edited.json() == {"revision": 2, "kind": "edit", "photos": []}
        assert ask("curate", "GET", "/v1/encounters").json()["encounters"][0]["place"] == "a bank"
        assert (
            ask("curate", "GET", "/v1/changes").json()["changes"][0]["detail"]["place"] == "a bank"
        )
        told = ask("contribute", "GET", "/v1/encounters").json()["encounters"][0]
        assert "place" not in told and told["at"] == "2016"
        change = ask("read", "GET", "/v1/changes").json()["changes"][0]
        assert ("place" in change["detail"], change["made_by"]) == (False, "Ana")
        files = [("photos", ("q.png", photo(140)))]
        problem(ask("read", "POST", "/v1/queue", files=files), 403, "forbidden")
        sent = ask("contribute", "POST", "/v1/queue", files=files)
        assert sent.json()["event"]["kind"] == "take in"
        problem(
            ask("contribute", "POST", "/v1/queue/q.png/confirm", json={"individual": "w_0"}),
            403,
            "forbidden",
        )
        problem(ask("contribute", "POST", "/v1/changes/2/undo"), 403, "forbidden")
        problem(ask("curate", "PATCH", "/v1/encounters/999", json={"at": "2016"}), 404, "not-found")
        problem(
            ask("curate", "PATCH", f"/v1/encounters/{key}", json={"at": "soon"}), 422, "invalid"
        )
        pages = [ask("read", "GET", "/v1/encounters", params={"limit": 1}).json()]
        pages.append(
            ask(
                "read", "GET", "/v1/encounters", params={"limit": 1, "cursor": pages[0]["next"]}
            ).json()
        )
        assert [[one["name"] for one in page["encounters"]] for page in pages] == [["e1"], ["e2"]]
        assert pages[1]["next"] is None

        repeatable = {"X-API-Key": made["curate"], "Idempotency-Key": "k1"}
        answers = [
            client.post("/v1/individuals/w_30/rename", json={"new": "Salt"}, headers=repeatable)
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
