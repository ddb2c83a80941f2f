"""Which curves probabilities are read from: logistic where trials are few, else as they fit."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.curves.match_curve import MatchCurve, fit_match_curve
from index.calibration.fitting import choose_shape, fit_trials
from index.calibration.rate_bounds import StrangerKind
from index.calibration.trials import Trials

Rng = np.random.Generator


def known_and_strange(rng: Rng, known: int, strange: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances of known queries, all right, and of strangers."""
    return rng.normal(0.35, 0.12, known).round(6), rng.normal(0.65, 0.1, strange).round(6)


def log_loss(curve: MatchCurve, known: np.ndarray, strange: np.ndarray) -> float:
    stated = [np.clip([curve.at(x, 0.3) for x in each], 1e-3, 0.999) for each in (known, strange)]
    return float(-0.7 * np.log(stated[0]).mean() - 0.3 * np.log(1 - stated[1]).mean())


def test_small_catalogues_say_more_of_animals_that_they_never_saw(rng: Rng) -> None:
    """Over 40 catalogues of 15 known trials; isotonic curves, as before, follow single trials."""
    fresh = known_and_strange(rng, 400, 400)
    losses: list[tuple[float, float]] = []
    for _ in range(40):
        known, strange = known_and_strange(rng, 15, 20)
        is_right = np.ones(15, np.bool_)
        isotonic = fit_match_curve(known, is_right, [strange], 0.3)
        shipped = fit_trials(Trials(known[:, None], np.ones(15, np.int64)), strange).first
        losses.append((log_loss(shipped, *fresh), log_loss(isotonic, *fresh)))
    ours, isotonic = np.mean(losses, axis=0)
    assert ours < 0.9 * isotonic


def test_trials_that_no_sigmoid_fits_get_isotonic_curves(rng: Rng) -> None:
    """Half of the strangers come as near as known animals do; the others are far away."""
    known = rng.uniform(0.2, 0.4, 300)
    strange = np.concatenate([rng.uniform(0.2, 0.4, 150), rng.uniform(0.9, 1.0, 150)])
    trials = Trials(known[:, None], np.ones(300, np.int64))
    kind = StrangerKind(strange[:, None], np.arange(300))
    assert not choose_shape(trials, [kind], 0.3).is_logistic
    calibration = fit_trials(trials, [kind])
    assert calibration.known_probability([0.3]) == pytest.approx(0.7 / 0.85, abs=0.05)
    assert calibration.known_probability([0.95]) < 0.02


@pytest.mark.parametrize(
    ("animals", "photos", "is_logistic"), [(49, 1, True), (49, 7, False), (50, 1, False)]
)
def test_few_animals_get_logistic_curves_where_their_trials_are_few(
    rng: Rng, animals: int, photos: int, is_logistic: bool
) -> None:
    known = rng.uniform(0.2, 0.4, animals * photos)
    strange = np.concatenate([rng.uniform(0.2, 0.4, 150), rng.uniform(0.9, 1.0, 150)])
    numbers = np.repeat(np.arange(animals), photos)
    trials = Trials(known[:, None], np.ones(len(known), np.int64), numbers)
    shape = choose_shape(trials, [StrangerKind(strange[:, None], np.arange(300))], 0.3)
    assert shape.is_logistic == is_logistic
