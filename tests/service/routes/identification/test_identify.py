"""POST /v1/identify: known answers at known angles, also of a busy or failing service."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from index.identification.identifier import Identifier
from index.search.gallery import Gallery
from service.serving.service import Serving
from tests.service.routes.identification.photo_files import files_of


def test_ranks_individuals_with_distance_probability_decision_and_photo(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    response = client.post("/v1/identify", files=files_of(fluke=photo(30)), data={"k": "2"})
    assert response.status_code == 200, response.text
    answer = response.json()
    (result,) = answer["results"]
    assert (result["photo"], result["decision"]) == ("fluke.png", "known")
    assert [match["individual"] for match in result["matches"]] == ["w_30", "w_0"]
    first, second = result["matches"]
    assert first["distance"] == pytest.approx(0, abs=1e-6)
    assert second["distance"] == pytest.approx(1 - 3**0.5 / 2, abs=1e-6)
    assert [first["rank"], second["rank"]] == [1, 2]
    assert result["probability"] == first["probability"] > 0.5
    assert "w_30" in result["reason"]
    assert (first["photo"], first["photo_url"]) == ("2018/w_30.jpg", "/v1/photos/2018/w_30.jpg")
    assert answer["catalogue_revision"] == 7
    assert answer["fingerprint"] == "f1" * 32
    assert answer["individuals_searched"] == 3
    assert answer["thresholds"]["known"] < answer["thresholds"]["new_whale"]
    assert set(answer["timings_ms"]) == {"decode", "identify", "total"}


def test_the_nearest_photo_can_be_fetched_where_the_answer_says(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    answer = client.post("/v1/identify", files=files_of(fluke=photo(90))).json()
    response = client.get(answer["results"][0]["matches"][0]["photo_url"])
    assert response.status_code == 200, response.text


def test_several_photos_are_answered_in_order_even_with_one_name(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    files = [("photos", ("same.png", photo(degrees))) for degrees in (90, 0, 30)]
    results = client.post("/v1/identify", files=files).json()["results"]
    assert [result["matches"][0]["individual"] for result in results] == ["w_90", "w_0", "w_30"]
    assert {result["photo"] for result in results} == {"same.png"}


@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        (
            {},
            "review",
        ),  # 60 degrees lies at distance .134 of w_30 and of w_90: see calibration_of_trials
        ({"threshold": "0.1"}, "new_whale"),
        ({"threshold": "1.0"}, "review"),
        ({"max_fpir": "0.2"}, "known"),
        ({"max_fpir": "0.05"}, "review"),
    ],
)
def test_decides_by_default_by_rate_or_by_distance(
    client: TestClient, photo: Callable[..., bytes], asked: dict[str, str], decision: str
) -> None:
    (result,) = client.post("/v1/identify", files=files_of(a=photo(60)), data=asked).json()[
        "results"
    ]
    assert result["matches"][0]["distance"] == pytest.approx(0.134, abs=1e-3)
    assert result["decision"] == decision
    assert result["matches"][0]["individual"] == "w_30", "a tie goes to the first id"


def test_concurrent_requests_get_their_own_answers(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    def ask(degrees: int) -> tuple[str, float]:
        answer = client.post(
            "/v1/identify", files=files_of(a=photo(degrees)), data={"k": "1"}
        ).json()
        match = answer["results"][0]["matches"][0]
        return match["individual"], match["distance"]

    angles = [0, 30, 90, 5, 35, 85] * 5
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, angles))
    assert [individual for individual, _ in answers] == ["w_0", "w_30", "w_90"] * 10
    off = 0.0038053  # 1 - cos 5 degrees
    assert [distance for _, distance in answers] == pytest.approx(
        [0, 0, 0, off, off, off] * 5, abs=1e-6
    )


def test_a_full_service_answers_503_at_once_and_recovers(
    serve: Callable[..., Any],
    embedder: Any,
    photo: Callable[..., bytes],
    problem: Callable[..., Any],
) -> None:
    entered, released = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert released.wait(30)

    embedder.before_embedding = hold
    with (
        serve(max_photos=2, max_waiting_photos=2, retry_after_seconds=3) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        held = pool.submit(client.post, "/v1/identify", files=files_of(a=photo(0), b=photo(30)))
        assert entered.wait(30)
        refused = client.post("/v1/identify", files=files_of(c=photo(90)))
        released.set()
        assert "2 of 2 places" in problem(refused, 503, "busy")["detail"]
        assert refused.headers["retry-after"] == "3"
        assert held.result().status_code == 200
        assert client.post("/v1/identify", files=files_of(c=photo(90))).status_code == 200


def test_what_fails_inside_is_500_without_its_words(
    serve: Callable[..., Any],
    embedder: Any,
    photo: Callable[..., bytes],
    problem: Callable[..., Any],
) -> None:
    def fail() -> None:
        raise RuntimeError("secret path /home/x")

    embedder.before_embedding = fail
    with serve() as client:
        response = client.post(
            "/v1/identify", files=files_of(a=photo(0)), headers={"x-request-id": "mine-1"}
        )
        document = problem(response, 500, "internal")
        assert document["request_id"] == "mine-1"
        assert "secret" not in response.text


def test_nothing_is_identified_before_the_catalogue_is_loaded(
    serve: Callable[..., Any],
    serving: Any,
    photo: Callable[..., bytes],
    problem: Callable[..., Any],
) -> None:
    released = threading.Event()

    def load() -> Any:
        assert released.wait(30)
        return serving

    with serve(load) as client:
        response = client.post("/v1/identify", files=files_of(a=photo(0)))
        released.set()
        problem(response, 503, "not-ready")
        assert response.headers["retry-after"] == "1"


def test_the_species_is_null_with_the_reason_where_none_is_known(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    data = {"encounter": "true"}
    answer = client.post("/v1/identify", files=files_of(a=photo(30), b=photo(31)), data=data).json()
    expected = {
        "name": None,
        "probability": None,
        "reason": "The catalogue knows no individual's species.",
    }
    assert [result["species"] for result in answer["results"]] == [expected, expected]
    assert answer["encounter"]["species"] == expected


def test_the_nearest_individuals_name_the_species_with_a_probability(
    serving: Serving,
    serve: Callable[..., Any],
    photo: Callable[..., bytes],
    at: Callable[..., np.ndarray],
) -> None:
    """Fifteen whales of each of two species, a degree apart; each can be tried without itself."""
    degrees = {f"h{n:02}": n for n in range(15)} | {f"r{n:02}": 90 + n for n in range(15)}
    gallery = Gallery.build(
        [f"{one}.jpg" for one in degrees],
        list(degrees),
        at(*degrees.values()),
        fingerprint=serving.identifier.gallery.fingerprint,
        revision=1,
    )
    species = {one: "humpback" if one.startswith("h") else "right whale" for one in degrees}
    whole = serving.identifier
    many = Serving(Identifier(whole.embedder, gallery, whole.calibration, species), {})
    with serve(lambda: many) as client:
        while client.get("/readyz").status_code != 200:
            pass
        answer = client.post(
            "/v1/identify", files=files_of(a=photo(95)), data={"k": "1", "encounter": "true"}
        ).json()
    (result,) = answer["results"]
    assert len(result["matches"]) == 1
    assert (result["species"]["name"], result["species"]["probability"]) == (
        "right whale",
        pytest.approx(1 - 1 / 32),
    )
    assert result["species"]["reason"].startswith(
        "r05, at distance 0.000, is the nearest individual with a species"
    )
    assert answer["encounter"]["species"] == result["species"]
