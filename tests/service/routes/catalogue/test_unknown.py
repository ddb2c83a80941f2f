"""/v1/unknown: unknown animals by likeness, page by page; a group becomes an individual at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Photo = Callable[..., bytes]
Problem = Callable[..., Any]


def groups(answer: Any) -> list[list[str]]:
    return [[photo["name"] for photo in one["photos"]] for one in answer.json()["groups"]]


def send(client: Any, photo: Photo, *degrees: int) -> None:
    files = [("photos", (f"sent_{at}.png", photo(at), "image/png")) for at in degrees]
    assert client.post("/v1/queue", files=files).status_code == 200


def test_unknown_photos_come_by_groups_page_by_page(
    curated: Any, photo: Photo, problem: Problem
) -> None:
    client = curated.client
    send(client, photo, 80, 202)
    answer = client.get("/v1/unknown")
    whole = [["nobody_200.png", "nobody_201.png", "sent_202.png"], ["sent_80.png"]]
    assert groups(answer) == whole
    first = answer.json()["groups"][0]
    assert (first["photo_count"], answer.json()["photos"]) == (3, 4)
    assert 0 < first["distance"] < 0.01
    assert [one["state"] for one in first["photos"]] == ["catalogued", "catalogued", "waiting"]
    assert client.get(first["photos"][0]["url"]).status_code == 200
    page = client.get("/v1/unknown", params={"limit": 1})
    assert groups(page) == whole[:1]
    rest = client.get("/v1/unknown", params={"limit": 1, "cursor": page.json()["next"]})
    assert (groups(rest), rest.json()["next"]) == (whole[1:], None)
    assert rest.json()["groups"][0]["distance"] is None
    problem(client.get("/v1/unknown", params={"cursor": "x"}), 422, "invalid")


def test_a_group_becomes_an_individual_in_one_event_with_one_undo(
    curated: Any, photo: Photo, problem: Problem
) -> None:
    client = curated.client
    send(client, photo, 202)
    names = groups(client.get("/v1/unknown"))[0]
    sent = {"photos": names, "individual": "w_200"}
    event = client.post("/v1/catalogue/photos/assign", json=sent)
    assert event.json() == {"revision": 3, "kind": "assign", "photos": names}
    assert client.get("/v1/individuals/w_200").json()["photos"] == 3
    assert groups(client.get("/v1/unknown")) == []
    asked = {"photos": ("q.png", photo(201), "image/png")}
    (result,) = client.post("/v1/identify", files=asked).json()["results"]
    assert result["matches"][0]["individual"] == "w_200"
    assert client.post("/v1/changes/3/undo").status_code == 200
    assert groups(client.get("/v1/unknown")) == [names]
    states = {
        one["name"]: one["state"] for one in client.get("/v1/catalogue/photos").json()["photos"]
    }
    assert [states[name] for name in names] == ["catalogued", "catalogued", "waiting"]
    problem(client.get("/v1/individuals/w_200"), 404, "not-found")


def test_what_can_not_be_assigned_is_refused_and_nothing_is_done(
    curated: Any, problem: Problem
) -> None:
    client = curated.client

    def assign(individual: str, *photos: str) -> Any:
        sent = {"photos": list(photos), "individual": individual}
        return client.post("/v1/catalogue/photos/assign", json=sent)

    problem(assign("w_7", "nobody_200.png", "nothing.png"), 404, "not-found")
    problem(assign("w_0", "nobody_200.png", "w_0_a.png"), 409, "conflict")
    problem(assign("new_whale", "nobody_200.png"), 422, "invalid")
    problem(assign("w_7"), 422, "invalid")
    client.delete("/v1/catalogue/photos/nobody_201.png")
    problem(assign("w_7", "nobody_201.png"), 404, "not-found")
    assert groups(client.get("/v1/unknown")) == [["nobody_200.png"]]
    # Another individual's photos move, too.
    assert assign("w_7", "w_30_a.png", "nobody_200.png").json()["kind"] == "assign"
    problem(client.get("/v1/individuals/x"), 404, "not-found")
