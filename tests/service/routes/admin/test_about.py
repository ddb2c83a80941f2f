"""GET /v1/calibration, /v1/stats, /v1/version."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from service.schemas.about import CALIBRATION_EXAMPLE, STATS_EXAMPLE, CalibrationAnswer, Stats


def test_thresholds_trade_off_and_trials(client: TestClient) -> None:
    answer = client.get("/v1/calibration").json()
    # See calibration_of_trials: 50 known trials at 0 to .09, 100 unknown at .05 to 1.
    assert (answer["known_trials"], answer["unknown_trials"], answer["is_calibrated"]) == (
        50,
        100,
        True,
    )
    known, new_whale = answer["thresholds"]["known"], answer["thresholds"]["new_whale"]
    # Two of 100 strangers passed, so that .05 is kept by three catalogues in four.
    assert known["distance"] == pytest.approx(0.07, abs=0.01)
    assert known["fpir"] == pytest.approx(0.02)
    assert 0.02 < known["promised"] <= 0.05
    assert known["error"] == pytest.approx((0.03 * 0.97 / 100) ** 0.5, rel=0.05)
    assert new_whale["fpir"] == pytest.approx(0.30) and new_whale["fnir"] == pytest.approx(0)
    assert answer["asked"] is None
    rates = [point["fpir"] for point in answer["det"]]
    assert rates == sorted(rates) and rates[0] == 0
    assert sum(each["known"] for each in answer["histogram"]) == 50
    assert sum(each["unknown"] for each in answer["histogram"]) == 100
    assert answer["histogram"][0]["start"] == 0
    assert answer["histogram"][-1]["unknown"] > 0, "empty ends are left out"
    assert (answer["catalogue_revision"], answer["fingerprint"]) == (7, "f1" * 32)


def test_a_wanted_rate_gets_the_threshold_that_identify_would_use(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    asked = client.get("/v1/calibration", params={"max_fpir": 0.2}).json()["asked"]
    sent = [("photos", ("a.png", photo(0)))]
    used = client.post("/v1/identify", files=sent, data={"max_fpir": "0.2"}).json()["thresholds"]
    assert asked["distance"] == used["known"]
    # What is promised is the upper bound of what was measured.
    assert asked["promised"] == pytest.approx(0.2, abs=0.01)
    assert asked["promised"] <= 0.2
    assert asked["fpir"] == pytest.approx(0.16)


@pytest.mark.parametrize("rate", ["0", "1", "most"])
def test_a_rate_out_of_range(client: TestClient, problem: Callable[..., Any], rate: str) -> None:
    document = problem(client.get("/v1/calibration", params={"max_fpir": rate}), 422, "invalid")
    assert document["errors"][0]["field"] == "max_fpir"


def test_a_catalogue_too_small_promises_no_rate(
    serve: Callable[..., Any], serving: Any, problem: Callable[..., Any]
) -> None:
    no_trials = Trials(np.zeros((0, 1)), np.zeros(0, np.int64))
    serving.identifier.calibration = fit_trials(no_trials, np.ones(1))
    with serve() as client:
        answer = client.get("/v1/calibration").json()
        assert (answer["is_calibrated"], answer["det"]) == (False, [])
        assert "too small to calibrate" in answer["description"]
        response = client.get("/v1/calibration", params={"max_fpir": 0.1})
        assert "too small to calibrate" in problem(response, 422, "invalid")["detail"]


def test_stats_count_what_is_served(client: TestClient, serving: Any) -> None:
    stranger = serving.photos["2018/w_90.jpg"]._replace(
        individual=None, encounter="e1", taken_at="2020-01-02", region="the bay"
    )
    serving.photos["2020/stranger.jpg"] = stranger
    answer = client.get("/v1/stats").json()
    assert (answer["individuals"], answer["photos"], answer["photos_searched"]) == (3, 4, 3)
    assert (answer["new_whale_photos"], answer["encounters"]) == (1, 1)
    assert (answer["first_taken_at"], answer["last_taken_at"]) == ("2016-07-01", "2020-01-02")
    assert answer["species"] == [
        {"species": "fin whale", "individuals": 1, "photos": 2},
        {"species": "humpback", "individuals": 2, "photos": 2},
    ]
    assert [(each["year"], each["individuals"], each["photos"]) for each in answer["years"]] == [
        (2016, 1, 1),
        (2018, 1, 1),
        (2020, 0, 1),
        (None, 1, 1),
    ]
    assert answer["regions"] == [{"region": "the bay", "individuals": 0, "photos": 1}]
    assert answer["photos_each"] == [{"photos": 1, "individuals": 3}]


def test_version_is_told_before_and_after_loading(serve: Callable[..., Any], serving: Any) -> None:
    released = threading.Event()

    def load() -> Any:
        assert released.wait(30)
        return serving

    with serve(load) as client:
        before = client.get("/v1/version").json()
        assert (before["api"], before["fingerprint"], before["catalogue_revision"]) == (
            "v1",
            None,
            None,
        )
        assert before["flukeprint"]
        released.set()
        while client.get("/readyz").status_code != 200:
            pass
        after = client.get("/v1/version").json()
    assert (after["fingerprint"], after["dimension"], after["catalogue_revision"]) == (
        "f1" * 32,
        2,
        7,
    )


@pytest.mark.parametrize("path", ["/v1/calibration", "/v1/stats"])
def test_nothing_is_told_of_a_catalogue_that_is_being_loaded(
    serve: Callable[..., Any], serving: Any, problem: Callable[..., Any], path: str
) -> None:
    released = threading.Event()

    def load() -> Any:
        assert released.wait(30)
        return serving

    with serve(load) as client:
        response = client.get(path)
        released.set()
        problem(response, 503, "not-ready")


def test_the_examples_are_what_the_service_would_answer() -> None:
    assert CalibrationAnswer.model_validate(CALIBRATION_EXAMPLE).model_dump() == CALIBRATION_EXAMPLE
    assert Stats.model_validate(STATS_EXAMPLE).model_dump() == STATS_EXAMPLE
