"""POST /v1/identify: every way in which a request can be wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from tests.service.routes.identification.photo_files import files_of


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
        client.post("/v1/identify", files=files_of(a=photo(0)), data=asked), 422, "invalid"
    )
    assert [fault["field"] for fault in document["errors"]] == [field]
    assert field in document["detail"]


def test_an_unknown_field_is_told_the_known_ones(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    response = client.post("/v1/identify", files=files_of(a=photo(0)), data={"topk": "3"})
    (fault,) = problem(response, 422, "invalid")["errors"]
    assert fault["reason"] == (
        "unknown; the fields are photos, max_fpir, threshold, k, encounter, individuals, "
        "exclude, species, years, "
        "regions, new_share, as_of, animal_threshold, box"
    )


def test_a_rate_that_the_catalogue_is_too_small_for_is_refused_before_decoding(
    serve: Callable[..., Any],
    serving: Any,
    photo: Callable[..., bytes],
    problem: Callable[..., Any],
) -> None:
    no_trials = Trials(np.zeros((0, 1)), np.zeros(0, np.int64))
    serving.identifier.calibration = fit_trials(no_trials, np.ones(1))
    with serve() as client:
        response = client.post(
            "/v1/identify", files=files_of(a=b"no photo"), data={"max_fpir": "0.1"}
        )
        assert "too small to calibrate" in problem(response, 422, "invalid")["detail"]
        assert client.get("/readyz").json()["is_calibrated"] is False
        assert (
            client.post("/v1/identify", files=files_of(a=photo(0))).json()["results"][0]["decision"]
            == "review"
        )


def test_every_bad_photo_is_named_and_none_is_lost(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    whole = photo(0, (64, 64))
    files = files_of(
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
            client.post("/v1/identify", files=files_of(a=photo(0))), 422, "bad-photos"
        )["errors"]
        assert "too many pixels" in fault["reason"]


def test_too_many_photos(
    serve: Callable[..., Any], photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    with serve(max_photos=2) as client:
        assert (
            client.post("/v1/identify", files=files_of(a=photo(0), b=photo(0))).status_code == 200
        )
        response = client.post("/v1/identify", files=files_of(a=photo(0), b=photo(0), c=photo(0)))
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
