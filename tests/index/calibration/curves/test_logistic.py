"""Sigmoids that fall with distance: against what is known of the trials they are fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.curves.logistic import fit_sigmoid

Rng = np.random.Generator


def drawn(rng: Rng, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose probability is 1 / (1 + exp(20 (score - .5))), and what came of them."""
    scores = rng.uniform(0, 1, count).round(6)
    return scores, rng.uniform(size=count) < 1 / (1 + np.exp(20 * (scores - 0.5)))


def test_a_sigmoid_is_found_again(rng: Rng) -> None:
    curve = fit_sigmoid(*drawn(rng, 20_000), np.ones(20_000))
    for score in np.linspace(0.1, 0.9, 9):
        assert curve.at(score) == pytest.approx(1 / (1 + np.exp(20 * (score - 0.5))), abs=0.03)
    assert list(curve.distances) == sorted(set(curve.distances))
    assert list(curve.probabilities) == sorted(curve.probabilities, reverse=True)


def test_the_mean_is_the_weighted_share_that_holds(rng: Rng) -> None:
    scores, is_true = drawn(rng, 300)
    weights = rng.uniform(0.5, 2, 300)
    curve = fit_sigmoid(scores, is_true, weights)
    stated = np.array([curve.at(score) for score in scores])
    assert weights @ stated == pytest.approx(weights @ is_true, rel=2e-3)


def test_the_order_of_trials_changes_nothing(rng: Rng) -> None:
    scores, is_true = drawn(rng, 200)
    weights = rng.uniform(0.5, 2, 200)
    order = rng.permutation(200)
    assert fit_sigmoid(scores, is_true, weights) == fit_sigmoid(
        scores[order], is_true[order], weights[order]
    )


def test_scores_that_say_nothing_or_the_contrary_give_one_level() -> None:
    is_true = np.array([True, False] * 10)
    for scores in (np.full(20, 0.4), np.where(is_true, 0.6, 0.3)):
        curve = fit_sigmoid(scores, is_true, np.ones(20))
        assert curve.at(0.1) == curve.at(0.9) == pytest.approx(0.5, abs=1e-6)


def test_a_few_trials_apart_leave_doubt_between_them() -> None:
    curve = fit_sigmoid(np.array([0.1, 0.2, 0.6, 0.7]), np.arange(4) < 2, np.ones(4))
    assert 0.8 < curve.at(0.2) < 1 and 0 < curve.at(0.6) < 0.2
    assert curve.at(0.4) == pytest.approx(0.5, abs=0.05)


def test_what_always_held_is_not_certain() -> None:
    curve = fit_sigmoid(np.array([0.1, 0.2, 0.3]), np.ones(3, bool), np.ones(3), is_balanced=False)
    assert 0.9 < curve.at(0.2) < 1
