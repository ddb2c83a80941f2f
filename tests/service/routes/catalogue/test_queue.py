"""/v1/queue: taken in whole or not at all, once by content, and reviewed."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from unicodedata import normalize

from PIL import Image

from embedding.photos.photo import Box
from index.storage.originals import media_folder
from service.catalogue.intake import _names

Photo = Callable[..., bytes]
Problem = Callable[..., Any]


def files(**photos: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("photos", (f"{name}.png", data)) for name, data in photos.items()]


def camera_photo(
    degrees: int, at: str | None = "2018:06:01 12:30:05", offset: str | None = "-07:00"
) -> bytes:
    """A JPEG as a camera writes it, which says when and where it was taken."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (42.0, 11.0, 7.0), 3: "W", 4: (70.0, 22.0, 9.0), 29: "2018:06:01"}
    )
    exif.get_ifd(0x8769).update(
        {tag: text for tag, text in ((0x9003, at), (0x9011, offset)) if text is not None}
    )
    Image.new("RGB", (60, 40), (degrees, 0, 0)).save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


def test_photos_are_taken_in_identified_and_reviewed(
    curated: Any, photo: Photo, problem: Problem
) -> None:
    client = curated.client
    fields = {
        "encounter": "e9",
        "taken_at": "2026:05:28 09:40:00",
        "place": "the bank",
        "species": "humpback",
    }
    sent = client.post("/v1/queue", files=files(b=photo(31), a=photo(140)), data=fields)
    assert sent.status_code == 200, sent.text
    taken = sent.json()
    assert taken["event"] == {"revision": 2, "kind": "take in", "photos": ["a.png", "b.png"]}
    assert taken["skipped"] == []
    card = taken["photos"][0]
    assert (card["name"], card["state"], card["individual"], card["encounter"]) == (
        "b.png",
        "waiting",
        None,
        "e9",
    )
    assert (card["taken_at"], card["species"]) == ("2026-05-28T09:40:00", "humpback")
    answer = card["answer"]
    assert (answer["matches"][0]["individual"], answer["revision"], answer["fingerprint"]) == (
        "w_30",
        1,
        "f1" * 32,
    )
    assert {"decision", "probability", "reason", "photo"} <= set(answer)
    assert client.get(card["url"]).status_code == 200
    stored = list(media_folder(curated.path).rglob("*.png"))
    assert sorted(path.read_bytes() for path in stored) == sorted([photo(31), photo(140)])
    stats = client.get("/v1/stats").json()
    assert (stats["photos"], stats["photos_searched"]) == (6, 4)

    queue = client.get("/v1/queue", params={"limit": 1}).json()
    assert ([one["name"] for one in queue["photos"]], queue["waiting"]) == (["b.png"], 2)
    rest = client.get("/v1/queue", params={"limit": 1, "cursor": queue["next"]}).json()
    assert ([one["name"] for one in rest["photos"]], rest["next"]) == (["a.png"], None)

    assert (
        client.post("/v1/queue/b.png/confirm", json={"individual": "w_30"}).json()["kind"]
        == "confirm"
    )
    met = client.get("/v1/encounters", params={"individual": "w_30"}).json()["encounters"]
    assert [(one["name"], one["place"], one["at"]) for one in met] == [
        ("e2", None, None),
        ("e9", "the bank", "2026-05-28T09:40:00"),
    ]
    assert client.post("/v1/queue/a.png/reject").json()["photos"] == ["a.png"]
    assert client.get("/v1/queue").json() == {"photos": [], "waiting": 0, "next": None}
    for path, body, status, slug in [
        ("b.png/confirm", {"individual": "w_0"}, 409, "conflict"),
        ("none.png/confirm", {"individual": "w_0"}, 404, "not-found"),
        ("a.png/confirm", {"individual": " x"}, 422, "invalid"),
        ("a.png/confirm", {}, 422, "invalid"),
        ("b.png/reject", {"reason": "blurred"}, 409, "conflict"),
    ]:
        problem(client.post(f"/v1/queue/{path}", json=body), status, slug)
    assert client.post("/v1/queue/a.png/confirm", json={"individual": "w_140"}).status_code == 200


