"""Thresholds keep the rate they promise, probabilities match what happened, and nothing small is
trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from index.calibration.calibration import BadCalibration, Calibration
from index.calibration.fitting import calibrate, fit_trials
from index.calibration.rate_bounds import StrangerKind
from index.calibration.trials import Trials
from index.search.gallery import Gallery
from index.search.matching import BadQuery, Thresholds, decide

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
    return fit_trials(trials([0.1, 0.2, 0.3], [1, 1, 2]), np.array(unknown))


def bound(passing: int, count: int) -> float:
    """The rate that 3 of 4 catalogues keep of which so many strangers of so many passed."""
    rates = np.linspace(0, 1, 100_001)
    fewer = sum(
        math.comb(count, k) * rates**k * (1 - rates) ** (count - k) for k in range(passing + 1)
    )
    return float(rates[np.argmax(fewer <= 0.25)])


def test_a_threshold_is_just_below_the_first_stranger_too_many() -> None:
    unknown = [round(0.01 * step, 2) for step in range(1, 41)]
    calibration = fitted(unknown)
    for passing in (0, 1, 5, 20):
        rate = bound(passing, 40)
        expected = math.nextafter(unknown[passing], 0)
        assert calibration.threshold_at_fpir(rate + 2e-5) == expected
        assert passing == 0 or calibration.threshold_at_fpir(rate - 2e-5) < expected


def test_equal_unknown_distances_pass_together_or_not_at_all() -> None:
    calibration = fitted([0.2] * 24 + [0.7] * 16)
    assert calibration.threshold_at_fpir(0.5) == math.nextafter(0.2, 0)
    assert calibration.threshold_at_fpir(0.7) == math.nextafter(0.7, 0)


@pytest.mark.parametrize("count", [10, 57, 1000, 20_000])
@pytest.mark.parametrize("fpir", [0.003, 0.01, 0.05, 0.3, 0.9])
def test_the_promised_rate_is_kept_and_nearly_used_or_refused(
    rng: np.random.Generator, count: int, fpir: float
) -> None:
    unknown = rng.uniform(0.2, 1.2, size=count).round(6)
    calibration = fitted(unknown.tolist())
    smallest = 1 - 0.25 ** (1 / count) if count <= 100 else 1 / (count + 1)
    assert calibration.smallest_rate == pytest.approx(smallest, abs=1e-6)
    if fpir < smallest:
        with pytest.raises(BadCalibration, match=r"the smallest that can is 0\.\d+\. Ask for that"):
            calibration.threshold_at_fpir(fpir)
        return
    passed = int((unknown <= calibration.threshold_at_fpir(fpir)).sum())
    # 3 of 4 small catalogues keep the rate: two thirds of a standard error below it, and a bit.
    error = math.sqrt(count * fpir * (1 - fpir))
    assert fpir * count - error - 2 - 0.02 * count * (count > 1000) <= passed <= fpir * count


@pytest.mark.parametrize("fpir", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_outside_0_and_1_is_refused(fpir: float) -> None:
    with pytest.raises(BadQuery, match="give a share between 0 and 1"):
        fitted([0.5] * 10).threshold_at_fpir(fpir)


def test_default_thresholds_and_both_ways_to_change_them() -> None:
    calibration = fitted([round(0.01 * step, 2) for step in range(1, 101)])
    known, new_whale = math.nextafter(0.03, 0), math.nextafter(0.31, 0)
    assert bound(2, 100) <= 0.05 < bound(3, 100)
    assert calibration.thresholds() == Thresholds(known, new_whale, 0.5)
    tenth = math.nextafter(0.08, 0)
    assert bound(7, 100) <= 0.1 < bound(8, 100)
    assert calibration.thresholds(max_fpir=0.1) == Thresholds(tenth, new_whale)
    half = calibration.thresholds(max_fpir=0.5)
    assert half.known == half.new_whale == pytest.approx(0.47, abs=0.01)
    assert calibration.thresholds(threshold=0.2) == Thresholds(known, 0.2, 0.5)
    assert calibration.thresholds(threshold=0.01) == Thresholds(0.01, 0.01, 0.5)


def test_nothing_is_known_without_review_where_photos_of_one_animal_do_not_find_each_other() -> (
    None
):
    # Fourteen animals, one photo of either side: each finds another animal first.
    known = trials([0.3] * 28, [2] * 28)
    calibration = fit_trials(known, np.full(28, 0.4))
    assert calibration.trusted == calibration.thresholds().known == -1
    assert "did not find each other" in calibration.description
    assert calibration.thresholds(max_fpir=0.3).known == -1
    assert decide(0.0, calibration.thresholds(), calibration.probability(0.0, 1)) == "review"


def test_a_match_that_is_more_often_wrong_is_not_known_by_default() -> None:
    # Up to .2 all are right; at .3 most are another animal, though no stranger comes so near.
    known = trials([0.1, 0.2] * 50 + [0.3] * 30, [1] * 100 + [2] * 30)
    calibration = fit_trials(known, np.linspace(0.5, 1.0, 100))
    assert calibration.thresholds().known >= 0.3
    for distance, decision in ((0.2, "known"), (0.3, "review")):
        probability = calibration.probability(distance, 1)
        assert decide(distance, calibration.thresholds(), probability) == decision


def test_a_catalogue_too_small_for_the_default_rate_promises_what_it_can() -> None:
    few = fitted([0.5 + 0.01 * step for step in range(12)])
    assert 0.05 < few.smallest_rate < 0.2
    assert few.thresholds().known > 0
    assert "can't promise a false-positive rate below 0.11" in few.description
    fewer = fit_trials(
        trials([0.1] * 4, [1] * 4),
        [StrangerKind(np.full((10, 1), 0.5), np.array([0, 1] * 5))],
    )
    assert fewer.smallest_rate > 0.2
    assert fewer.thresholds().known == -1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_probabilities_follow_the_share_of_new_animals(share: float) -> None:
    known = trials([0.4] * 40, [1, 2] * 20)
    calibration = fit_trials(known, np.full(20, 0.4), new_whale_share=0.3)
    set_to = calibration.with_new_share(share)
    assert set_to.probability(0.4, 1) == pytest.approx((1 - share) * 0.5, abs=1e-4)
    assert set_to.known_probability([0.4]) == pytest.approx(1 - share, abs=1e-4)
    assert set_to.bounds == calibration.bounds


def test_a_farther_second_makes_the_first_more_probable(rng: np.random.Generator) -> None:
    # The distance says nothing here; where the second is far away the first is right.
    gap = np.where(rng.uniform(size=400) < 0.5, 0.0, 0.4)
    distances = np.stack([np.full(400, 0.4), 0.4 + gap], axis=1) + rng.uniform(0, 0.01, (400, 2))
    known = Trials(np.sort(distances), np.where(gap > 0, 1, 2))
    strangers = np.stack([np.full(400, 0.4), np.full(400, 0.41)], axis=1)
    calibration = fit_trials(known, strangers + rng.uniform(0, 0.005, (400, 2)))
    assert calibration.gap_weight > 0
    assert calibration.probabilities([0.4, 0.8])[0] > 0.8
    assert calibration.probabilities([0.4, 0.405])[0] < 0.3


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
    calibration = fit_trials(known, np.full(20, 0.4), new_whale_share=0.3)
    assert calibration.probability(0.4, 1) == pytest.approx(0.7 * 0.5)


def test_probability_of_later_ranks_pools_them() -> None:
    # Of four later candidates each, at .5, .6, .7 and .8, the first is right in 10 of 40 known
    # trials.
    known = trials([0.4] * 40, [1] * 30 + [2] * 10)
    calibration = fit_trials(known, np.full((20, 5), 1.5), new_whale_share=0.3)
    assert calibration.probability(0.5, 2) == calibration.probability(0.5, 4)
    assert calibration.probability(0.5, 2) == pytest.approx(0.25, abs=0.002)
    assert calibration.probability(1.5, 2) == pytest.approx(0, abs=0.01)


def test_later_ranks_that_no_trial_had_are_never_right() -> None:
    known = Trials(np.array([[0.1], [0.2]]), np.array([1, 1]))
    calibration = fit_trials(known, np.full(10, 0.5))
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
        gap = distances[1] - distances[0]
        assert probabilities[0] == calibration.probability(distances[0], 1, gap=gap)
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
    assert fitted([0.5] * 100).description == (
        "Calibrated on 3 known and 100 unknown trials (held-out individuals), taking 30% of "
        "queries to be new whales."
    )


def test_a_rebuilt_catalogue_in_another_order_gets_the_same_calibration(
    rng: np.random.Generator,
) -> None:
    vectors, individuals = herd(rng, 30, 4, spread=0.9)
    labels = [*individuals[:100], *([None] * 20)]
    order = rng.permutation(120)
    assert calibrate(vectors[order], [labels[row] for row in order]) == calibrate(vectors, labels)


def test_a_share_outside_0_and_1_is_refused() -> None:
    with pytest.raises(BadCalibration, match="new_whale_share is 1"):
        fit_trials(trials([0.1], [1]), np.full(10, 0.5), new_whale_share=1.0)
