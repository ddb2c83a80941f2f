"""What share of some queries shows new animals, estimated from their distances alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_QUERIES = 20
"""So many queries are needed for an estimate."""
_LIKELIHOOD_DROP = 1.92  # half the .95 quantile of chi squared with one degree of freedom
_ENDS = (1e-3, 1 - 1e-3)


@dataclass(frozen=True, slots=True)
class ShareEstimate:
    """A share of new animals with its 95 % interval, from so many queries."""

    share: float
    low: float
    high: float
    queries: int


def estimate_new_share(known: NDArray[np.float64], fitted_share: float) -> ShareEstimate | None:
    """Estimate the share of new animals among queries; None for fewer than FEWEST_QUERIES.

    `known` (n,) are the probabilities that each query's animal is in the catalogue, read at
    `fitted_share`. The estimate is the most likely share: where Saerens, Latinne and Decaestecker's
    (2002) expectation-maximisation ends. Its interval is that of the likelihood.
    """
    if len(known) < FEWEST_QUERIES:
        return None
    of_known, of_new = known / (1 - fitted_share), (1 - known) / fitted_share

    def log_likelihood(share: float) -> float:
        return float(np.log(np.maximum((1 - share) * of_known + share * of_new, 1e-12)).sum())

    def loss(share: float) -> float:
        return -log_likelihood(share)

    import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]

    optimize: Any = scipy.optimize  # imported here: it takes longer than a command's rest
    share = float(optimize.minimize_scalar(loss, bounds=_ENDS, method="bounded").x)
    least = log_likelihood(share) - _LIKELIHOOD_DROP

    def above(share: float) -> float:
        return log_likelihood(share) - least

    def end(at: float) -> float:
        return at if above(at) >= 0 else float(optimize.brentq(above, *sorted((at, share))))

    return ShareEstimate(share, end(_ENDS[0]), end(_ENDS[1]), len(known))
