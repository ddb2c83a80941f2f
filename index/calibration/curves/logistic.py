"""A probability that falls with distance, fitted by logistic regression (Platt 1999).

Two numbers are fitted, so that a few dozen trials are enough. They are few for isotonic
regression, which follows each of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.calibration.curves.isotonic import FallingCurve

_RIDGE = 1e-4
"""Cost of a squared slope, by which trials that are told apart by one distance stay uncertain.

Measured on drawn catalogues of 12 to 300 individuals (tests/bench/match_features.py).
"""
_LOGITS = np.linspace(-7.0, 7.0, 113)  # straight lines between them are within .0002
_DECIMALS = 9


def fit_sigmoid(
    scores: NDArray[np.float64],
    is_true: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    is_balanced: bool = True,
) -> FallingCurve:
    """Fit the probability that what holds of a score (n,) falls as scores grow; weights are > 0.

    The fit doesn't depend on the order of the trials. Where `is_balanced` the mean probability is
    the share that holds. Otherwise it stays away from 0 and 1 where all trials are alike.
    """
    order = np.lexsort((weights, is_true, scores))
    scores, is_true, weights = scores[order], is_true[order], weights[order]
    slope, level = _regression(scores, is_true, weights, 0.0 if is_balanced else 1.0)
    if slope > -1e-9:
        flat = 1 / (1 + np.exp(-level))
        return FallingCurve((0.0,), (round(float(flat), _DECIMALS),))
    falling = _LOGITS[::-1]
    distances = np.round((falling - level) / slope, _DECIMALS)
    probabilities = np.round(1 / (1 + np.exp(-falling)), _DECIMALS)
    kept = np.concatenate([[True], np.diff(distances) > 0])
    return FallingCurve(tuple(distances[kept].tolist()), tuple(probabilities[kept].tolist()))


def _regression(
    scores: NDArray[np.float64],
    is_true: NDArray[np.bool_],
    weights: NDArray[np.float64],
    level_cost: float,
) -> tuple[float, float]:
    """The slope, which is 0 or less, and the constant."""
    middle, spread = float(scores.mean()), float(scores.std()) + 1e-9
    scaled = np.stack([(scores - middle) / spread, np.ones(len(scores))], axis=1)
    shares, targets = weights / weights.sum(), is_true.astype(np.float64)
    costs = _RIDGE * np.array([1.0, level_cost])

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = scaled @ line
        lost = shares @ (np.logaddexp(0, logits) - targets * logits) + costs @ line**2
        stated = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        return float(lost), scaled.T @ (shares * (stated - targets)) + 2 * costs * line

    import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

    optimize: Any = scipy.optimize  # imported here: it takes longer than a command's rest
    found = optimize.minimize(
        loss,
        np.zeros(2),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, 0.0), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    slope = float(found.x[0]) / spread
    return slope, float(found.x[1]) - slope * middle
