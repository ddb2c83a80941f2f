"""A photo's box is changed, and another animal of it becomes a photo of its own, over HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import read_photo_states

Problem = Callable[..., Any]
LEFT, RIGHT = [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]


def pair_photo(left: int, right: int) -> bytes:
    """Two whales in one sea: RedEmbedder sees the left one, and the right one by its box."""
    image, data = Image.new("RGB", (16, 8), (left, 0, 0)), io.BytesIO()
    image.paste((right, 0, 0), (8, 0, 16, 8))
    image.save(data, "PNG")
    return data.getvalue()


def send(client: Any, name: str, data: bytes, **fields: str) -> dict[str, Any]:
    sent = client.post("/v1/queue", files=[("photos", (name, data))], data=fields)
    assert sent.status_code == 200, sent.text
    return sent.json()


def nearest(answer: dict[str, Any]) -> str:
    return answer["matches"][0]["individual"]


def vector_of(path: Any, name: str) -> np.ndarray:
    with Catalogue.open(path) as catalogue:
        return read_photo_states(catalogue, [name]).vectors[name]


def card_of(client: Any, key: str) -> dict[str, Any]:
    read = client.get(f"/v1/queue/encounters/{key}")
    assert read.status_code == 200, read.text
    return read.json()


def done(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return response.json()


def test_a_waiting_photo_is_asked_again_by_a_box_and_confirmed_with_it(curated: Any) -> None:
    client, data = curated.client, pair_photo(0, 89)
    key = send(client, "wide.png", data)["encounter_keys"][0]
    assert nearest(card_of(client, key)["answer"]) == "w_0"
    before = vector_of(curated.path, "wide.png")
    asked = done(client.patch("/v1/catalogue/photos/wide.png", json={"box": RIGHT}))
    assert (asked["kind"], asked["photos"]) == ("edit", ["wide.png"])
    card = card_of(client, key)
    assert nearest(card["answer"]) == nearest(card["cards"][0]["answer"]) == "w_90"
    assert (card["cards"][0]["box"], card["cards"][0]["is_box_found"]) == (RIGHT, False)
    confirmed = done(client.post(f"/v1/queue/encounters/{key}/confirm", json={"individual": "w_9"}))
    (photo,) = client.get("/v1/catalogue/photos", params={"individual": "w_9"}).json()["photos"]
    assert (photo["box"], photo["state"]) == (RIGHT, "catalogued")
    form = {"box": " ".join(map(str, RIGHT)), "k": "1"}
    files = [("photos", ("again.png", data))]
    (found,) = done(client.post("/v1/identify", files=files, data=form))["results"]
    assert (nearest(found), found["matches"][0]["distance"]) == ("w_9", pytest.approx(0, abs=1e-6))
    stored = vector_of(curated.path, "wide.png")
    assert stored.tolist() == pytest.approx([np.cos(np.radians(89)), np.sin(np.radians(89))])
    for event in (confirmed, asked):
        done(client.post(f"/v1/changes/{event['revision']}/undo"))
    assert vector_of(curated.path, "wide.png").tolist() == before.tolist()
    card = card_of(client, key)
    assert (card["cards"][0]["box"], nearest(card["answer"])) == (None, "w_0")


def test_a_catalogued_photo_gets_another_box_and_the_vector_of_it(
    curated: Any, problem: Problem
) -> None:
    client = curated.client
    key = send(client, "wide.png", pair_photo(0, 89))["encounter_keys"][0]
    done(client.post(f"/v1/queue/encounters/{key}/confirm", json={"individual": "w_new"}))
    edited = done(
        client.patch("/v1/catalogue/photos/wide.png", json={"box": RIGHT, "quality": "good"})
    )
    with Catalogue.open(curated.path) as catalogue:
        gallery = catalogue.gallery()
    row = gallery.photo_names.index("wide.png")
    assert gallery.vectors[row].tolist() == vector_of(curated.path, "wide.png").tolist()
    assert gallery.vectors[row][1] > 0.99
    back = done(client.post(f"/v1/changes/{edited['revision']}/undo"))
    assert vector_of(curated.path, "wide.png")[0] == pytest.approx(1)
    done(client.post(f"/v1/changes/{back['revision']}/undo"))
    assert vector_of(curated.path, "wide.png")[1] > 0.99
    for box, status, slug in [
        ([0.5, 0, 0.5, 1], 422, "invalid"),
        ([0, 0, 1.5, 1], 422, "invalid"),
        (RIGHT, 409, "conflict"),
    ]:
        wrong = client.patch("/v1/catalogue/photos/wide.png", json={"box": box})
        problem(wrong, status, slug)
    problem(client.patch("/v1/catalogue/photos/none.png", json={"box": RIGHT}), 404, "not-found")


def test_a_file_that_holds_another_picture_is_refused(curated: Any, problem: Problem) -> None:
    path = curated.path.parent / "w_30_a.png"
    path.write_bytes(pair_photo(1, 2))
    answer = curated.client.patch("/v1/catalogue/photos/w_30_a.png", json={"box": RIGHT})
    problem(answer, 409, "conflict")


def test_two_animals_of_a_photo_are_confirmed_and_undone_one_by_one(
    curated: Any, problem: Problem
) -> None:
    client, data = curated.client, pair_photo(0, 89)
    fields = {"encounter": "e9", "region": "the gulf", "taken_at": "2026-05-28T09:40:00"}
    key = send(client, "wide.png", data, **fields)["encounter_keys"][0]
    done(client.patch("/v1/catalogue/photos/wide.png", json={"box": LEFT}))
    added = done(client.post("/v1/queue/wide.png/animals", json={"box": RIGHT}))
    assert (added["kind"], added["photo"]) == ("take in", "wide#2.png")
    problem(client.post("/v1/queue/wide.png/animals", json={"box": RIGHT}), 409, "conflict")
    first, second = card_of(client, key), card_of(client, added["encounter"])
    assert [nearest(card["answer"]) for card in (first, second)] == ["w_0", "w_90"]
    assert second["region"] == "the gulf"
    assert [one["taken_at"] for one in second["photos"]] == ["2026-05-28T09:40:00"]
    assert [(one["name"], one["box"], one["card"]) for one in first["same_pictures"]] == [
        ("wide#2.png", RIGHT, added["encounter"])
    ]
    assert [(one["of"], one["state"]) for one in second["same_pictures"]] == [
        ("wide#2.png", "waiting")
    ]
    events = [
        done(client.post(f"/v1/queue/encounters/{card}/confirm", json={"individual": whose}))
        for card, whose in ((added["encounter"], "w_90"), (key, "w_0"))
    ]
    named = {
        each["name"]: each["individual"]
        for each in client.get("/v1/catalogue/photos").json()["photos"]
    }
    assert (named["wide.png"], named["wide#2.png"]) == ("w_0", "w_90")
    assert client.get("/v1/photos/wide%232.png").status_code == 200
    done(client.post(f"/v1/changes/{events[0]['revision']}/undo"))
    named = {
        each["name"]: each["state"] for each in client.get("/v1/catalogue/photos").json()["photos"]
    }
    assert (named["wide.png"], named["wide#2.png"]) == ("catalogued", "waiting")
    done(client.post(f"/v1/changes/{added['revision']}/undo"))
    assert client.get("/v1/queue").json()["waiting"] == 0
    again = send(client, "again.png", data)
    assert [one["known_as"] for one in again["skipped"]] == ["wide.png"]


def test_a_photo_without_a_known_box_is_asked_for_one_first(curated: Any, problem: Problem) -> None:
    send(curated.client, "wide.png", pair_photo(0, 89))
    answer = curated.client.post("/v1/queue/wide.png/animals", json={"box": RIGHT})
    said = problem(answer, 422, "invalid")
    assert "say which animal" in said["detail"]
