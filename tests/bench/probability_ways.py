"""Ways to state how probable it is that a first candidate is right, for match_features.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from sklearn.ensemble import HistGradientBoostingClassifier

from index.calibration.curves.match_curve import fit_match_curve
from index.calibration.fitting import fit_trials
from index.calibration.rate_bounds import StrangerKind
from index.calibration.trials import Trials

NEW_SHARE = 0.3
COLUMNS = ("distance", "gap", "photos", "quality", "sharpness", "light", "size")
GAP_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LEAST = 1e-3


@dataclass(frozen=True)
class Rows:
    """Trials: COLUMNS (n, 7), whether the first candidate is right, kinds, animals and species."""

    columns: np.ndarray
    is_right: np.ndarray
    kinds: np.ndarray
    animals: np.ndarray
    species: np.ndarray

    @classmethod
    def none(cls) -> Rows:
        """No trial."""
        whole = np.zeros(0, int)
        return cls(np.zeros((0, len(COLUMNS))), np.zeros(0, bool), whole, whole, whole)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """All trials of the parts."""
        named = ("columns", "is_right", "kinds", "animals", "species")
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in named))

    def __len__(self) -> int:
        return len(self.is_right)

    def of(self, chosen: np.ndarray) -> Rows:
        """Some of the trials."""
        return Rows(
            self.columns[chosen],
            self.is_right[chosen],
            self.kinds[chosen],
            self.animals[chosen],
            self.species[chosen],
        )

    @property
    def weights(self) -> np.ndarray:
        """Sum to 1: 30 % new animals of every species, in equal shares of either kind."""
        weights = np.zeros(len(self))
        several = np.unique(self.species)
        for species in several:
            own = self.species == species
            strange = [kind for kind in (1, 2) if (own & (self.kinds == kind)).any()]
            for kind in (0, *strange):
                of_kind = own & (self.kinds == kind)
                share = 1 - NEW_SHARE if kind == 0 else NEW_SHARE / len(strange)
                weights[of_kind] = share / len(several) / max(1, of_kind.sum())
        return weights


Stated = Callable[[Rows], np.ndarray]


@dataclass(frozen=True)
class Way:
    """A way that is fitted to trials, and then states probabilities of others."""

    fit: Callable[[Rows], Stated]
    needs_species: bool = False

    def suits(self, rows: Rows) -> bool:
        """Whether the trials have what it needs."""
        return not self.needs_species or len(np.unique(rows.species)) > 1

    def fitted(self, rows: Rows) -> Stated:
        """Fit, and read within what is ever stated."""
        stated = self.fit(rows)
        return lambda others: np.clip(stated(others), _LEAST, 1 - _LEAST)


def log_losses(stated: np.ndarray, is_right: np.ndarray) -> np.ndarray:
    """The log loss of each probability."""
    return -np.log(np.where(is_right, stated, 1 - stated))


def curve(scores: np.ndarray, rows: Rows) -> Callable[[np.ndarray], np.ndarray]:
    """The two isotonic curves of a calibration, over scores that grow as matches get worse."""
    known = rows.kinds == 0
    fitted = fit_match_curve(
        scores[known],
        rows.is_right[known],
        [scores[rows.kinds == kind] for kind in (1, 2)],
        NEW_SHARE,
    )
    one, other = fitted.is_known, fitted.is_right
    return lambda of: (
        np.interp(of, one.distances, one.probabilities)
        * np.interp(of, other.distances, other.probabilities)
    )


def by_calibration(rows: Rows) -> Stated:
    """What is shipped: logistic or isotonic curves, as `index/calibration/fitting.py` chooses."""
    known = rows.kinds == 0
    two = np.stack([rows.columns[:, 0], rows.columns[:, :2].sum(axis=1)], axis=1)
    fitted = fit_trials(
        Trials(two[known], np.where(rows.is_right[known], 1, 2), rows.animals[known]),
        [
            StrangerKind(two[rows.kinds == kind], rows.animals[rows.kinds == kind], kind == 1)
            for kind in (1, 2)
        ],
    )
    one, other = fitted.first.is_known, fitted.first.is_right

    def stated(others: Rows) -> np.ndarray:
        scores = others.columns[:, 0] - fitted.gap_weight * others.columns[:, 1]
        return np.interp(scores, one.distances, one.probabilities) * np.interp(
            scores, other.distances, other.probabilities
        )

    return stated


def by_gap(rows: Rows) -> Stated:
    """The distance less a part of the gap, chosen over folds of animals, by isotonic curves."""

    def score(weight: float, of: Rows) -> np.ndarray:
        return of.columns[:, 0] - weight * of.columns[:, 1]

    def lost(weight: float) -> float:
        total = 0.0
        for fold in range(5):
            train, test = rows.of(rows.animals % 5 != fold), rows.of(rows.animals % 5 == fold)
            if not len(test) or not (train.kinds == 0).any():
                continue
            stated = np.clip(curve(score(weight, train), train)(score(weight, test)), 1e-3, 0.999)
            total += float((test.weights * log_losses(stated, test.is_right)).sum())
        return total

    few = len(np.unique(rows.animals[rows.kinds == 0])) < 50
    weight = 0.0 if few else min(GAP_WEIGHTS, key=lost)
    stated = curve(score(weight, rows), rows)
    return lambda others: stated(score(weight, others))


def by_distance(rows: Rows) -> Stated:
    """The distance alone."""
    stated = curve(rows.columns[:, 0], rows)
    return lambda others: stated(others.columns[:, 0])


def linear(names: Sequence[str], *, isotonic: bool, species: bool = False) -> Way:
    """A logistic regression that falls with the distance and rises with the gap.

    With `isotonic` its score is read through a calibration's curves. `species`: each has its own
    constant.
    """
    at = [COLUMNS.index(name) for name in names]

    def table(rows: Rows) -> np.ndarray:
        columns = rows.columns[:, at]
        if species:
            columns = np.concatenate([columns, rows.species[:, None] == np.arange(1, 4)], axis=1)
        return columns

    def fit(rows: Rows) -> Stated:
        columns = table(rows)
        middle, spread = columns.mean(axis=0), columns.std(axis=0) + 1e-9
        bounds = [
            {"distance": (None, 0.0), "gap": (0.0, None)}.get(one, (None, None)) for one in names
        ]
        bounds += [(None, None)] * (columns.shape[1] - len(at) + 1)
        scaled = np.concatenate([(columns - middle) / spread, np.ones((len(rows), 1))], axis=1)
        weights, signs = rows.weights, np.where(rows.is_right, 1.0, -1.0)

        def loss(slopes: np.ndarray) -> tuple[float, np.ndarray]:
            margins = signs * (scaled @ slopes)
            missed = 1 / (1 + np.exp(np.clip(margins, -500, 500)))
            lost = weights @ np.logaddexp(0, -margins) + 1e-5 * slopes @ slopes
            return float(lost), -(scaled.T @ (weights * signs * missed)) + 2e-5 * slopes

        slopes = minimize(
            loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds
        ).x

        def score(others: Rows) -> np.ndarray:
            return -((table(others) - middle) / spread @ slopes[:-1] + slopes[-1])

        if not isotonic:
            return lambda others: 1 / (1 + np.exp(score(others)))
        stated = curve(score(rows), rows)
        return lambda others: stated(score(others))

    return Way(fit, species)


def boosted(names: Sequence[str]) -> Way:
    """Boosted trees that fall with the distance and rise with the gap."""
    at = [COLUMNS.index(name) for name in names]
    signs = [{"distance": -1, "gap": 1}.get(name, 0) for name in names]

    def fit(rows: Rows) -> Stated:
        trees = HistGradientBoostingClassifier(
            max_depth=3,
            max_iter=80,
            learning_rate=0.1,
            min_samples_leaf=50,
            monotonic_cst=signs,
            random_state=0,
        )
        weights = rows.weights * len(rows)
        trees.fit(rows.columns[:, at], rows.is_right, weights)
        return lambda others: trees.predict_proba(others.columns[:, at])[:, 1]

    return Way(fit)


def of_each_species(way: Callable[[Rows], Stated]) -> Way:
    """The same way, fitted to each species by itself."""

    def fit(rows: Rows) -> Stated:
        fitted = {one: way(rows.of(rows.species == one)) for one in np.unique(rows.species)}

        def stated(others: Rows) -> np.ndarray:
            found = np.zeros(len(others))
            for one, own in fitted.items():
                found[others.species == one] = own(others.of(others.species == one))
            return found

        return stated

    return Way(fit, needs_species=True)


SHIPPED = "shipped: the better of isotonic and logistic"
_TWO = ("distance", "gap")
_SEEN = (*_TWO, "quality", "size")
WAYS: dict[str, Way] = {
    "distance": Way(by_distance),
    "distance less a part of the gap": Way(by_gap),
    SHIPPED: Way(by_calibration),
    "distance, gap": linear(_TWO, isotonic=True),
    "and quality": linear((*_TWO, "quality"), isotonic=True),
    "and sharpness, light": linear((*_TWO, "sharpness", "light"), isotonic=True),
    "and size of the box": linear((*_TWO, "size"), isotonic=True),
    "and quality, size": linear(_SEEN, isotonic=True),
    "logistic of distance, gap": linear(_TWO, isotonic=False),
    "logistic, and quality, size": linear(_SEEN, isotonic=False),
    "boosted trees of distance, gap": boosted(_TWO),
    "boosted trees, and quality, size": boosted(_SEEN),
    "and species": linear(_TWO, isotonic=True, species=True),
    "shipped, each species by itself": of_each_species(by_calibration),
    "and photos of the individual": linear((*_TWO, "photos"), isotonic=True),
    "boosted trees, and photos": boosted((*_TWO, "photos")),
}
COUNTING = ("and photos of the individual", "boosted trees, and photos")
"""Ways that aren't chosen by trials: these miscount photos (match_features.py)."""
