"""Thresholds keep the rate they promise, probabilities match what happened, and nothing small is
trusted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest

from index.calibration.calibration import (
    BadCalibration,
    Calibration,
    best_submission_threshold,
    calibrate,
)
from index.calibration.leave_one_out import Trials
from index.search.gallery import Gallery
from index.search.matching import BadQuery, Score, Thresholds, decide
from training.evaluation.metrics import submission_map5

At = Callable[..., np.ndarray]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def herd(
    rng: np.random.Generator, individuals: int, photos: int, spread: float = 0.5
) -> tuple[np.ndarray, list[str]]:
    """Random clusters: (individuals * photos, 16) vectors and whose they are."""
    centres = rng.normal(size=(individuals, 1, 16))
    vectors = unit((centres + spread * rng.normal(size=(individuals, photos, 16))).reshape(-1, 16))
    return vectors, [f"w_{row // photos:03}" for row in range(individuals * photos)]


def trials(distances: list[float], ranks: list[int]) -> Trials:
    """Known trials whose later candidates are each .1 farther."""
    first = np.array(distances).reshape(-1, 1)
    return Trials(first + np.arange(5) * 0.1, np.array(ranks, np.int64))


def fitted(unknown: list[float]) -> Calibration:
    return Calibration.from_trials(trials([0.1, 0.2, 0.3], [1, 1, 2]), np.array(unknown))


def test_threshold_is_just_below_the_first_unknown_too_many() -> None:
    calibration = fitted([round(0.1 * step, 1) for step in range(1, 11)])
    assert calibration.threshold_at_fpir(0.30) == math.nextafter(0.4, 0)
    assert calibration.threshold_at_fpir(0.05) == math.nextafter(0.1, 0)
    assert calibration.threshold_at_fpir(0.999) == math.nextafter(1.0, 0)


def test_equal_unknown_distances_pass_together_or_not_at_all() -> None:
    calibration = fitted([0.2] * 6 + [0.7] * 4)
    assert calibration.threshold_at_fpir(0.5) == math.nextafter(0.2, 0)
    assert calibration.threshold_at_fpir(0.6) == math.nextafter(0.7, 0)


@pytest.mark.parametrize("count", [10, 57, 1000, 20_000])
@pytest.mark.parametrize("fpir", [0.003, 0.01, 0.05, 0.3, 0.9])
def test_the_promised_rate_is_kept_and_nearly_used(
    rng: np.random.Generator, count: int, fpir: float
) -> None:
    unknown = rng.uniform(0.2, 1.2, size=count).round(6)
    threshold = fitted(unknown.tolist()).threshold_at_fpir(fpir)
    passed = int((unknown <= threshold).sum())
    assert passed <= fpir * count
    # Stored distances are thinned beyond a thousand, always to the careful side.
    assert (
        passed >= math.floor(fpir * count + 1e-9) - count / 500
        if count > 1000
        else passed == math.floor(fpir * count)
    )


@pytest.mark.parametrize("fpir", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_outside_0_and_1_is_refused(fpir: float) -> None:
    with pytest.raises(BadQuery, match="give a share between 0 and 1"):
        fitted([0.5] * 10).threshold_at_fpir(fpir)


def test_default_thresholds_and_both_ways_to_change_them() -> None:
    calibration = fitted([round(0.01 * step, 2) for step in range(1, 101)])
    known, new_whale = math.nextafter(0.06, 0), math.nextafter(0.31, 0)
    assert calibration.thresholds() == Thresholds(known, new_whale)
    assert calibration.thresholds(max_fpir=0.1) == Thresholds(math.nextafter(0.11, 0), new_whale)
    assert calibration.thresholds(max_fpir=0.5) == Thresholds(
        math.nextafter(0.51, 0), math.nextafter(0.51, 0)
    )
    assert calibration.thresholds(threshold=0.2) == Thresholds(known, 0.2)
    assert calibration.thresholds(threshold=0.01) == Thresholds(0.01, 0.01)


def test_thresholds_refuse_both_ways_at_once_and_no_distance() -> None:
    calibration = fitted([0.5] * 10)
    with pytest.raises(BadQuery, match="both max_fpir and threshold were given"):
        calibration.thresholds(max_fpir=0.1, threshold=0.5)
    for threshold in (-0.1, 2.1, math.nan):
        with pytest.raises(BadQuery, match="give a cosine distance from 0 to 2"):
            calibration.thresholds(threshold=threshold)


def test_probability_of_the_first_is_the_share_that_was_right() -> None:
    # At .4 half of the known trials are right; unknown ones, all at .4 too, are 30 % of the
    # queries.
    known = trials([0.4] * 40, [1, 2] * 20)
    calibration = Calibration.from_trials(known, np.full(20, 0.4), new_whale_share=0.3)
    assert calibration.probability(0.4, 1) == pytest.approx(0.7 * 0.5)


def test_probability_of_later_ranks_pools_them() -> None:
    # Of four later candidates each, at .5, .6, .7 and .8, the first is right in 10 of 40 known
    # trials.
    known = trials([0.4] * 40, [1] * 30 + [2] * 10)
    calibration = Calibration.from_trials(known, np.full((20, 5), 1.5), new_whale_share=0.3)
    assert calibration.probability(0.5, 2) == calibration.probability(0.5, 4) == pytest.approx(0.25)
    assert calibration.probability(1.5, 2) == pytest.approx(0, abs=0.01)


def test_later_ranks_that_no_trial_had_are_never_right() -> None:
    known = Trials(np.array([[0.1], [0.2]]), np.array([1, 1]))
    calibration = Calibration.from_trials(known, np.full(10, 0.5))
    assert calibration.probabilities([0.1, 0.1])[1] == 0.0


def test_probabilities_of_one_answer_fall_and_never_exceed_1_together(
    rng: np.random.Generator,
) -> None:
    vectors, individuals = herd(rng, 40, 4)
    calibration = calibrate(vectors, individuals)
    for _ in range(50):
        distances = np.sort(rng.uniform(0, 1.2, size=12)).tolist()
        probabilities = calibration.probabilities(distances)
        assert len(probabilities) == 12
        assert sum(probabilities) <= 1 + 1e-9
        assert probabilities == sorted(probabilities, reverse=True)
        assert probabilities[0] == calibration.probability(distances[0], 1)
    assert calibration.probabilities([]) == []


def test_probabilities_are_calibrated_on_animals_like_those_of_the_catalogue(
    rng: np.random.Generator,
) -> None:
    vectors, individuals = herd(rng, 300, 4, spread=0.8)
    calibration = calibrate(vectors[:900], individuals[:900])
    known_rows, unknown_rows = np.arange(0, 900, 4), np.arange(900, 1200)
    kept = np.setdiff1d(np.arange(900), known_rows)
    gallery = Gallery.build(
        [str(row) for row in kept],
        [individuals[row] for row in kept],
        vectors[kept],
        fingerprint="f",
        revision=1,
    )
    outcomes = []
    for row in (*known_rows, *unknown_rows):
        (best,) = gallery.rank(vectors[row : row + 1], 1)[0]
        weight = 0.7 / len(known_rows) if row < 900 else 0.3 / len(unknown_rows)
        outcomes.append(
            (calibration.probability(best.distance, 1), best.individual == individuals[row], weight)
        )
    stated = sum(probability * weight for probability, _, weight in outcomes)
    happened = sum(weight for _, is_right, weight in outcomes if is_right)
    assert stated == pytest.approx(happened, abs=0.06)


def test_the_threshold_drifts_down_as_the_gallery_grows(rng: np.random.Generator) -> None:
    vectors, individuals = herd(rng, 400, 3)
    small = calibrate(vectors[:60], individuals[:60]).threshold_at_fpir(0.1)
    assert calibrate(vectors, individuals).threshold_at_fpir(0.1) < small


@pytest.mark.parametrize(
    ("vectors", "individuals"),
    [
        ([], []),
        ([0.0, 10.0], ["w_a", "w_a"]),
        ([0.0, 10.0, 90.0], ["w_a", "w_a", "w_b"]),
        ([float(step) for step in range(20)], [f"w_{step}" for step in range(20)]),
    ],
)
def test_a_catalogue_too_small_is_cautious_and_says_so(
    at: At, vectors: list[float], individuals: list[str]
) -> None:
    calibration = calibrate(at(*vectors), individuals)
    assert not calibration.is_fitted
    assert "too small to calibrate" in calibration.description
    assert decide(0.0, calibration.thresholds()) == "review"
    assert decide(0.6, calibration.thresholds()) == "new_whale"
    assert calibration.probability(0.0, 1) == 0.5
    assert decide(0.0, calibration.thresholds(threshold=0.3)) == "review"
    with pytest.raises(BadCalibration, match="No false-positive rate can be promised"):
        calibration.thresholds(max_fpir=0.1)


def test_a_fitted_calibration_describes_its_trials() -> None:
    assert fitted([0.5] * 10).description == (
        "Calibrated on 3 known and 10 unknown trials (held-out individuals), taking 30% of "
        "queries to be new whales."
    )


@pytest.mark.parametrize("score", ["nearest", "centre", "blend"])
def test_json_restores_an_equal_calibration(rng: np.random.Generator, score: Score) -> None:
    calibration = calibrate(*herd(rng, 30, 3), score=score)
    text = json.dumps(calibration.to_json(), allow_nan=False)
    assert Calibration.from_json(json.loads(text)) == calibration
    assert calibration.score == score


def test_a_large_calibration_is_stored_small(rng: np.random.Generator) -> None:
    known = trials(
        rng.uniform(0, 1, size=50_000).tolist(), rng.integers(1, 4, size=50_000).tolist()
    )
    calibration = Calibration.from_trials(known, rng.uniform(0.3, 1.3, size=50_000))
    assert len(json.dumps(calibration.to_json())) < 60_000


def test_an_unfitted_calibration_is_stored_too() -> None:
    calibration = calibrate(np.zeros((0, 2), np.float32), [])
    assert (
        Calibration.from_json(json.loads(json.dumps(calibration.to_json(), allow_nan=False)))
        == calibration
    )


def test_a_stored_calibration_with_other_fields_names_the_mending_command() -> None:
    stored = fitted([0.5] * 10).to_json()
    del stored["later"]
    with pytest.raises(BadCalibration, match="flukeprint index update"):
        Calibration.from_json(stored)


@pytest.mark.parametrize(
    ("field", "value"), [("first", None), ("later", {"distances": [0.1]}), ("unknown_distances", 3)]
)
def test_a_damaged_stored_calibration_names_the_mending_command(field: str, value: object) -> None:
    with pytest.raises(BadCalibration, match=r"cannot be read .*flukeprint index update"):
        Calibration.from_json(fitted([0.5] * 10).to_json() | {field: value})


def test_a_rebuilt_catalogue_in_another_order_gets_the_same_calibration(
    rng: np.random.Generator,
) -> None:
    vectors, individuals = herd(rng, 30, 4, spread=0.9)
    labels = [*individuals[:100], *([None] * 20)]
    order = rng.permutation(120)
    assert calibrate(vectors[order], [labels[row] for row in order]) == calibrate(vectors, labels)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_submission_threshold_is_the_best_of_all(
    rng: np.random.Generator, share: float
) -> None:
    distances = rng.uniform(0.1, 0.9, size=70).round(3)
    known = trials(distances.tolist(), np.where(rng.uniform(size=70) > distances, 1, 3).tolist())
    unknown = rng.uniform(0.4, 1.1, size=30).round(3)

    def expected_map5(threshold: float) -> float:
        of_known = submission_map5(
            known.distances[:, 0], known.true_ranks, np.full(1, 9.0), threshold
        )
        of_unknown = np.where(unknown <= threshold, 0.5, 1.0).mean()
        # The one far stranger in the first figure is always labelled right.
        return (1 - share) * (of_known * 71 - 1) / 70 + share * float(of_unknown)

    best = best_submission_threshold(known, unknown, share)
    every = [-1.0, *distances.tolist(), *unknown.tolist(), 2.0]
    assert expected_map5(best) == pytest.approx(max(expected_map5(each) for each in every))


def test_when_nothing_is_ever_right_new_whale_always_comes_first() -> None:
    known = trials([0.3] * 20, [2] * 20)
    assert best_submission_threshold(known, np.full(20, 0.5), 0.3) < 0


def test_a_share_outside_0_and_1_is_refused() -> None:
    with pytest.raises(BadCalibration, match="new_whale_share is 1"):
        Calibration.from_trials(trials([0.1], [1]), np.full(10, 0.5), new_whale_share=1.0)
