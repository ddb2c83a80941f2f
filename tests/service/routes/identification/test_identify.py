"""POST /v1/identify: known answers at known angles, and every way in which a request can be
wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from index.calibration.calibration import Calibration
from index.calibration.leave_one_out import Trials
from index.identification.identifier import Identifier
from index.search.gallery import Gallery
from service.serving.service import Serving

Files = list[tuple[str, tuple[str, bytes]]]


def _files(**photos: bytes) -> Files:
    return [("photos", (f"{name}.png", data)) for name, data in photos.items()]


def test_ranks_individuals_with_distance_probability_decision_and_photo(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    response = client.post("/v1/identify", files=_files(fluke=photo(30)), data={"k": "2"})
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
    answer = client.post("/v1/identify", files=_files(fluke=photo(90))).json()
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
        ({"max_fpir": "0.01"}, "review"),
    ],
)
def test_decides_by_default_by_rate_or_by_distance(
    client: TestClient, photo: Callable[..., bytes], asked: dict[str, str], decision: str
) -> None:
    (result,) = client.post("/v1/identify", files=_files(a=photo(60)), data=asked).json()["results"]
    assert result["matches"][0]["distance"] == pytest.approx(0.134, abs=1e-3)
    assert result["decision"] == decision
    assert result["matches"][0]["individual"] == "w_30", "a tie goes to the first id"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"k": "0"}, "k"),
        ({"k": "51"}, "k"),
        ({"k": "many"}, "k"),
        ({"k": ["1", "2"]}, "k"),
        ({"max_fpir": "0"}, "max_fpir"),
        ({"max_fpir": "1"}, "max_fpir"),
        ({"max_fpir": "nan"}, "max_fpir"),
        ({"threshold": "-0.1"}, "threshold"),
        ({"threshold": "inf"}, "threshold"),
        ({"max_fpir": "0.1", "threshold": "0.3"}, "max_fpir, threshold"),
        ({"treshold": "0.3"}, "treshold"),
    ],
)
def test_a_field_out_of_range_unknown_or_contradicting_is_named(
    client: TestClient,
    photo: Callable[..., bytes],
    problem: Callable[..., Any],
    asked: Any,
    field: str,
) -> None:
    document = problem(
        client.post("/v1/identify", files=_files(a=photo(0)), data=asked), 422, "invalid"
    )
    assert [fault["field"] for fault in document["errors"]] == [field]
    assert field in document["detail"]


def test_an_unknown_field_is_told_the_known_ones(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    response = client.post("/v1/identify", files=_files(a=photo(0)), data={"topk": "3"})
    (fault,) = problem(response, 422, "invalid")["errors"]
    assert fault["reason"] == (
        "unknown; the fields are photos, max_fpir, threshold, k, encounter, individuals, "
        "exclude, species, years, "
        "regions, as_of"
    )


def test_a_rate_that_the_catalogue_is_too_small_for_is_refused_before_decoding(
    serve: Callable[..., Any],
    serving: Any,
    photo: Callable[..., bytes],
    problem: Callable[..., Any],
) -> None:
    no_trials = Trials(np.zeros((0, 1)), np.zeros(0, np.int64))
    serving.identifier.calibration = Calibration.from_trials(no_trials, np.ones(1))
    with serve() as client:
        response = client.post(
            "/v1/identify", files=_files(a=b"no photo"), data={"max_fpir": "0.1"}
        )
        assert "too small to calibrate" in problem(response, 422, "invalid")["detail"]
        assert client.get("/readyz").json()["is_calibrated"] is False
        assert (
            client.post("/v1/identify", files=_files(a=photo(0))).json()["results"][0]["decision"]
            == "review"
        )


def test_every_bad_photo_is_named_and_none_is_lost(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    whole = photo(0, (64, 64))
    files = _files(
        good=photo(30), empty=b"", text=b"not a photo at all", cut=whole[: len(whole) // 2]
    )
    document = problem(client.post("/v1/identify", files=files), 422, "bad-photos")
    assert [(fault["photo"], fault["position"]) for fault in document["errors"]] == [
        ("empty.png", 1),
        ("text.png", 2),
        ("cut.png", 3),
    ]
    assert "empty" in document["errors"][0]["reason"]
    assert "text" in document["errors"][1]["reason"]
    assert document["detail"].startswith("3 of 4 photos")


def test_too_many_pixels_is_a_bad_photo(
    serve: Callable[..., Any], photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    with serve(max_photo_pixels=63) as client:
        (fault,) = problem(
            client.post("/v1/identify", files=_files(a=photo(0))), 422, "bad-photos"
        )["errors"]
        assert "too many pixels" in fault["reason"]


def test_too_many_photos(
    serve: Callable[..., Any], photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    with serve(max_photos=2) as client:
        assert client.post("/v1/identify", files=_files(a=photo(0), b=photo(0))).status_code == 200
        response = client.post("/v1/identify", files=_files(a=photo(0), b=photo(0), c=photo(0)))
        assert "at most 2" in problem(response, 422, "invalid")["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        {"files": [("k", (None, "3"))]},
        {"files": [("photos", (None, "fluke.jpg"))]},
        {"files": [("photo", ("fluke.png", b"x"))]},
    ],
    ids=["none", "text", "misspelt"],
)
def test_no_photo(client: TestClient, problem: Callable[..., Any], sent: Any) -> None:
    document = problem(client.post("/v1/identify", **sent), 422, "invalid")
    assert document["errors"][0]["field"] == "photos"


@pytest.mark.parametrize(
    "sent",
    [{"json": {"photos": []}}, {"data": {"k": "3"}}, {"content": b"\xff\xd8\xff"}],
    ids=["json", "form", "raw"],
)
def test_another_content_type_is_415(
    client: TestClient, problem: Callable[..., Any], sent: Any
) -> None:
    document = problem(client.post("/v1/identify", **sent), 415, "not-multipart")
    assert "curl -F" in document["detail"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"this is no part"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n",
        ),
    ],
    ids=["no boundary", "garbage", "nameless part"],
)
def test_a_broken_form_is_400(
    client: TestClient, problem: Callable[..., Any], content_type: str, body: bytes
) -> None:
    response = client.post("/v1/identify", content=body, headers={"content-type": content_type})
    assert problem(response, 400, "bad-request")["detail"]


def test_concurrent_requests_get_their_own_answers(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    def ask(degrees: int) -> tuple[str, float]:
        answer = client.post("/v1/identify", files=_files(a=photo(degrees)), data={"k": "1"}).json()
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
        held = pool.submit(client.post, "/v1/identify", files=_files(a=photo(0), b=photo(30)))
        assert entered.wait(30)
        refused = client.post("/v1/identify", files=_files(c=photo(90)))
        released.set()
        assert "2 of 2 places" in problem(refused, 503, "busy")["detail"]
        assert refused.headers["retry-after"] == "3"
        assert held.result().status_code == 200
        assert client.post("/v1/identify", files=_files(c=photo(90))).status_code == 200


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
            "/v1/identify", files=_files(a=photo(0)), headers={"x-request-id": "mine-1"}
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
        response = client.post("/v1/identify", files=_files(a=photo(0)))
        released.set()
        problem(response, 503, "not-ready")
        assert response.headers["retry-after"] == "1"


def test_the_species_is_null_with_the_reason_where_none_is_known(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    data = {"encounter": "true"}
    answer = client.post("/v1/identify", files=_files(a=photo(30), b=photo(31)), data=data).json()
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
            "/v1/identify", files=_files(a=photo(95)), data={"k": "1", "encounter": "true"}
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
