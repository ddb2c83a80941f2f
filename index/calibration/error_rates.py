"""The error rates of a threshold by a calibration's trials: false positives and misses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.calibration.calibration import Calibration

_NONE_PASSES = 1e-9  # a rate that allows no trial at all


@dataclass(frozen=True, slots=True)
class RatePoint:
    """What happens where answers up to `distance` count as known.

    `fpir`: share of unknown queries that pass. `fnir`: share of known queries that don't, or whose
    nearest individual is another; None for a calibration that was stored before that was counted.
    """

    distance: float
    fpir: float
    fnir: float | None


def rates_at(calibration: Calibration, distance: float) -> RatePoint:
    """Count the trials on either side of a distance.

    Where not all are stored, to the careful side of both rates.
    """
    after = int(np.searchsorted(calibration.unknown_distances, distance, side="right"))
    stored = (*calibration.unknown_nearer, calibration.unknown_trials)
    fpir = stored[after] / calibration.unknown_trials if calibration.unknown_trials else 0.0
    fnir = None
    if calibration.histogram.is_counted and calibration.known_trials:
        found = int(np.searchsorted(calibration.right_distances, distance, side="right"))
        fnir = 1 - (0, *calibration.right_within)[found] / calibration.known_trials
    return RatePoint(distance, fpir, fnir)


def det_points(calibration: Calibration, most: int = 200) -> list[RatePoint]:
    """Compute the detection error trade-off at growing thresholds.

    The false-positive rates are evenly spaced on a log scale.

    Empty for an unfitted calibration, whose trials are too few to say anything.
    """
    if not calibration.is_fitted:
        return []
    trials = calibration.unknown_trials
    allowed = np.unique(np.geomspace(1, trials - 1, most).round().astype(np.int64)).tolist()
    rates = [_NONE_PASSES, *(passing / trials for passing in allowed)]
    distances = dict.fromkeys(calibration.threshold_at_fpir(rate) for rate in rates)
    return [rates_at(calibration, distance) for distance in distances]
