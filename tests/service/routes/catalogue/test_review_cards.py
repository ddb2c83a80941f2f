"""/v1/queue/encounters: cards are listed, opened, confirmed, rejected, split and joined."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from index.identification.identifier import Identifier
from service.serving.service import Serving

Photo = Callable[..., bytes]
Problem = Callable[..., Any]


def shot(degrees: int, at: str = "09:40:00", camera: str = "EOS 7D") -> bytes:
    """A JPEG of a day in May with a camera's clock."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x010F], exif[0x0110] = "Canon", camera
    exif.get_ifd(0x8769)[0x9003] = f"2026:05:28 {at}"
    Image.new("RGB", (60, 40), (degrees, 0, 0)).save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


def send(client: Any, *photos: tuple[str, bytes], **fields: str) -> dict[str, Any]:
    files = [("photos", (name, data, "image/jpeg")) for name, data in photos]
    sent = client.post("/v1/queue", files=files, data=fields)
    assert sent.status_code == 200, sent.text
    return sent.json()


def cards(client: Any, **query: Any) -> dict[str, Any]:
    given = {name: value for name, value in query.items() if value is not None}
    found = client.get("/v1/queue/encounters", params=given)
    assert found.status_code == 200, found.text
    return found.json()


def names_of(client: Any) -> dict[str, list[str]]:
    """The names of each card's photos, by its key."""
    listed = cards(client)["encounters"]
    return {one["key"]: [each["name"] for each in one["photos"]] for one in listed}


@pytest.fixture
def client(curated: Any, fitted: Any) -> Any:
    """The curated whales with thresholds that know them: up to .11 known, from .25 new."""
    service = curated.client.app.state.service
    curated.client.app.state.writer.calibrator.wake = lambda: None
    serving: Serving = service.serving
    now = serving.identifier
    identifier = Identifier(now.embedder, now.gallery, fitted, now.species, screen=now.screen)
    service.serving = Serving(identifier, serving.photos)
    return curated.client


def test_photos_of_a_quarter_of_an_hour_are_one_card_with_one_answer(client: Any) -> None:
    taken = send(
        client,
        ("bay/a.jpg", shot(31)),
        ("bay/b.jpg", shot(32, "09:51:00")),
        ("bay/c.jpg", shot(33, "10:20:00")),
        ("north/d.jpg", shot(34)),
        ("bay/e.jpg", shot(35, camera="other")),
    )
    encounters = {photo["name"]: photo["encounter"] for photo in taken["photos"]}
    assert encounters == {
        "bay/a.jpg": "2026-05-28 09:40",
        "bay/b.jpg": "2026-05-28 09:40",
        "bay/c.jpg": "2026-05-28 10:20",
        "north/d.jpg": "2026-05-28 09:40 b",
        "bay/e.jpg": "2026-05-28 09:40 c",
    }
    listed = cards(client)
    assert (listed["total"], listed["photos"], listed["waiting"]) == (4, 5, 4)
    assert (listed["compared"], listed["revision"]) == (4, 2)
    first = listed["encounters"][0]
    assert [photo["name"] for photo in first["photos"]] == ["bay/a.jpg", "bay/b.jpg"]
    assert (first["decision"], first["individual"], first["at"]) == (
        "known",
        "w_30",
        "2026-05-28T09:40:00",
    )
    opened = client.get(f"/v1/queue/encounters/{first['key']}", params={"k": 3}).json()
    assert [photo["name"] for photo in opened["cards"]] == ["bay/a.jpg", "bay/b.jpg"]
    assert opened["answer"]["photos"] == 2
    assert [each["individual"] for each in opened["answer"]["matches"]] == ["w_30", "w_0", "w_90"]
    assert opened["revision"] == 2


def test_two_known_animals_are_two_cards_and_photos_without_a_time_stay_alone(
    client: Any, photo: Photo
) -> None:
    send(
        client,
        ("a.jpg", shot(31)),
        ("b.jpg", shot(91, "09:41:00")),
        ("c.jpg", shot(33, "09:42:00")),
        ("d.png", photo(32)),
    )
    found = names_of(client)
    assert sorted(found.values()) == [["a.jpg", "c.jpg"], ["b.jpg"], ["d.png"]]
    assert [names for key, names in found.items() if key.startswith("p")] == [["d.png"]]


def test_an_upload_of_several_requests_forms_one_encounter(client: Any) -> None:
    send(client, ("a.jpg", shot(31)), upload="u1")
    send(client, ("b.jpg", shot(32, "09:44:00")), upload="u1")
    send(client, ("c.jpg", shot(33, "09:45:00")), upload="u2")
    sizes = [len(one["photos"]) for one in cards(client)["encounters"]]
    assert sorted(sizes) == [1, 2]