def test_the_same_content_is_taken_in_once(curated: Any, photo: Photo) -> None:
    client = curated.client
    first = client.post("/v1/queue", files=files(x=photo(50), y=photo(50), z=photo(30))).json()
    assert [one["name"] for one in first["photos"]] == ["x.png"]
    assert [(one["photo"], one["known_as"]) for one in first["skipped"]] == [
        ("y.png", "x.png"),
        ("z.png", "w_30_a.png"),
    ]
    assert (
        first["skipped"][1]["reason"]
        == "this photo is in the catalogue already, as w_30_a.png, w_30's"
    )
    again = client.post("/v1/queue", files=files(other=photo(50))).json()
    assert (again["event"], again["photos"], again["skipped"][0]["known_as"]) == (None, [], "x.png")
    assert "waits in the queue" in again["skipped"][0]["reason"]
    # A name that is taken, by another photo of that name, is made another one.
    named = client.post("/v1/queue", files=files(x=photo(51))).json()["photos"][0]["name"]
    assert named != "x.png" and named.startswith("x-") and named.endswith(".png")
    assert client.get("/v1/queue").json()["waiting"] == 2
    # What was deleted may come again: as a new photo, so that the old one can still be brought
    # back.
    client.delete("/v1/catalogue/photos/x.png")
    back = client.post("/v1/queue", files=files(x=photo(50))).json()
    assert back["photos"][0]["name"].startswith("x-")
    assert client.get("/v1/stats").json()["catalogue_revision"] == back["event"]["revision"] == 5


def test_a_photo_without_a_given_time_gets_the_one_that_its_file_says(curated: Any) -> None:
    client = curated.client
    sent = [
        ("photos", ("whole.jpg", camera_photo(60))),
        ("photos", ("local.jpg", camera_photo(65, offset=None))),
        ("photos", ("unset.jpg", camera_photo(70, at="0000:00:00 00:00:00"))),
    ]
    cards = client.post("/v1/queue", files=sent).json()["photos"]
    assert [(card["name"], card["taken_at"], card["is_dated_by_photo"]) for card in cards] == [
        ("whole.jpg", "2018-06-01T12:30:05-07:00", True),
        ("local.jpg", "2018-06-01T12:30:05", True),
        ("unset.jpg", None, False),
    ]
    given = client.post(
        "/v1/queue",
        files=[("photos", ("g.jpg", camera_photo(75)))],
        data={"taken_at": "2017-01-01"},
    ).json()["photos"][0]
    assert (given["taken_at"], given["is_dated_by_photo"]) == ("2017-01-01", False)
    assert given["answer"]["photo_taken_at"] == "2018-06-01T12:30:05-07:00"
    client.patch("/v1/catalogue/photos/whole.jpg", json={"taken_at": "2018-06-02"})
    edited = client.get("/v1/queue").json()["photos"][0]
    assert (edited["name"], edited["taken_at"], edited["is_dated_by_photo"]) == (
        "whole.jpg",
        "2018-06-02",
        False,
    )


def test_where_a_photo_was_taken_is_neither_noted_nor_served(curated: Any) -> None:
    client, data = curated.client, camera_photo(60)
    with Image.open(io.BytesIO(data)) as sent:
        assert sent.getexif().get_ifd(0x8825)[2] == (42.0, 11.0, 7.0)  # it is there to be found
    told = client.post("/v1/queue", files=[("photos", ("q.jpg", data))])
    client.post("/v1/queue/q.jpg/confirm", json={"individual": "w_60"})
    served = client.get("/v1/photos/q.jpg", params={"size_px": 2048})
    with Image.open(io.BytesIO(served.content)) as picture:
        assert (dict(picture.getexif()), "exif" in picture.info) == ({}, False)
    assert b"Exif" not in served.content and b"GPS" not in served.content
    texts = [
        told.text,
        *(client.get(f"/v1/{path}").text for path in ("changes", "encounters", "catalogue/photos")),
    ]
    database = b"".join(
        path.read_bytes() for path in curated.path.parent.glob("catalogue.db*") if path.is_file()
    )
    for place in ("42.0", "70.22", "GPS"):
        assert all(place not in text for text in texts)
        assert place.encode() not in database


def test_where_the_fluke_was_found_is_kept_with_the_photo(curated: Any, photo: Photo) -> None:
    client, box = curated.client, [0.25, 0.5, 0.75, 1.0]
    curated.embedder.located = lambda images, boxes: [Box(*box) for _ in images]
    card = client.post("/v1/queue", files=files(q=photo(140))).json()["photos"][0]
    assert (card["box"], card["is_box_found"], card["answer"]["box"]) == (box, True, box)
    client.post("/v1/queue/q.png/confirm", json={"individual": "w_140"})
    (card,) = client.get("/v1/catalogue/photos", params={"individual": "w_140"}).json()["photos"]
    assert (card["box"], card["is_box_found"]) == (box, True)
    del curated.embedder.located  # one that looks at the whole photo
    card = client.post("/v1/queue", files=files(r=photo(150))).json()["photos"][0]
    assert (card["box"], card["is_box_found"]) == (None, False)


