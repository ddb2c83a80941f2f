"""The error rates of a threshold by a calibration's trials: false positives and misses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from index.calibration.calibration import Calibration


@dataclass(frozen=True, slots=True)
class RatePoint:
    """What happens where answers up to `distance` count as known.

    `fpir`: share of unknown queries that pass, of the kind of stranger that passes more often.
    `promised`: the share that can be promised. `fnir`: share of known queries that don't pass, or
    whose nearest individual is another; None without a known trial. `error`: one standard error of
    `fpir`, as so many individuals were held out and tried.
    """

    distance: float
    fpir: float
    promised: float
    fnir: float | None
    error: float = field(default=0.0, compare=False)


def rates_at(calibration: Calibration, distance: float) -> RatePoint:
    """Count the trials on either side of a distance.

    Where not all are stored, to the careful side of the rates.
    """
    fnir = None
    if calibration.known_trials:
        found = int(calibration.right.up_to(np.array([distance]))[0])
        fnir = 1 - found / calibration.known_trials
    return RatePoint(
        distance,
        calibration.share_passing(distance),
        calibration.promised_at(distance),
        fnir,
        0.0 if distance < 0 else calibration.rate_error(calibration.share_passing(distance)),
    )


def det_points(calibration: Calibration, most: int = 200) -> list[RatePoint]:
    """Compute the detection error trade-off at growing thresholds.

    The false-positive rates are evenly spaced on a log scale.

    Empty for an unfitted calibration, whose trials are too few to say anything.
    """
    if not calibration.is_fitted:
        return []
    shares = np.array(calibration.bounds.shares)
    lowest = max(1 / (calibration.unknown_trials + 1), float(shares[0]))
    wanted = np.geomspace(lowest, float(shares[-1]), most)
    at = np.unique(np.searchsorted(shares, wanted, side="right")) - 1
    distances = np.nextafter(np.array(calibration.bounds.distances)[at], -np.inf)
    return [rates_at(calibration, float(distance)) for distance in np.unique(distances)]
