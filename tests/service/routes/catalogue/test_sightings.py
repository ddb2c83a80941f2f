"""/v1/sightings: newest first, page by page, and places for curators only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.service.http.key_headers import bearer

Problem = Callable[..., Any]


def listed(answer: Any) -> list[tuple[str | None, str | None]]:
    return [(one["individual"], one["at"]) for one in answer.json()["sightings"]]


def test_sightings_are_listed_the_newest_first(curated: Any, problem: Problem) -> None:
    client = curated.client
    whole = [
        ("w_30", "2018-06-01"),
        ("w_0", "2016-07-01"),
        (None, None),
        (None, None),
        ("w_90", None),
    ]
    assert listed(client.get("/v1/sightings")) == whole
    found: list[Any] = []
    cursor = None
    for _ in range(3):
        page = client.get(
            "/v1/sightings", params={"limit": 2, "cursor": cursor} if cursor else {"limit": 2}
        )
        found += listed(page)
        cursor = page.json()["next"]
    assert (found, cursor) == (whole, None)
    assert listed(client.get("/v1/sightings", params={"since": "2017"})) == whole[:1]
    assert listed(client.get("/v1/sightings", params={"species": "humpback"})) == whole[:2]
    for asked in ({"since": "May"}, {"since": "2018", "until": "2017"}, {"cursor": "x"}):
        problem(client.get("/v1/sightings", params=asked), 422, "invalid")


def test_one_individuals_have_a_summary_and_who_wrote_the_notes(curated: Any) -> None:
    client = curated.client
    key = client.get("/v1/sightings").json()["sightings"][1]["encounter_key"]
    sent = {"place": "off the light, 44.5, -68.2", "region": "44, -68", "notes": "with a calf"}
    assert client.patch(f"/v1/encounters/{key}", json=sent).status_code == 200
    answer = client.get("/v1/sightings", params={"individual": "w_0"}).json()
    (one,) = answer["sightings"]
    assert (one["notes"], one["notes_by"], one["place"]) == (
        "with a calf",
        "local",
        sent["place"],
    )
    assert one["position"] == {"latitude": 44.5, "longitude": -68.2, "uncertainty_m": None}
    assert client.get(one["cover_url"]).status_code == 200
    assert answer["summary"] == {
        "sightings": 1,
        "photos": 2,
        "years": 1,
        "first_at": "2016-07-01",
        "last_at": "2016-07-01",
        "last_region": "44, -68",
        "days_before_last": None,
    }
    assert client.get("/v1/sightings").json()["summary"] is None


def test_below_a_curator_a_position_comes_from_the_region_alone(
    serve_curated: Callable[..., Any],
) -> None:
    with serve_curated(has_keys=True) as curated:
        keys = curated.client.app.state.access.keys
        curator, reader = (bearer(keys.create(role, role).secret) for role in ("curate", "read"))
        asked = {"individual": "w_0"}
        first = curated.client.get("/v1/sightings", params=asked, headers=curator).json()
        key = first["sightings"][0]["encounter_key"]

        def one(headers: dict[str, str], **noted: str) -> dict[str, Any]:
            path = f"/v1/encounters/{key}"
            assert curated.client.patch(path, json=noted, headers=curator).status_code == 200
            answer = curated.client.get("/v1/sightings", params=asked, headers=headers)
            return answer.json()["sightings"][0]

        hidden = one(reader, place="44.5, -68.2")
        assert ("place" in hidden, hidden["position"]) == (False, None)
        public = one(reader, region="44, -68")
        assert public["position"]["latitude"] == 44
        assert one(curator, observer="Ana")["position"]["latitude"] == 44.5


def test_an_individuals_life_is_noted_and_read(curated: Any, problem: Problem) -> None:
    client = curated.client
    life = {"mother": "w_30", "born": "2015", "age_class": "calf"}
    etag = client.get("/v1/individuals/w_0").headers["etag"]
    edited = client.patch("/v1/individuals/w_0", json=life, headers={"If-Match": etag})
    assert edited.json()["kind"] == "edit"
    one = client.get("/v1/individuals/w_0")
    assert {name: one.json()[name] for name in life} == life
    assert one.headers["etag"] == edited.headers["etag"] != etag
    assert client.get("/v1/individuals/w_30").json()["calves"] == ["w_0"]
    problem(client.patch("/v1/individuals/w_30", json={"mother": "w_0"}), 422, "invalid")
    problem(client.patch("/v1/individuals/w_30", json={"mother": "x"}), 404, "not-found")
    problem(client.patch("/v1/individuals/w_30", json={"born": "young"}), 422, "invalid")
    revision = edited.json()["revision"]
    assert client.post(f"/v1/changes/{revision}/undo").status_code == 200
    assert client.get("/v1/individuals/w_0").json()["mother"] is None
