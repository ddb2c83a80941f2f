"""What a threshold costs: counted by hand, and against a loop over the trials."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.calibration import Calibration
from index.calibration.error_rates import RatePoint, det_points, rates_at
from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials


def calibration_of(right: list[float], mistaken: list[float], unknown: list[float]) -> Calibration:
    distances = np.array([*right, *mistaken])[:, None] + np.arange(5) * 0.1
    ranks = np.array([1] * len(right) + [2] * len(mistaken), np.int64)
    return fit_trials(Trials(distances, ranks), np.array(unknown))


SMALL = calibration_of([0.1, 0.2, 0.3], [0.15], [0.25 + 0.05 * step for step in range(10)])


@pytest.mark.parametrize(
    ("distance", "fpir", "fnir"),
    [
        (0.05, 0.0, 1.0),
        (0.1, 0.0, 0.75),
        (0.2, 0.0, 0.5),
        (0.25, 0.1, 0.5),
        (0.5, 0.6, 0.25),
        (2.0, 1.0, 0.25),
    ],
)
def test_rates_counted_by_hand(distance: float, fpir: float, fnir: float) -> None:
    found = rates_at(SMALL, distance)
    assert found == RatePoint(distance, pytest.approx(fpir), found.promised, pytest.approx(fnir))
    assert found.promised > found.fpir or found.promised == 1.0


@pytest.mark.parametrize("count", [40, 5000])
def test_rates_agree_with_a_loop_and_err_on_the_careful_side(
    rng: np.random.Generator, count: int
) -> None:
    right, unknown = rng.uniform(0, 0.8, count).round(6), rng.uniform(0.2, 1.2, count).round(6)
    calibration = calibration_of(right.tolist(), [], unknown.tolist())
    for distance in rng.uniform(0, 1.3, 30):
        found = rates_at(calibration, float(distance))
        fpir, fnir = float((unknown <= distance).mean()), float((right > distance).mean())
        stored_all = 0 if count <= 1000 else 1 / 500
        assert fpir <= found.fpir <= fpir + stored_all
        assert fnir - 1e-12 <= found.fnir <= fnir + stored_all + 1e-12


@pytest.mark.parametrize("calibration", [SMALL, calibration_of([0.1], [], [0.5])])
def test_where_nothing_is_known_no_stranger_passes(calibration: Calibration) -> None:
    """A threshold of -1 says that nothing is known, and the smallest rate is of no answer."""
    found = rates_at(calibration, -1.0)
    assert (found.fpir, found.promised, found.fnir) == (0.0, 0.0, 1.0)


def test_a_measured_rate_has_the_error_of_the_animals_that_were_tried() -> None:
    unknown = np.linspace(0.2, 1.2, 400).tolist()
    few, many = calibration_of([0.1], [], unknown[::4]), calibration_of([0.1], [], unknown)
    assert rates_at(many, 0.3).error == pytest.approx((0.1 * 0.9 / 400) ** 0.5, rel=0.05)
    assert rates_at(few, 0.3).error == pytest.approx(2 * rates_at(many, 0.3).error, rel=0.05)
    assert 0 < rates_at(many, 0.1).error < 0.005  # none passed, which may be chance
    assert rates_at(many, -1.0).error == 0


def test_the_trade_off_falls_on_one_side_and_rises_on_the_other() -> None:
    points = det_points(SMALL)
    assert (points[0].fpir, points[0].fnir) == (0.0, 0.5)
    assert [point.fpir for point in points] == pytest.approx([0.1 * step for step in range(10)])
    assert [point.fnir for point in points] == sorted(
        (point.fnir for point in points), reverse=True
    )


def test_points_are_bounded_and_promise_what_they_measure(rng: np.random.Generator) -> None:
    points = det_points(calibration_of([0.1], [], rng.uniform(0.2, 1.2, 20_000).tolist()), most=50)
    assert 30 < len(points) <= 51
    assert sum(point.fpir < 0.01 for point in points) > 10, "low rates are what people want"


def test_a_calibration_too_small_has_no_points() -> None:
    small = calibration_of([0.1], [], [0.5])
    assert det_points(small) == []
    assert rates_at(small, 0.6).fpir == 1.0


def test_without_trials_no_rate_is_promised() -> None:
    none = fit_trials(Trials(np.zeros((0, 1)), np.zeros(0, np.int64)), np.zeros(0))
    assert rates_at(none, 0.5) == RatePoint(0.5, 1.0, 1.0, None)
