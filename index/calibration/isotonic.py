"""A probability that never rises with distance, fitted by isotonic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

_optimize: Any = scipy.optimize

_MOST_KNOTS = 200  # a curve is stored with the catalogue: a few kilobytes


@dataclass(frozen=True, slots=True)
class FallingCurve:
    """Straight lines through (distance, probability) knots, level beyond both ends."""

    distances: tuple[float, ...]
    probabilities: tuple[float, ...]

    def at(self, distance: float) -> float:
        """Read the probability at a cosine distance."""
        return float(np.interp(distance, self.distances, self.probabilities))


def fit_falling(
    known: NDArray[np.float64],
    is_right: NDArray[np.bool_],
    unknown: NDArray[np.float64],
    *,
    unknown_share: float,
) -> FallingCurve:
    """Fit the probability that a candidate at a distance is right.

    `known` (a,) are distances of candidates that known queries got, `is_right` (a,) whether each
    was the right individual, `unknown` (b,) those that unknown queries got, never right. The
    unknown ones weigh `unknown_share` of the whole, whatever their number. Equal distances are one
    observation, counted in whole numbers, so that the fit does not depend on the order of the
    trials. Nothing is ever certain: the curve stays 1 / (a + b + 2) away from 0 and 1.
    """
    distances, where = np.unique(np.concatenate([known, unknown]), return_inverse=True)

    def count(positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(positions, minlength=len(distances))

    of_known, of_unknown = where[: len(known)], where[len(known) :]
    known_weight = (1 - unknown_share) / max(1, len(known))
    right = count(of_known[is_right]) * known_weight
    weights = count(of_known) * known_weight + count(of_unknown) * (
        unknown_share / max(1, len(unknown))
    )
    fitted = _optimize.isotonic_regression(right / weights, weights=weights, increasing=False)
    uncertain = 1 / (len(known) + len(unknown) + 2)
    levels = np.clip(fitted.x, uncertain, 1 - uncertain)
    knots = _ends_of_plateaus(levels)
    return FallingCurve(tuple(distances[knots].tolist()), tuple(levels[knots].tolist()))


def _ends_of_plateaus(levels: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions where a level begins or ends, thinned evenly when there are too many to store."""
    changes = np.flatnonzero(np.diff(levels))
    ends = np.unique(np.concatenate([[0], changes, changes + 1, [len(levels) - 1]]))
    if len(ends) > _MOST_KNOTS:
        ends = ends[np.linspace(0, len(ends) - 1, _MOST_KNOTS).round().astype(np.int64)]
    return ends
