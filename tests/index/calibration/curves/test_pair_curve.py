"""The probability that a pair of individuals is one animal, on drawn pairs of known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from index.calibration.curves.pair_curve import (
    FEWEST_INDIVIDUALS,
    FEWEST_SPLIT,
    PairCurve,
    PairDistances,
    fit_pair_curve,
)

REACH = 0.5
NONE = np.zeros(0)


def of_one_animal(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.abs(rng.normal(0.2, 0.07, count))


def different(rng: np.random.Generator, count: int) -> np.ndarray:
    """Distances with a density that rises as the eleventh power of them."""
    return REACH * rng.random(count) ** (1 / 12)


def pairs(
    rng: np.random.Generator, duplicates: int, *, individuals: int = 500
) -> tuple[PairDistances, np.ndarray, np.ndarray]:
    """A catalogue's pairs, and apart from them those of one animal and the others."""
    same, others = of_one_animal(rng, duplicates), different(rng, 20 * individuals)
    near = np.sort(np.concatenate([same[same <= REACH], others]))
    halves = of_one_animal(rng, individuals // 2)
    return PairDistances(near, REACH, NONE, NONE, halves, individuals), same, others


def stated(curve: PairCurve, distances: np.ndarray) -> np.ndarray:
    return np.array([one.probability for one in map(curve.at, distances.tolist()) if one])


def test_stated_probabilities_come_true(rng: np.random.Generator) -> None:
    probabilities, truths = [], []
    for duplicates in (0, 3, 30, 100):
        for _ in range(5):
            drawn, same, others = pairs(rng, duplicates)
            curve = fit_pair_curve(drawn)
            probabilities += [stated(curve, same), stated(curve, others)]
            truths += [np.ones(len(same)), np.zeros(len(others))]
    probability, truth = np.concatenate(probabilities), np.concatenate(truths)
    for low, high in ((0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        own = (probability >= low) & (probability < high)
        count = own.sum()
        assert count > 20
        error = (0.25 / count) ** 0.5
        assert truth[own].mean() == pytest.approx(probability[own].mean(), abs=0.03 + 2 * error)


@pytest.mark.parametrize("duplicates", [0, 5, 40])
def test_the_number_of_duplicates_lies_within_its_bounds(
    rng: np.random.Generator, duplicates: int
) -> None:
    found = [fit_pair_curve(pairs(rng, duplicates)[0]).duplicates or (0, 0, 0) for _ in range(5)]
    assert sum(low <= max(duplicates, 0.1) <= high for _, low, high in found) >= 4


def test_more_pairs_make_the_same_distance_less_probable(rng: np.random.Generator) -> None:
    """Among ten times as many individuals there are a hundred times as many pairs."""
    small, *_ = pairs(rng, 5)
    more = np.sort(np.concatenate([small.near, different(rng, 99 * len(small.near))]))
    large = small._replace(near=more, individuals=5000)
    few, many = (fit_pair_curve(one).at(0.3) for one in (small, large))
    assert few is not None
    assert many is not None
    assert many.probability < few.probability / 5


def test_what_was_reviewed_counts(rng: np.random.Generator) -> None:
    drawn, same, _ = pairs(rng, 8, individuals=100)
    open_curve = fit_pair_curve(drawn)
    refused = fit_pair_curve(drawn._replace(different=same))
    merged = fit_pair_curve(drawn._replace(merged=same))
    # Where nothing is sure yet: at the ends all three say the same.
    distances = np.arange(0, 1, 0.01)
    at = float(distances[np.argmax(stated(open_curve, distances) < 0.6)])
    probabilities = [one.at(at) for one in (refused, open_curve, merged)]
    shown = [one.probability for one in probabilities if one is not None]
    assert shown[0] < shown[1] < shown[2]
    assert "reviewed, 8 are different and 0 were merged" in refused.fitted_to


def test_probabilities_never_rise_and_lie_within_their_bounds(rng: np.random.Generator) -> None:
    curve = fit_pair_curve(pairs(rng, 20)[0])
    for values in (curve.probabilities, curve.lows, curve.highs):
        assert (np.diff(values) <= 0).all()
    both = zip(curve.lows, curve.probabilities, curve.highs, strict=True)
    assert all(0 <= low <= mean <= high <= 1 for low, mean, high in both)
    far, last = curve.at(1.9), curve.at(curve.distances[-1])
    assert far == last


def test_the_curve_does_not_depend_on_the_order_of_pairs(rng: np.random.Generator) -> None:
    drawn, *_ = pairs(rng, 10)
    other = drawn._replace(near=drawn.near[::-1], halves=drawn.halves[::-1])
    assert fit_pair_curve(other).probabilities == pytest.approx(
        fit_pair_curve(drawn).probabilities, abs=1e-5
    )


def test_too_few_animals_give_no_probability_and_say_why(rng: np.random.Generator) -> None:
    drawn, *_ = pairs(rng, 2)
    few = fit_pair_curve(drawn._replace(individuals=FEWEST_INDIVIDUALS - 1))
    assert few == replace(PairCurve(few.fitted_to))
    assert few.at(0.1) is None
    assert f"{FEWEST_INDIVIDUALS} are needed" in few.fitted_to
    unsplit = fit_pair_curve(drawn._replace(halves=drawn.halves[: FEWEST_SPLIT - 1]))
    assert unsplit.at(0.1) is None
    assert "two encounters or more" in unsplit.fitted_to
