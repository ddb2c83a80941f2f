"""The fitted curve against the definition of isotonic regression, by a loop over all blocks."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.curves.isotonic import FallingCurve, fit_falling


def naive_falling(values: list[float], weights: list[float]) -> list[float]:
    """Pool adjacent violators: merge neighbouring blocks while a later one is higher."""
    blocks = [[value, weight, 1] for value, weight in zip(values, weights, strict=True)]
    at = 0
    while at < len(blocks) - 1:
        (first, first_weight, first_count), (second, second_weight, second_count) = blocks[
            at : at + 2
        ]
        if second <= first:
            at += 1
            continue
        weight = first_weight + second_weight
        mean = (first * first_weight + second * second_weight) / weight
        blocks[at : at + 2] = [[mean, weight, first_count + second_count]]
        at = max(0, at - 1)
    return [value for value, _, count in blocks for _ in range(int(count))]


def fit_share(
    known: np.ndarray, is_right: np.ndarray, unknown: np.ndarray, share: float
) -> FallingCurve:
    """Fit what is right of known queries, unknown ones weighing a share of the whole."""
    return fit_falling(
        np.concatenate([known, unknown]),
        np.concatenate([is_right, np.zeros(len(unknown), np.bool_)]),
        np.concatenate(
            [
                np.full(len(known), (1 - share) / len(known)),
                np.full(len(unknown), share / max(1, len(unknown))),
            ]
        ),
    )


NONE = np.zeros(0)


def test_a_curve_is_straight_between_knots_and_level_outside() -> None:
    curve = FallingCurve((0.2, 0.6), (0.9, 0.1))
    assert [curve.at(distance) for distance in (0.0, 0.2, 0.4, 0.6, 2.0)] == pytest.approx(
        [0.9, 0.9, 0.5, 0.1, 0.1]
    )


def test_agrees_with_pooling_adjacent_violators(rng: np.random.Generator) -> None:
    known = np.sort(rng.uniform(0, 1, size=60))
    is_right = rng.uniform(size=60) > known
    unknown = rng.uniform(0.4, 1.2, size=30)
    curve = fit_share(known, is_right, unknown, 0.25)
    trials = sorted(
        [(d, bool(r), 0.75 / 60) for d, r in zip(known, is_right, strict=True)]
        + [(d, False, 0.25 / 30) for d in unknown]
    )
    expected = naive_falling(
        [float(right) for _, right, _ in trials], [weight for _, _, weight in trials]
    )
    for (distance, _, _), level in zip(trials, expected, strict=True):
        assert curve.at(distance) == pytest.approx(min(max(level, 1 / 92), 1 - 1 / 92))


def test_equal_distances_are_one_observation() -> None:
    known = np.array([0.5, 0.5, 0.5, 0.5])
    curve = fit_share(known, np.array([True, True, True, False]), NONE, 0.5)
    assert curve.at(0.5) == pytest.approx(0.75)


def test_unknown_queries_weigh_their_share_whatever_their_number() -> None:
    known, right = np.full(10, 0.5), np.ones(10, bool)
    for count in (10, 1000):
        assert fit_share(known, right, np.full(count, 0.5), 0.3).at(0.5) == pytest.approx(0.7)


def test_nothing_is_ever_certain() -> None:
    curve = fit_share(np.array([0.1, 0.2]), np.array([True, True]), np.array([0.8, 0.9]), 0.5)
    assert (curve.at(0.0), curve.at(2.0)) == pytest.approx((1 - 1 / 6, 1 / 6))


def test_the_order_of_trials_changes_nothing(rng: np.random.Generator) -> None:
    known, is_right, unknown = (
        rng.uniform(size=500).round(2),
        rng.uniform(size=500) < 0.5,
        rng.uniform(size=200).round(2),
    )
    order = rng.permutation(500)
    first = fit_share(known, is_right, unknown, 0.3)
    assert fit_share(known[order], is_right[order], unknown[::-1], 0.3) == first


def test_a_curve_of_many_steps_is_thinned_and_still_falls(rng: np.random.Generator) -> None:
    known = np.linspace(0, 1, 200_000)
    curve = fit_share(known, rng.uniform(size=200_000) > known, NONE, 0.3)
    assert 100 < len(curve.distances) <= 200
    assert (np.diff(curve.probabilities) <= 0).all()
    for distance in (0.1, 0.5, 0.9):
        assert curve.at(distance) == pytest.approx(1 - distance, abs=0.02)
