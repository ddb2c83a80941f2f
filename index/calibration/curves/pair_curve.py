"""How probable it is that two individuals of a catalogue are one animal, at a distance.

Among all pairs of individuals nearly all are different, and nobody knows how many are not. Their
distances are those of different animals and, mixed in, those of one animal under two ids. What the
latter look like is known from individuals that were split in two. What the former look like is
read from the pairs themselves, of which there are thousands somewhat farther away. So the number of
duplicate pairs is what the nearest pairs have too many of (an empirical null, Efron 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FEWEST_SPLIT = 20
"""Individuals that can be split in two, below which no probability is given."""
FEWEST_INDIVIDUALS = 50
"""Individuals, below which no probability is given: they make too few pairs."""
PAIRS_AN_INDIVIDUAL = 20
"""Of so many pairs an individual, the nearest, the distances of different animals are read."""
CERTAINTY = 0.95
"""How surely a probability lies within its bounds."""

_BINS = 60
_FEWEST_DUPLICATES = 0.05  # the least number of duplicate pairs that is thought of
_GRID = 48  # numbers of duplicate pairs that are tried
_DRAWS = 32  # curves of different animals drawn for each
_STEPS = 60
_RIDGE = 1e-3  # keeps a curve finite where the pairs say nothing of it
_DECIMALS = 6

Floats = NDArray[np.float64]


class PairDistances(NamedTuple):
    """Distances (n,) that a curve is fitted to.

    `near`: of all pairs of individuals up to `reach`, those that were marked as different among
    them; `different`: those that were; `merged`: of individuals that turned out to be one; `halves`
    of individuals that were split in two. `individuals` is how many there are.
    """

    near: Floats
    reach: float
    different: Floats
    merged: Floats
    halves: Floats
    individuals: int


@dataclass(frozen=True, slots=True)
class PairProbability:
    """How probable it is that two individuals are one, and within which bounds that lies."""

    probability: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairCurve:
    """Probabilities at ascending distances (b,), none of which rises; empty where none is given.

    A pair that is farther is less probable than the last. `duplicates` is how many pairs of the
    catalogue are one animal, with its bounds. `fitted_to` says what the curve was fitted to, or
    why there is none.
    """

    fitted_to: str
    distances: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    duplicates: tuple[float, float, float] | None = None

    def at(self, distance: float) -> PairProbability | None:
        """Read the probability of a pair at a distance; None where none can be given."""
        if not self.distances:
            return None
        return PairProbability(
            *(
                float(np.interp(distance, self.distances, values))
                for values in (self.probabilities, self.lows, self.highs)
            )
        )


def fit_pair_curve(pairs: PairDistances) -> PairCurve:
    """Fit the curve, or say why there is none."""
    if pairs.individuals < FEWEST_INDIVIDUALS:
        return PairCurve(
            f"No probability: the catalogue has {pairs.individuals} individuals, and "
            f"{FEWEST_INDIVIDUALS} are needed to know how near different animals come to each "
            "other."
        )
    if len(pairs.halves) < FEWEST_SPLIT:
        return PairCurve(
            f"No probability: {len(pairs.halves)} individuals have photos of two encounters or "
            f"more, and {FEWEST_SPLIT} are needed to know how far photos of one animal lie from "
            "each other."
        )
    return _Mixture(pairs).curve()


class _Mixture:
    """Counts of pairs by distance: of one animal, and of different ones."""

    def __init__(self, pairs: PairDistances) -> None:
        self._pairs = pairs
        edges = np.linspace(0.0, pairs.reach, _BINS + 1)
        self._middles = (edges[1:] + edges[:-1]) / 2
        self._different = _counts(pairs.different, edges)
        self._merged = _counts(pairs.merged, edges)
        self._open = np.maximum(0.0, _counts(pairs.near, edges) - self._different)
        self._of_one = _smooth_shares(pairs.halves, edges)  # (b,), to sum 1 with those beyond
        self._features = _features(self._middles)  # (b, 3)

    def curve(self) -> PairCurve:
        """Average over how many duplicates there may be, and how different animals may lie."""
        most = max(10.0, float(self._pairs.individuals))
        numbers = np.geomspace(_FEWEST_DUPLICATES, most, _GRID)
        rng = np.random.default_rng(0)
        noise = rng.standard_normal((_DRAWS, self._features.shape[1]))
        likelihoods, curves = list[float](), list[Floats]()
        line = self._first_line()
        for number in numbers[::-1].tolist():
            line, information = self._fitted(number, line)
            sign, volume = np.linalg.slogdet(information)
            likelihoods.append(self._likelihood(number, line) - 0.5 * float(sign * volume))
            root = np.linalg.cholesky(np.linalg.inv(information))
            of_one = number * self._of_one
            lines = line + noise @ root.T
            curves.append(of_one / (of_one + np.exp(_capped(lines @ self._features.T))))
        weights = np.exp(np.array(likelihoods) - max(likelihoods))
        weights /= weights.sum()
        return self._averaged(numbers[::-1], weights, np.stack(curves))

    def _averaged(self, numbers: Floats, weights: Floats, curves: Floats) -> PairCurve:
        drawn = curves.reshape(-1, _BINS)  # (grid * draws, b)
        shares = np.repeat(weights / _DRAWS, _DRAWS)
        tail = (1 - CERTAINTY) / 2
        mean = _falling(shares @ drawn)
        low, high = (_falling(_quantile(drawn, shares, at)) for at in (tail, 1 - tail))
        fewest, most = (
            round(float(_quantile(numbers[:, None], weights, at)[0]), 1) for at in (tail, 1 - tail)
        )
        pairs = self._pairs
        return PairCurve(
            f"Fitted to {len(pairs.halves):,} individuals split in two and to the "
            f"{len(pairs.near):,} nearest pairs of {pairs.individuals:,} individuals. Of pairs "
            f"that were reviewed, {len(pairs.different):,} are different and "
            f"{len(pairs.merged):,} were merged.",
            _rounded(self._middles),
            _rounded(mean),
            _rounded(np.minimum(low, mean)),
            _rounded(np.maximum(high, mean)),
            (round(float(weights @ numbers), 1), fewest, most),
        )

    def _first_line(self) -> Floats:
        """A curve through the pairs as if all were different."""
        known = self._open + self._different
        line = np.zeros(self._features.shape[1])
        line[0] = np.log(max(1.0, float(known.sum())) / _BINS)
        return line

    def _fitted(self, number: float, line: Floats) -> tuple[Floats, Floats]:
        """The likeliest curve of different animals (3,) beside so many duplicates.

        With it comes what the pairs say of it (3, 3), by Fisher's scoring.
        """
        best = self._likelihood(number, line)
        information = self._information(number, line)
        for _ in range(_STEPS):
            step = np.linalg.solve(information, self._slope(number, line))
            while (after := self._likelihood(number, line + step)) < best - 1e-9:
                step = step / 2
                if float(np.abs(step).max()) < 1e-7:
                    return line, information
            line, gained, best = line + step, after - best, after
            information = self._information(number, line)
            if gained < 1e-6:
                break
        return line, information

    def _likelihood(self, number: float, line: Floats) -> float:
        """The log likelihood, but for what doesn't depend on either."""
        logs = _capped(self._features @ line)
        of_one = number * self._of_one
        every = of_one + np.exp(logs)
        found = self._open @ np.log(every) - every.sum() + self._different @ logs
        found += self._merged.sum() * np.log(number)
        return float(found - 0.5 * _RIDGE * line @ line)

    def _slope(self, number: float, line: Floats) -> Floats:
        different = np.exp(_capped(self._features @ line))
        share = different / (different + number * self._of_one)
        return self._features.T @ (self._open * share + self._different - different) - _RIDGE * line

    def _information(self, number: float, line: Floats) -> Floats:
        different = np.exp(_capped(self._features @ line))
        share = different / (different + number * self._of_one)
        weights = different * share
        count = self._features.shape[1]
        return (self._features.T * weights) @ self._features + _RIDGE * np.eye(count)