def test_bad_photos_are_refused_whole_and_named(
    curated: Any, photo: Photo, problem: Problem
) -> None:
    client = curated.client
    sent = [*files(known=photo(30)), *files(new=photo(77)), ("photos", ("notes.jpg", b"only text"))]
    document = problem(client.post("/v1/queue", files=sent), 422, "bad-photos")
    assert [(fault["photo"], fault["position"]) for fault in document["errors"]] == [
        ("notes.jpg", 2)
    ]
    assert client.get("/v1/queue").json()["waiting"] == 0
    assert not media_folder(curated.path).exists()
    for fields, field in [
        ({"place": "the bank"}, "encounter"),
        ({"taken_at": "yesterday"}, "taken_at"),
        ({"where": "x"}, "where"),
        ({"encounter": "x" * 201}, "encounter"),
    ]:
        document = problem(
            client.post("/v1/queue", files=files(a=photo(1)), data=fields), 422, "invalid"
        )
        assert [fault["field"] for fault in document["errors"]] == [field]
    problem(client.post("/v1/queue", json={}), 415, "not-multipart")


def test_names_are_tidied_and_never_used_up() -> None:
    for given, tidy in [
        ("a.jpg", "a.jpg"),
        ("2026/may/a.jpg", "2026/may/a.jpg"),
        ("../../etc/a.jpg", "a.jpg"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("a\n\tb.jpg", "ab.jpg"),
        ("..", "photo"),
        ("", "photo"),
    ]:
        assert next(_names(given, "f" * 64)) == tidy
    names = _names("2026/a.jpg", "0123456789abcdef")
    assert [next(names) for _ in range(3)] == [
        "2026/a.jpg",
        "2026/a-01234567.jpg",
        "2026/a-01234567-2.jpg",
    ]
    assert len(next(_names("x" * 500 + ".jpeg", "f" * 64))) == 150


def test_a_word_that_means_nobody_is_no_name(curated: Any, photo: Photo, problem: Problem) -> None:
    client = curated.client
    client.post("/v1/queue", files=files(a=photo(140)))
    for word in ("NA", "New_Whale", "unknown", "?", "desconocido"):
        for path, body in [
            ("queue/a.png/confirm", {"individual": word}),
            ("individuals/w_30/rename", {"new": word}),
            ("individuals/w_0/split", {"photos": ["w_0_b.png"], "new": word}),
            ("catalogue/photos/move", {"photos": ["w_0_a.png"], "individual": word}),
        ]:
            said = problem(client.post(f"/v1/{path}", json=body), 422, "invalid")
            assert "means that nobody knows the animal; give this animal a name" in str(said)
    assert client.get("/v1/stats").json()["catalogue_revision"] == 2
    confirmed = client.post("/v1/queue/a.png/confirm", json={"individual": "unknown 3"})
    assert confirmed.status_code == 200


def test_a_name_that_only_looks_like_such_a_word_is_taken_and_told(
    curated: Any, photo: Photo
) -> None:
    client = curated.client
    client.post("/v1/queue", files=files(a=photo(140)))
    for path, body in [
        ("queue/a.png/confirm", {"individual": "unknown_2019"}),
        ("individuals/unknown_2019/rename", {"new": "unknown 3"}),
        ("individuals/w_0/split", {"photos": ["w_0_b.png"], "new": "new_whale_12"}),
        ("catalogue/photos/move", {"photos": ["w_0_b.png"], "individual": "-1"}),
    ]:
        answer = client.post(f"/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        (told,) = answer.json()["warnings"]
        assert "looks like a word for an animal that nobody knows, but counts as" in told
    plain = client.post("/v1/individuals/unknown 3/rename", json={"new": "w_77"})
    assert "warnings" not in plain.json()


def test_names_written_in_nfc_and_nfd_are_one(curated: Any, photo: Photo) -> None:
    client = curated.client
    nfc, nfd = (normalize(form, "Baléna") for form in ("NFC", "NFD"))
    sent = client.post(
        "/v1/queue", files=[("photos", (f"{nfd}.png", photo(140))), *files(b=photo(31))]
    )
    assert [one["name"] for one in sent.json()["photos"]] == [f"{nfc}.png", "b.png"]
    for name, individual in ((f"{nfd}.png", nfd), ("b.png", nfc)):
        answer = client.post(f"/v1/queue/{name}/confirm", json={"individual": individual})
        assert answer.status_code == 200
    one = client.get(f"/v1/individuals/{nfd}").json()
    assert (one["name"], one["photos"]) == (nfc, 2)
    listed = client.get("/v1/catalogue/photos", params={"individual": nfd}).json()["photos"]
    assert len(listed) == 2
    assert client.post("/v1/individuals/w_30/rename", json={"new": nfd}).status_code == 409
