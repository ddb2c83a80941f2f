"""How probable a match is at a distance, for any share of new animals among the queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.calibration.curves.isotonic import FallingCurve, fit_falling
from index.calibration.curves.logistic import fit_sigmoid


@dataclass(frozen=True, slots=True)
class MatchCurve:
    """A candidate is right where its query's animal is in the catalogue and is this one.

    `is_known` was fitted with `new_whale_share` of the queries new, and is turned to other shares
    by Bayes' rule (Saerens, Latinne and Decaestecker 2002). `is_right` holds among known queries,
    whatever the share.
    """

    is_known: FallingCurve
    is_right: FallingCurve
    new_whale_share: float

    def known_at(self, score: float, share: float) -> float:
        """Read how probable it is that the query's animal is in the catalogue at all."""
        known = self.is_known.at(score)
        if share == self.new_whale_share:
            return known
        fitted, wanted = self.new_whale_share, share
        for_known = known * (1 - wanted) / (1 - fitted)
        for_new = (1 - known) * wanted / fitted
        return for_known / (for_known + for_new) if for_known + for_new else 0.0

    def at(self, score: float, share: float) -> float:
        """Read how probable it is that the candidate is right."""
        return self.known_at(score, share) * self.is_right.at(score)


def fit_match_curve(
    known: NDArray[np.float64],
    is_right: NDArray[np.bool_],
    unknown: Sequence[NDArray[np.float64]],
    new_whale_share: float,
    *,
    is_logistic: bool = False,
) -> MatchCurve:
    """Fit to the scores (a,) that candidates of known queries got, and whether each was right.

    `unknown` are scores of unknown queries, an array for each kind; kinds weigh the same together.
    The curves are isotonic, or logistic for trials too few for that.
    """
    kinds = [scores for scores in unknown if len(scores)]
    shares = [np.full(len(known), (1 - new_whale_share) / max(1, len(known)))]
    shares += [np.full(len(scores), new_whale_share / len(kinds) / len(scores)) for scores in kinds]
    every = np.concatenate([known, *kinds])
    of_known = np.arange(len(every)) < len(known)
    weights, alike = np.concatenate(shares), np.ones(len(known))
    if is_logistic:
        return MatchCurve(
            fit_sigmoid(every, of_known, weights),
            fit_sigmoid(known, is_right, alike, is_balanced=False),
            new_whale_share,
        )
    return MatchCurve(
        fit_falling(every, of_known, weights), fit_falling(known, is_right, alike), new_whale_share
    )