def test_a_name_that_is_sent_wins(client: Any) -> None:
    send(client, ("a.jpg", shot(31)), ("b.jpg", shot(91, "12:00:00")), encounter="e9")
    (card,) = cards(client)["encounters"]
    assert (card["encounter"], len(card["photos"])) == ("e9", 2)


def test_a_card_is_confirmed_as_one_and_undone_as_one(client: Any, problem: Problem) -> None:
    send(client, ("a.jpg", shot(140)), ("b.jpg", shot(141, "09:41:00")))
    send(client, ("later.jpg", shot(142, "15:00:00")))
    card, later = cards(client)["encounters"]
    assert (card["decision"], later["decision"]) == ("new_whale", "new_whale")
    path = f"/v1/queue/encounters/{card['key']}"
    stale = {"individual": "w_140", "photos": ["a.jpg"]}
    problem(client.post(f"{path}/confirm", json=stale), 409, "conflict")
    seen = {"individual": "w_140", "photos": ["b.jpg", "a.jpg"]}
    event = client.post(f"{path}/confirm", json=seen).json()
    assert (event["kind"], event["photos"], event["encounters"]) == (
        "confirm",
        ["a.jpg", "b.jpg"],
        [],
    )
    # The second card of an animal just named is compared with it at once.
    (again,) = cards(client)["encounters"]
    assert (again["key"], again["decision"], again["individual"]) == (
        later["key"],
        "known",
        "w_140",
    )
    problem(client.get(path), 404, "not-found")
    problem(client.post(f"{path}/confirm", json={"individual": "w_0"}), 404, "not-found")
    client.post(f"/v1/changes/{event['revision']}/undo")
    both = cards(client)["encounters"]
    assert [one["key"] for one in both] == [card["key"], later["key"]]
    assert [one["decision"] for one in both] == ["new_whale", "new_whale"]
    change = client.get("/v1/changes").json()["changes"][1]
    assert (change["detail"]["individual"], change["detail"]["answer"]["decision"]) == (
        "w_140",
        "new_whale",
    )


def test_a_card_is_rejected(client: Any, problem: Problem) -> None:
    send(client, ("a.jpg", shot(31)), ("b.jpg", shot(32, "09:41:00")))
    (card,) = cards(client)["encounters"]
    path = f"/v1/queue/encounters/{card['key']}/reject"
    problem(client.post(path, json={"photos": ["a.jpg"]}), 409, "conflict")
    assert client.post(path, json={"reason": "blurred"}).json()["photos"] == ["a.jpg", "b.jpg"]
    assert cards(client)["total"] == 0


def test_photos_are_taken_out_and_joined_again(client: Any, photo: Photo, problem: Problem) -> None:
    send(client, ("a.jpg", shot(31)), ("b.jpg", shot(91, "09:41:00")), encounter="e9")
    send(client, ("c.png", photo(92)))
    card, alone = cards(client)["encounters"]
    path = f"/v1/queue/encounters/{card['key']}"
    problem(client.post(f"{path}/split", json={"photos": ["c.png"]}), 422, "invalid")
    problem(client.post(f"{path}/split", json={"photos": ["a.jpg", "b.jpg"]}), 409, "conflict")
    event = client.post(f"{path}/split", json={"photos": ["b.jpg"]}).json()
    assert event["kind"] == "regroup"
    (own,) = event["encounters"]
    opened = client.get(f"/v1/queue/encounters/{own}").json()
    assert (opened["individual"], [each["name"] for each in opened["photos"]]) == (
        "w_90",
        ["b.jpg"],
    )
    joined = client.post(f"/v1/queue/encounters/{own}/join", json={"other": alone["key"]}).json()
    assert joined["encounters"] == [own]
    names = {
        one["key"]: [each["name"] for each in one["photos"]] for one in cards(client)["encounters"]
    }
    assert names == {card["key"]: ["a.jpg"], own: ["c.png", "b.jpg"]}
    for revision in (joined["revision"], event["revision"]):
        assert client.post(f"/v1/changes/{revision}/undo").status_code == 200
    assert list(names_of(client).values()) == [["a.jpg", "b.jpg"], ["c.png"]]


