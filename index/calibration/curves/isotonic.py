"""A probability that never rises with distance, fitted by isotonic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_KNOTS = 200  # a curve is stored with the catalogue: a few kilobytes
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class FallingCurve:
    """Straight lines through (distance, probability) knots, level beyond both ends."""

    distances: tuple[float, ...]
    probabilities: tuple[float, ...]

    def at(self, distance: float) -> float:
        """Read the probability at a cosine distance."""
        return float(np.interp(distance, self.distances, self.probabilities))


NEVER = FallingCurve((0.0,), (0.0,))
"""The curve of what never holds."""


def fit_falling(
    scores: NDArray[np.float64], is_true: NDArray[np.bool_], weights: NDArray[np.float64]
) -> FallingCurve:
    """Fit the probability that what holds of a score (n,) falls as scores grow; weights are > 0.

    Equal scores are one observation, so that the fit doesn't depend on the order of the trials.
    Nothing is ever certain: the curve stays 1 / (n + 2) away from 0 and 1. Without a score the
    probability is 0 everywhere.
    """
    if not len(scores):
        return NEVER
    distances, where = np.unique(scores, return_inverse=True)
    # Summed in the order of the sorted scores: sums of floats depend on their order.
    order = np.lexsort((weights, is_true, where))
    where, weights, is_true = where[order], weights[order], is_true[order]
    totals = np.bincount(where, weights, minlength=len(distances))
    right = np.bincount(where, weights * is_true, minlength=len(distances))
    import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

    optimize: Any = scipy.optimize  # imported here: it takes longer than a command's rest
    fitted = optimize.isotonic_regression(right / totals, weights=totals, increasing=False)
    uncertain = 1 / (len(scores) + 2)
    levels = np.clip(fitted.x, uncertain, 1 - uncertain)
    knots = _ends_of_plateaus(levels)
    probabilities = tuple(round(float(level), _DECIMALS) for level in levels[knots])
    return FallingCurve(tuple(distances[knots].tolist()), probabilities)


def _ends_of_plateaus(levels: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions where a level begins or ends, thinned evenly when there are too many to store."""
    changes = np.flatnonzero(np.diff(levels))
    ends = np.unique(np.concatenate([[0], changes, changes + 1, [len(levels) - 1]]))
    if len(ends) > _MOST_KNOTS:
        ends = ends[np.linspace(0, len(ends) - 1, _MOST_KNOTS).round().astype(np.int64)]
    return ends
