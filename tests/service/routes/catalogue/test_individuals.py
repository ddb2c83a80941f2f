"""/v1/individuals: searched page by page, edited with If-Match, renamed, merged, split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.app import create_app
from service.serving.service import Serving
from service.settings import Settings

Problem = Callable[..., Any]


def test_individuals_are_listed_and_searched_page_by_page(curated: Any, problem: Problem) -> None:
    client = curated.client
    first = client.get("/v1/individuals", params={"limit": 2}).json()
    assert [(one["name"], one["photos"], one["cover"]) for one in first["individuals"]] == [
        ("w_0", 2, "w_0_a.png"),
        ("w_30", 1, "w_30_a.png"),
    ]
    assert first["individuals"][0]["first_seen"] == "2016-07-01"
    assert client.get(first["individuals"][0]["cover_url"]).status_code == 200
    rest = client.get("/v1/individuals", params={"limit": 2, "cursor": first["next"]}).json()
    assert ([one["name"] for one in rest["individuals"]], rest["next"]) == (["w_90"], None)
    found = client.get("/v1/individuals", params={"search": "_3"}).json()["individuals"]
    assert [one["name"] for one in found] == ["w_30"]
    for asked in (
        {"cursor": first["next"], "search": "x"},
        {"cursor": "nonsense"},
        {"limit": 0},
        {"limit": 201},
    ):
        problem(client.get("/v1/individuals", params=asked), 422, "invalid")
    assert client.get("/v1/individuals/next-id").json() == {"name": "w_91"}
    assert client.get("/v1/individuals/next-id", params={"pattern": "GOM-000"}).json() == {
        "name": "GOM-001"
    }


def test_an_edit_with_an_old_state_is_refused(curated: Any, problem: Problem) -> None:
    client = curated.client
    etag = client.get("/v1/individuals/w_0").headers["etag"]
    edited = client.patch(
        "/v1/individuals/w_0",
        json={"display_name": "Salt", "other_names": ["GOM-1"]},
        headers={"If-Match": etag},
    )
    assert edited.json() == {"revision": 2, "kind": "edit", "photos": []}
    one = client.get("/v1/individuals/w_0")
    assert (one.headers["etag"], one.json()["display_name"], one.json()["other_names"]) == (
        edited.headers["etag"],
        "Salt",
        ["GOM-1"],
    )
    late = client.patch("/v1/individuals/w_0", json={"sex": "f"}, headers={"If-Match": etag})
    problem(late, 412, "changed-meanwhile")
    assert late.headers["etag"] == one.headers["etag"]
    assert client.get("/v1/individuals/w_0").json()["sex"] is None
    # A new photo or an edit of another individual changes nothing that is noted of this one.
    client.patch("/v1/individuals/w_30", json={"sex": "m"})
    headers = {"If-Match": one.headers["etag"]}
    assert (
        client.patch("/v1/individuals/w_0", json={"display_name": " "}, headers=headers).status_code
        == 200
    )
    assert client.get("/v1/individuals/w_0").json()["display_name"] is None
    for body in ({}, {"name": "x"}, {"sex": 3}, {"other_names": None}, []):
        problem(client.patch("/v1/individuals/w_0", json=body), 422, "invalid")
    problem(client.patch("/v1/individuals/w_30", json={"sex": "m"}), 409, "conflict")
    problem(client.patch("/v1/individuals/nobody", json={"sex": "m"}), 404, "not-found")
    problem(client.get("/v1/individuals/nobody"), 404, "not-found")


def test_renaming_merging_and_splitting(curated: Any, problem: Problem) -> None:
    client = curated.client
    renamed = client.post("/v1/individuals/w_30/rename", json={"new": "north/Salt & Pepper"}).json()
    assert renamed == {"revision": 2, "kind": "rename", "photos": ["w_30_a.png"]}
    one = client.get("/v1/individuals/north%2FSalt%20%26%20Pepper").json()
    assert (one["other_names"], one["photos"]) == (["w_30"], 1)
    merged = client.post("/v1/individuals/north/Salt & Pepper/merge", json={"into": "w_0"}).json()
    assert (merged["kind"], merged["photos"]) == ("merge", ["w_30_a.png"])
    assert client.get("/v1/individuals/north/Salt & Pepper").json()["merged_into"] == "w_0"
    split = client.post(
        "/v1/individuals/w_0/split", json={"photos": ["w_0_b.png"], "new": "w_3"}
    ).json()
    assert (split["kind"], split["photos"]) == ("split", ["w_0_b.png"])
    for path, body, status, slug in [
        ("w_0/rename", {"new": "w_90"}, 409, "conflict"),
        ("w_0/rename", {"new": "new_whale"}, 422, "invalid"),
        ("w_0/rename", {"new": ""}, 422, "invalid"),
        ("nobody/rename", {"new": "x"}, 404, "not-found"),
        ("w_0/merge", {"into": "w_0"}, 409, "conflict"),
        ("w_0/merge", {"into": "nobody"}, 404, "not-found"),
        ("w_0/split", {"photos": ["w_0_a.png"], "new": "w_90"}, 409, "conflict"),
        ("w_0/split", {"photos": ["w_90_a.png"], "new": "w_5"}, 422, "invalid"),
        ("w_0/split", {"photos": [], "new": "w_5"}, 422, "invalid"),
    ]:
        problem(client.post(f"/v1/individuals/{path}", json=body), status, slug)
    assert client.get("/v1/stats").json()["catalogue_revision"] == 4


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/individuals"),
        ("GET", "/v1/queue"),
        ("POST", "/v1/changes/1/undo"),
        ("GET", "/v1/clusters"),
    ],
)
def test_without_a_catalogue_to_curate_it_says_so(
    serve: Callable[..., Any], method: str, path: str, problem: Problem
) -> None:
    with serve() as client:
        problem(client.request(method, path), 503, "not-ready")


def test_each_route_needs_its_role(serving: Serving, settings: Settings) -> None:
    roles = {
        f"{next(iter(route.methods))} {route.path}": route.role
        for route in create_app(settings, lambda: serving).state.declared.all
    }
    for path in (
        "individuals",
        "individuals/next-id",
        "individuals/{name}",
        "encounters",
        "catalogue/photos",
    ):
        assert roles[f"GET /v1/{path}"] == "read"
    for path in ("queue", "changes", "merge-suggestions", "clusters"):
        assert roles[f"GET /v1/{path}"] == "read"
    assert roles["POST /v1/queue"] == "contribute"
    for asked in (
        "PATCH /v1/individuals/{name}",
        "POST /v1/individuals/{name}/rename",
        "POST /v1/individuals/{name}/merge",
        "POST /v1/individuals/{name}/split",
        "PATCH /v1/encounters/{key}",
        "POST /v1/queue/{photo}/confirm",
        "POST /v1/queue/{photo}/reject",
        "POST /v1/catalogue/photos/move",
        "DELETE /v1/catalogue/photos/{name}",
        "PATCH /v1/catalogue/photos/{name}",
        "POST /v1/changes/{revision}/undo",
        "POST /v1/merge-suggestions/dismiss",
    ):
        assert roles[asked] == "curate", asked
