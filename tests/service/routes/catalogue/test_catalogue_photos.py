"""/v1/catalogue/photos: listed by what they are, moved, deleted, edited; and what curators might
look at next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Photo = Callable[..., bytes]
Problem = Callable[..., Any]


def names(client: Any, **asked: Any) -> list[str]:
    response = client.get("/v1/catalogue/photos", params=asked)
    assert response.status_code == 200, response.text
    return [one["name"] for one in response.json()["photos"]]


def test_photos_are_listed_moved_deleted_and_edited(curated: Any, problem: Problem) -> None:
    client = curated.client
    page = client.get("/v1/catalogue/photos", params={"limit": 4}).json()
    rest = client.get("/v1/catalogue/photos", params={"limit": 4, "cursor": page["next"]}).json()
    assert [one["name"] for one in page["photos"] + rest["photos"]] == names(client)
    assert (len(names(client)), rest["next"]) == (6, None)
    assert names(client, individual="w_0") == ["w_0_a.png", "w_0_b.png"]
    key = page["photos"][2]["encounter_key"]
    assert names(client, encounter=key) == ["w_0_a.png", "w_0_b.png"]
    moved = client.post(
        "/v1/catalogue/photos/move", json={"photos": ["w_0_b.png"], "individual": "w_3"}
    ).json()
    assert (moved["kind"], moved["photos"], names(client, individual="w_3")) == (
        "move",
        ["w_0_b.png"],
        ["w_0_b.png"],
    )
    client.post("/v1/catalogue/photos/move", json={"photos": ["w_0_b.png"], "individual": None})
    assert names(client, individual="w_3") == []
    gone = client.delete("/v1/catalogue/photos/w_90_a.png", params={"reason": "not ours"}).json()
    assert (gone["kind"], gone["photos"]) == ("delete", ["w_90_a.png"])
    assert "w_90_a.png" not in names(client)
    assert names(client, state="deleted") == ["w_90_a.png"]
    assert client.get("/v1/changes").json()["changes"][0]["detail"]["reason"] == "not ours"
    edited = client.patch(
        "/v1/catalogue/photos/w_30_a.png", json={"quality": "good", "taken_at": "2019-06"}
    ).json()
    assert (edited["kind"], edited["photos"]) == ("edit", ["w_30_a.png"])
    (card,) = client.get("/v1/catalogue/photos", params={"individual": "w_30"}).json()["photos"]
    assert (card["quality"], card["taken_at"]) == ("good", "2019-06")
    assert client.get("/v1/stats").json()["last_taken_at"] == "2019-06"
    for method, path, body, status, slug in [
        ("POST", "move", {"photos": ["none.png"], "individual": "w_0"}, 404, "not-found"),
        ("POST", "move", {"photos": ["w_0_a.png"], "individual": "w_0"}, 409, "conflict"),
        ("POST", "move", {"photos": ["w_0_a.png"]}, 422, "invalid"),
        ("DELETE", "w_90_a.png", None, 404, "not-found"),
        ("PATCH", "none.png", {"quality": "bad"}, 404, "not-found"),
        ("PATCH", "w_30_a.png", {"quality": "good"}, 409, "conflict"),
        ("PATCH", "w_30_a.png", {"individual": "w_0"}, 422, "invalid"),
    ]:
        problem(client.request(method, f"/v1/catalogue/photos/{path}", json=body), status, slug)
    problem(client.get("/v1/catalogue/photos", params={"state": "lost"}), 422, "invalid")


def test_work_lists_tell_who_looks_alike_and_follow_the_catalogue(
    curated: Any, photo: Photo, problem: Problem
) -> None:
    client = curated.client
    found = client.get("/v1/merge-suggestions").json()["suggestions"]
    assert [(one["one"], one["other"]) for one in found] == [("w_0", "w_30"), ("w_30", "w_90")]
    first = found[0]
    assert (first["photo_of_one"], first["photo_of_other"]) == ("w_0_b.png", "w_30_a.png")
    assert first["urls"] == ["/v1/photos/w_0_b.png", "/v1/photos/w_30_a.png"]
    assert first["distance"] < found[1]["distance"]
    assert len(client.get("/v1/merge-suggestions", params={"limit": 1}).json()["suggestions"]) == 1
    (cluster,) = client.get("/v1/clusters").json()["clusters"]
    assert cluster["photos"][0] == {"name": "nobody_200.png", "url": "/v1/photos/nobody_200.png"}
    assert len(cluster["photos"]) == 2
    client.post("/v1/queue", files=[("photos", ("q.png", photo(202)))])
    (cluster,) = client.get("/v1/clusters").json()["clusters"]
    assert [one["name"] for one in cluster["photos"]] == [
        "nobody_200.png",
        "nobody_201.png",
        "q.png",
    ]
    client.post("/v1/individuals/w_30/merge", json={"into": "w_0"})
    assert [
        (one["one"], one["other"])
        for one in client.get("/v1/merge-suggestions").json()["suggestions"]
    ] == [("w_0", "w_90")]
    problem(client.get("/v1/clusters", params={"limit": 0}), 422, "invalid")
