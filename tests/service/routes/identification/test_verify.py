"""POST /v1/verify: photos against an individual and against a photo, at known angles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from service.schemas.verify import VERIFY_EXAMPLE, VerifyAnswer


def distance(degrees: float) -> float:
    return 1 - float(np.cos(np.radians(degrees)))


def files(*photos: bytes, reference: bytes | None = None) -> list[tuple[str, tuple[str, bytes]]]:
    sent = [("photos", (f"{at}.png", data)) for at, data in enumerate(photos)]
    return sent if reference is None else [*sent, ("reference", ("other.png", reference))]


def test_photos_against_an_individual(client: TestClient, photo: Callable[..., bytes]) -> None:
    response = client.post(
        "/v1/verify", files=files(photo(25), photo(90)), data={"individual": "w_30"}
    )
    assert response.status_code == 200, response.text
    answer = response.json()
    same, different = answer["results"]
    assert (same["photo"], same["verdict"], same["rank"], same["nearest_individual"]) == (
        "0.png",
        "same",
        1,
        "w_30",
    )
    assert same["distance"] == pytest.approx(distance(5), abs=1e-6)
    assert same["compared"] == [
        {
            "photo": "2018/w_30.jpg",
            "photo_url": "/v1/photos/2018/w_30.jpg",
            "distance": same["distance"],
        }
    ]
    assert (different["verdict"], different["nearest_individual"]) == ("different", "w_90")
    assert different["distance"] == pytest.approx(0.5, abs=1e-6)
    assert (answer["individual"], answer["reference"], answer["encounter"]) == ("w_30", None, None)
    assert (answer["catalogue_revision"], answer["fingerprint"]) == (7, "f1" * 32)


def test_the_distance_and_probability_are_those_of_identify(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    matches = client.post("/v1/identify", files=files(photo(20))).json()["results"][0]["matches"]
    for match in matches:
        asked = {"individual": match["individual"]}
        (found,) = client.post("/v1/verify", files=files(photo(20)), data=asked).json()["results"]
        assert [found[each] for each in ("distance", "probability", "rank")] == [
            match[each] for each in ("distance", "probability", "rank")
        ]


def test_an_encounter_is_verified_together_too(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    asked = {"individual": "w_90", "encounter": "yes"}
    answer = client.post("/v1/verify", files=files(photo(90), photo(60)), data=asked).json()
    assert [each["verdict"] for each in answer["results"]] == ["same", "review"]
    together = answer["encounter"]
    assert together["distance"] == pytest.approx(distance(30) / 2, abs=1e-6)
    assert (together["verdict"], together["rank"]) == ("same", 1)


def test_photo_against_photo(client: TestClient, photo: Callable[..., bytes]) -> None:
    answer = client.post(
        "/v1/verify", files=files(photo(10), photo(70), reference=photo(12))
    ).json()
    near, far = answer["results"]
    assert (near["verdict"], far["verdict"]) == ("same", "different")
    assert near["compared"] == [
        {"photo": "other.png", "photo_url": None, "distance": near["distance"]}
    ]
    assert near["distance"] == pytest.approx(distance(2), abs=1e-6)
    assert (near["rank"], near["nearest_individual"]) == (None, None)
    assert (answer["individual"], answer["reference"]) == (None, "other.png")


@pytest.mark.parametrize(
    ("asked", "verdict"), [({}, "review"), ({"threshold": "0.1"}, "different")]
)
def test_the_thresholds_of_the_request_decide(
    client: TestClient, photo: Callable[..., bytes], asked: dict[str, str], verdict: str
) -> None:
    answer = client.post(
        "/v1/verify", files=files(photo(60)), data={"individual": "w_90", **asked}
    ).json()
    assert answer["results"][0]["verdict"] == verdict
    assert answer["thresholds"]["new_whale"] == pytest.approx(
        float(asked.get("threshold", 0.35)), abs=0.02
    )


@pytest.mark.parametrize(
    ("asked", "has_reference", "field", "said"),
    [
        ({}, False, "individual, reference", "one of them"),
        ({"individual": "w_0"}, True, "individual, reference", "one of them"),
        ({"individual": "w_31"}, False, "individual", "similar names are w_30"),
        ({"encounter": "true"}, True, "encounter", "goes with an individual only"),
        ({"individual": "w_0", "max_fpir": "1"}, False, "max_fpir", "less than 1"),
        (
            {"individual": "w_0", "k": "3"},
            False,
            "k",
            "the fields are photos, reference, max_fpir, threshold, individual",
        ),
        ({"reference": "fluke.jpg"}, False, "reference", "-F reference=@fluke.jpg"),
    ],
)
def test_what_makes_no_question_is_refused_before_any_photo_is_read(
    client: TestClient,
    problem: Callable[..., Any],
    asked: dict[str, str],
    has_reference: bool,
    field: str,
    said: str,
) -> None:
    sent = files(b"no photo", reference=b"none" if has_reference else None)
    (fault,) = problem(client.post("/v1/verify", files=sent, data=asked), 422, "invalid")["errors"]
    assert fault["field"] == field
    assert said in fault["reason"]


def test_bad_photos_are_named_the_reference_by_its_field(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    response = client.post("/v1/verify", files=files(photo(0), b"text", reference=b"words"))
    first, second = problem(response, 422, "bad-photos")["errors"]
    assert (first["photo"], first["position"], "field" in first) == ("1.png", 1, False)
    assert (second["photo"], second["field"], "position" in second) == (
        "other.png",
        "reference",
        False,
    )


def test_two_references_are_one_too_many(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    sent = [*files(photo(0), reference=photo(0)), ("reference", ("third.png", photo(0)))]
    assert "at most 1" in problem(client.post("/v1/verify", files=sent), 422, "invalid")["detail"]


def test_the_reference_needs_a_place_of_its_own(
    serve: Callable[..., Any], photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    with serve(max_photos=1, max_waiting_photos=1) as client:
        response = client.post("/v1/verify", files=files(photo(0), reference=photo(0)))
        assert "2 are needed" in problem(response, 503, "busy")["detail"]


def test_the_example_is_what_the_service_would_answer() -> None:
    assert VerifyAnswer.model_validate(VERIFY_EXAMPLE).model_dump() == VERIFY_EXAMPLE
