"""A part of the catalogue, chosen by individual, species, year and region; what is not known is
named with what is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unicodedata import normalize

import pytest
from fastapi.testclient import TestClient

from service.http.problems import ProblemError
from service.serving.scopes import Scope, similar_names

PHOTO = "w_0_a.png"


def _scope(**conditions: Any) -> Scope:
    return Scope(**{name: frozenset(values) for name, values in conditions.items()})


@pytest.mark.parametrize(
    ("asked", "individuals"),
    [
        ({}, ["w_0", "w_30", "w_90"]),
        ({"individuals": ["w_90"]}, ["w_90"]),
        ({"individuals": ["w_90", "w_0"]}, ["w_0", "w_90"]),
        ({"exclude": ["w_0"]}, ["w_30", "w_90"]),
        ({"individuals": ["w_0", "w_30"], "exclude": ["w_0"]}, ["w_30"]),
        ({"species": ["humpback"]}, ["w_0", "w_30"]),
        ({"species": ["humpback", "fin whale"]}, ["w_0", "w_30", "w_90"]),
        ({"years": ["2018"]}, ["w_30"]),
        ({"years": ["2014-2016", "2018"]}, ["w_0", "w_30"]),
        ({"species": ["humpback"], "years": ["2016"]}, ["w_0"]),
    ],
)
def test_only_what_meets_every_condition_is_compared_with(
    client: TestClient, photo: Callable[..., bytes], asked: dict[str, Any], individuals: list[str]
) -> None:
    response = client.post("/v1/identify", files=[("photos", ("a.png", photo(0)))], data=asked)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert [match["individual"] for match in answer["results"][0]["matches"]] == individuals
    assert (answer["individuals_searched"], answer["photos_searched"]) == (
        len(individuals),
        len(individuals),
    )


def test_regions_narrow_the_search_and_follow_their_encounters(
    curated: Any, photo: Callable[..., bytes], problem: Callable[..., dict[str, Any]]
) -> None:
    client = curated.client

    def searched(*regions: str, **asked: str) -> tuple[list[str], int, int]:
        data = {"regions": list(regions), **asked}
        response = client.post("/v1/identify", files=[("photos", ("a.png", photo(0)))], data=data)
        assert response.status_code == 200, response.text
        answer = response.json()
        matches = [match["individual"] for match in answer["results"][0]["matches"]]
        return matches, answer["individuals_searched"], answer["photos_searched"]

    def refused(*regions: str) -> str:
        files = [("photos", ("a.png", photo(0)))]
        return problem(
            client.post("/v1/identify", files=files, data={"regions": list(regions)}),
            422,
            "invalid",
        )["detail"]

    assert "none is known, nor 'Gulf of Maine'" in refused("Gulf of Maine")
    first, second = client.get("/v1/encounters").json()["encounters"]
    assert (first["individual"], first["region"], second["individual"]) == ("w_0", None, "w_30")
    client.patch(f"/v1/encounters/{first['key']}", json={"region": "Gulf of Maine"})
    client.patch(f"/v1/encounters/{second['key']}", json={"region": "Azores"})
    assert client.get("/v1/encounters").json()["encounters"][0]["region"] == "Gulf of Maine"
    assert searched("Gulf of Maine") == (["w_0"], 1, 2)
    assert searched("Azores") == (["w_30"], 1, 1)
    assert searched("Azores", "Gulf of Maine") == (["w_0", "w_30"], 2, 3)
    assert searched() == (["w_0", "w_30", "w_90"], 3, 4)
    assert searched("Gulf of Maine", years="2017") == (["w_0"], 1, 1)
    assert "similar names are Azores" in refused("Azore")
    # The photo takes its encounter's region along, and an earlier revision has that of then.
    client.post("/v1/catalogue/photos/move", json={"photos": ["w_0_b.png"], "individual": "w_90"})
    assert searched("Gulf of Maine") == (["w_0", "w_90"], 2, 2)
    client.patch(f"/v1/encounters/{first['key']}", json={"region": "Azores"})
    assert searched("Azores") == (["w_0", "w_30"], 2, 2)
    assert searched("Gulf of Maine", as_of="3") == (["w_0"], 1, 2)
    assert searched("Azores", as_of="3") == (["w_30"], 1, 1)


def test_a_photo_s_region_comes_with_its_encounter(
    curated: Any, photo: Callable[..., bytes]
) -> None:
    client = curated.client
    files = [("photos", ("q.png", photo(140)))]
    fields = {"encounter": "e9", "region": "Azores", "place": "the harbour"}
    assert client.post("/v1/queue", files=files, data=fields).status_code == 200
    client.post("/v1/queue/q.png/confirm", json={"individual": "w_140"})
    answer = client.post("/v1/identify", files=files, data={"regions": "Azores"}).json()
    assert [match["individual"] for match in answer["results"][0]["matches"]] == ["w_140"]
    (met,) = client.get("/v1/encounters", params={"individual": "w_140"}).json()["encounters"]
    assert (met["region"], met["place"]) == ("Azores", "the harbour")


def test_distances_and_thresholds_stay_those_of_the_whole_catalogue(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    whole, narrowed = (
        client.post("/v1/identify", files=[("photos", ("a.png", photo(20)))], data=asked).json()
        for asked in ({}, {"individuals": ["w_30"]})
    )
    assert narrowed["results"][0]["matches"][0] == whole["results"][0]["matches"][0]
    assert narrowed["thresholds"] == whole["thresholds"]
    assert narrowed["catalogue_revision"] == whole["catalogue_revision"]


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"individuals": ["w_3"]}, "individuals", "knows no 'w_3'; similar names are w_30"),
        (
            {"individuals": ["w_0", "Tahlequah"]},
            "individuals",
            "knows no 'Tahlequah'; it knows 3: w_0, w_30, w_90",
        ),
        ({"exclude": ["w_91"]}, "exclude", "similar names are w_90"),
        ({"species": ["humpbak"]}, "species", "similar names are humpback"),
        ({"exclude": ["a", "b", "c", "d", "e"]}, "exclude", "(and 2 more)"),
        (
            {"years": ["1999"]},
            "years",
            "nobody to compare with; its dated photos are of 2016 to 2018",
        ),
        (
            {"species": ["fin whale"], "years": ["2018"]},
            "species, years",
            "no catalogue photo meets all of this",
        ),
        (
            {"individuals": ["w_0"], "exclude": ["w_0"]},
            "individuals, exclude",
            "nobody to compare with",
        ),
        ({"years": ["2018-2016"]}, "years", "2018-2016 runs backwards"),
        ({"years": ["last year"]}, "years", "match pattern"),
        ({"species": [""]}, "species", "at least 1 character"),
    ],
)
def test_what_makes_no_scope_is_refused_before_any_photo_is_read(
    client: TestClient, problem: Callable[..., Any], asked: dict[str, Any], field: str, said: str
) -> None:
    response = client.post("/v1/identify", files=[("photos", ("a.png", b"no photo"))], data=asked)
    (fault,) = problem(response, 422, "invalid")["errors"]
    assert fault["field"] == field
    assert said in fault["reason"]


def test_a_scope_is_narrowed_once_and_the_longest_unused_is_let_go(serving: Any) -> None:
    scopes = serving.scopes
    first = scopes.identifier_for(_scope(individuals=["w_0"]))
    assert scopes.identifier_for(_scope(individuals=["w_0"])) is first
    assert scopes.identifier_for(_scope()) is serving.identifier
    scopes.identifier_for(_scope(individuals=["w_30"]))
    assert scopes.identifier_for(_scope(individuals=["w_0"])) is first
    without = scopes.identifier_for(
        _scope(exclude=["w_0"])
    )  # with it four photos are kept, of a catalogue of three
    assert scopes.identifier_for(_scope(individuals=["w_0"])) is first, "used since w_30 was"
    scopes.identifier_for(_scope(exclude=["w_90"]))
    assert scopes.identifier_for(_scope(individuals=["w_0"])) is first
    assert scopes.identifier_for(_scope(exclude=["w_0"])) is not without


def test_many_threads_asking_in_one_scope_share_it(serving: Any) -> None:
    barrier = threading.Barrier(6)

    def ask(_: int) -> Any:
        barrier.wait()
        return serving.scopes.identifier_for(_scope(species=["humpback"]))

    with ThreadPoolExecutor(6) as pool:
        assert len({id(each) for each in pool.map(ask, range(6))}) == 1


def test_an_individual_to_compare_with_must_be_known(serving: Any) -> None:
    serving.scopes.check_individual("w_0")
    with pytest.raises(ProblemError, match="knows no 'w_31'; similar names are w_30"):
        serving.scopes.check_individual("w_31")


def test_names_alike_are_looked_for_among_those_around_it() -> None:
    many = [f"w_{each:06}" for each in range(100_000)]
    assert similar_names("w_0500000", many)[0] == "w_050000"
    assert similar_names("w_zzzzzz", []) == []
    assert similar_names("completely different", many) == []


def test_names_meet_whichever_way_their_accents_are_written(
    curated: Any, photo: Callable[..., bytes]
) -> None:
    client = curated.client
    nfc, nfd = (normalize(form, "Baléna") for form in ("NFC", "NFD"))
    assert client.post("/v1/individuals/w_0/rename", json={"new": nfc}).status_code == 200
    client.patch(f"/v1/catalogue/photos/{PHOTO}", json={"species": f"especie {nfd}"})
    for fields in (
        {"individuals": nfd},
        {"individuals": nfc},
        {"species": f"especie {nfc}"},
        {"species": f"especie {nfd}"},
    ):
        asked = client.post("/v1/identify", files=_files(photo), data=fields)
        assert asked.status_code == 200, asked.text
        matches = asked.json()["results"][0]["matches"]
        assert [match["individual"] for match in matches] == [nfc]
    without = client.post("/v1/identify", files=_files(photo), data={"exclude": nfd}).json()
    assert nfc not in [match["individual"] for match in without["results"][0]["matches"]]
    verified = client.post("/v1/verify", files=_files(photo), data={"individual": nfd})
    assert verified.status_code == 200, verified.text
    assert verified.json()["individual"] == nfc


def _files(photo: Callable[..., bytes]) -> list[Any]:
    return [("photos", ("a.png", photo(0)))]