def _features(distances: Floats) -> Floats:
    """What the logarithm of the number of different pairs is linear in (b, 3).

    Near distance 0 there are so many pairs as a power of the distance, farther out fewer than that.
    """
    features = np.stack([np.log(distances), distances], axis=1)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    return np.concatenate([np.ones((len(distances), 1)), scaled], axis=1)


def _smooth_shares(distances: Floats, edges: Floats) -> Floats:
    """The share of distances within each bin (b,), smoothed by a normal kernel."""
    import scipy.stats  # imported here: it takes longer than a command's rest

    spread = float(np.std(distances)) or 1e-3
    width = max(1.06 * spread * len(distances) ** -0.2, 1e-3)
    below = scipy.stats.norm.cdf((edges[:, None] - distances[None, :]) / width).mean(axis=1)
    return np.maximum(np.diff(below), 1e-12)


def _counts(distances: Floats, edges: Floats) -> Floats:
    return np.histogram(distances, edges)[0].astype(np.float64)


def _capped(logs: Floats) -> Floats:
    return np.clip(logs, -60.0, 60.0)


def _falling(values: Floats) -> Floats:
    """The least curve above some values that never rises."""
    return np.maximum.accumulate(values[::-1])[::-1]


def _quantile(values: Floats, weights: Floats, at: float) -> Floats:
    """The weighted quantile of each column of values (n, b): (b,)."""
    order = np.argsort(values, axis=0, kind="stable")
    summed = np.cumsum(weights[order], axis=0)
    rows = np.minimum((summed < at).sum(axis=0), len(values) - 1)
    return np.take_along_axis(values, np.take_along_axis(order, rows[None], axis=0), axis=0)[0]


def _rounded(values: Floats | Sequence[float]) -> tuple[float, ...]:
    return tuple(np.round(np.asarray(values), _DECIMALS).tolist())