def test_the_list_is_filtered_sorted_and_paged(client: Any, problem: Problem) -> None:
    for hour, degrees in enumerate((140, 31, 60, 2, 61, 33)):
        fields = {"encounter": f"e{hour}", "region": "the gulf"} if degrees == 60 else {}
        send(client, (f"{degrees}.jpg", shot(degrees, f"1{hour}:00:00")), **fields)
    everything = cards(client)
    assert everything["counts"] == {"known": 3, "review": 2, "new_whale": 1, "no_animal": 0}
    seen: list[str] = []
    cursor = None
    while True:
        page = cards(client, sort="probability", descending=True, limit=2, cursor=cursor)
        seen += [one["photos"][0]["name"] for one in page["encounters"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(one["photos"][0]["name"] for one in everything["encounters"])
    assert set(seen[:3]) == {"31.jpg", "2.jpg", "33.jpg"}
    known = cards(client, decision="known")
    assert (known["total"], known["counts"]["new_whale"]) == (3, 1)
    doubtful = {
        one["photos"][0]["name"]
        for one in everything["encounters"]
        if one["decision"] in ("known", "new_whale") and one["probability"] <= 0.5
    }
    assert doubtful
    for query, names in [
        ({"individual": "w_30", "decision": "known"}, {"31.jpg", "33.jpg"}),
        ({"region": "the gulf"}, {"60.jpg"}),
        ({"region": "Gulf"}, {"60.jpg"}),
        ({"until": "2026-05-27"}, set()),
        (
            {"since": "2026-05-28", "decision": ["known", "new_whale"], "max_probability": 0.5},
            doubtful,
        ),
        ({"species": "humpback", "decision": "known"}, {"31.jpg", "2.jpg", "33.jpg"}),
    ]:
        found = {one["photos"][0]["name"] for one in cards(client, **query)["encounters"]}
        assert found == names, query
    other = cards(client, limit=1)["next"]
    for query in ({"cursor": other, "sort": "size"}, {"colour": "red"}, {"decision": "maybe"}):
        problem(client.get("/v1/queue/encounters", params=query), 422, "invalid")


def test_the_sure_ones_are_confirmed_by_one_event(client: Any, problem: Problem) -> None:
    send(client, ("a.jpg", shot(31)), ("b.jpg", shot(32, "09:41:00")))
    send(client, ("c.jpg", shot(91, "12:00:00")))
    send(client, ("d.jpg", shot(140, "13:00:00")))
    sure = cards(client, decision="known")
    body = {"filter": {"decision": ["known"]}, "revision": sure["revision"], "count": 2}
    for wrong, status, slug in [
        ({"count": 3}, 409, "conflict"),
        ({"revision": 1}, 409, "conflict"),
        ({"filter": {}, "count": 3}, 422, "invalid"),  # one isn't known
        ({"count": 0}, 422, "invalid"),
    ]:
        problem(client.post("/v1/queue/confirm-many", json={**body, **wrong}), status, slug)
    event = client.post("/v1/queue/confirm-many", json=body).json()
    assert event["photos"] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [one["photos"][0]["name"] for one in cards(client)["encounters"]] == ["d.jpg"]
    whose = {
        one["name"]: one["individual"]
        for one in client.get("/v1/catalogue/photos").json()["photos"]
    }
    assert (whose["a.jpg"], whose["c.jpg"]) == ("w_30", "w_90")
    client.post(f"/v1/changes/{event['revision']}/undo")
    assert cards(client)["waiting"] == 3

    left = cards(client, decision="known")
    out = left["encounters"][0]["key"]
    body |= {"revision": left["revision"], "count": 1, "left_out": [out]}
    assert client.post("/v1/queue/confirm-many", json=body).json()["photos"] == ["c.jpg"]
    unsure = cards(client, decision="new_whale")
    (only,) = unsure["encounters"]
    named = {"filter": {"decision": ["new_whale"]}, "revision": unsure["revision"], "count": 1}
    named["named"] = [only["key"]]
    assert client.post("/v1/queue/confirm-many", json=named).json()["photos"] == ["d.jpg"]


def test_a_place_is_filtered_by_curators_alone(
    serve_curated: Callable[..., Any], problem: Problem
) -> None:
    with serve_curated(has_keys=True) as curated:
        client, keys = curated.client, curated.client.app.state.access.keys
        made = {
            role: {"Authorization": f"Bearer {keys.create(role, role).secret}"}
            for role in ("read", "curate")
        }
        files = [("photos", ("a.jpg", shot(31)))]
        fields = {"encounter": "e9", "place": "the cove"}
        client.post("/v1/queue", files=files, data=fields, headers=made["curate"])
        path, query = "/v1/queue/encounters", {"place": "the cove"}
        problem(client.get(path, params=query, headers=made["read"]), 403, "forbidden")
        (card,) = client.get(path, params=query, headers=made["curate"]).json()["encounters"]
        assert card["place"] == "the cove"
        (card,) = client.get(path, headers=made["read"]).json()["encounters"]
        assert "place" not in card
        key = card["key"].removeprefix("e")
        client.patch(f"/v1/encounters/{key}", json={"place": "elsewhere"}, headers=made["curate"])
        (card,) = client.get(path, headers=made["curate"]).json()["encounters"]
        assert card["place"] == "elsewhere"


def test_a_photo_in_a_folder_encounters_keeps_its_own_paths(client: Any) -> None:
    send(client, ("encounters/a.jpg", shot(31)))
    assert (
        client.post("/v1/queue/encounters/a.jpg/confirm", json={"individual": "w_30"}).status_code
        == 200
    )
    assert cards(client)["total"] == 0
