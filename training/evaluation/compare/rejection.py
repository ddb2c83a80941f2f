"""Open-set scores compared: which queries each takes for known, and how well it is calibrated.

The plain distance to the nearest individual won (docs/benchmarks.md, "Ways to answer, compared").
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.calibration import KNOWN_FPIR, NEW_WHALE_SHARE
from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from index.search.gallery import Gallery
from index.search.vectors import FloatArray
from training.evaluation.compare.open_set import (
    ExtremeValues,
    distance_and_gap,
    gap,
    nearest_distance,
    neighbourhood_aware,
)
from training.evaluation.metrics import (
    FPIRS,
    auroc,
    bootstrap_interval,
    expected_calibration_error,
    fnir_at_fpir,
)
from training.evaluation.queries import Queries

Distances = NDArray[np.float64]
Figures = dict[str, Any]
_INTERVAL_SEED = 95


class QueryDistances(NamedTuple):
    """Queries with their distances: (q, c), (u, c), and the known queries' ranks (q,).

    Where no photo is of a new whale, the unknown are the known queries with their own individual
    left out.
    """

    gallery: Gallery
    known_vectors: FloatArray
    unknown_vectors: FloatArray
    known: Distances
    unknown: Distances
    ranks: NDArray[np.int64]
    groups: list[str]


Score = Callable[[Gallery], Callable[[FloatArray, Distances], Distances]]
"""From a gallery to a function of queries (n, d) and their distances (n, c): how new they look
(n,)."""


def query_distances(queries: Queries) -> QueryDistances:
    """Compute the distances of all queries to the nearest photo of each individual."""
    known = queries.gallery.individual_distances(queries.known)
    has_strangers = len(queries.unknown) > 0
    return QueryDistances(
        queries.gallery,
        queries.known,
        queries.unknown if has_strangers else queries.known,
        known,
        queries.gallery.individual_distances(queries.unknown)
        if has_strangers
        else queries.without_own(known),
        queries.ranks(known),
        queries.individuals,
    )


def compare_rejections(
    queries: QueryDistances, trials: QueryDistances, unlearned: QueryDistances
) -> Figures:
    """Measure AUROC, FNIR, FPIR (promised, measured) and calibration error of each score.

    Measured on the protocol's `queries`. Choices, thresholds and probabilities are fitted to
    `trials`. The last row is the plain distance fitted to `unlearned` queries, of individuals that
    the network never learned.
    """
    found: Figures = {}
    plain = _novelties(queries, _plain(nearest_distance))
    for name, (score, choices) in _scores(trials).items():
        novelties = _novelties(queries, score)
        found[name] = {
            "choices": choices,
            **_rates(novelties, queries),
            "fnir_at_fpir_0.1_change_95": _change(novelties, plain, queries),
            **_fitted(novelties, queries, _novelties(trials, score), trials),
        }
        if name in _STATES:
            known, unknown = (_STATES[name](each) for each in novelties)
            found[name]["calibration_error_as_stated"] = _error(known, unknown, queries)
    if len(unlearned.known):
        fitted = _fitted(plain, queries, _novelties(unlearned, _plain(nearest_distance)), unlearned)
        found["distance, fitted to animals never learned"] = {
            "choices": {},
            **_rates(plain, queries),
            **fitted,
        }
    return found


_STATES: dict[str, Callable[[Distances], Distances]] = {
    # Scores that are probabilities by themselves, without any fit.
    "neighbourhood aware": lambda novelty: 1 - novelty,
    "extreme values": lambda novelty: np.exp(-novelty),
}


def _scores(trials: QueryDistances) -> dict[str, tuple[Score, Figures]]:
    grids: dict[str, list[tuple[Score, Figures]]] = {
        "distance": [(_plain(nearest_distance), {})],
        "gap": [(_plain(gap), {})],
        "distance and gap": [
            (_plain(partial(distance_and_gap, weight=weight)), {"weight": weight})
            for weight in (0.25, 0.5, 1, 2)
        ],
        "neighbourhood aware": [
            (_plain(partial(neighbourhood_aware, k=k, temperature=at)), {"k": k, "temperature": at})
            for k, at in product((2, 5, 20, 100), (0.01, 0.03, 0.1, 0.3, 1))
        ],
        "extreme values": [(_extreme(tail), {"tail": tail}) for tail in (5, 20, 100)],
    }
    return {
        name: min(grid, key=lambda one: _missed(trials, one[0])) for name, grid in grids.items()
    }


def _plain(score: Callable[[Distances], Distances]) -> Score:
    return lambda _: lambda _, distances: score(distances)


def _extreme(tail: int) -> Score:
    def score(gallery: Gallery) -> Callable[[FloatArray, Distances], Distances]:
        columns = np.unique(gallery.individuals, return_inverse=True)[1].astype(np.int64)
        fitted = ExtremeValues(gallery.vectors, columns, tail=tail)
        return lambda queries, distances: fitted.novelty(queries, distances.argmin(axis=1))

    return score


def _novelties(queries: QueryDistances, score: Score) -> tuple[Distances, Distances]:
    novelty = score(queries.gallery)
    return novelty(queries.known_vectors, queries.known), novelty(
        queries.unknown_vectors, queries.unknown
    )


def _missed(trials: QueryDistances, score: Score) -> float:
    """What a choice is made by: the mean FNIR over FPIRS."""
    known, unknown = _novelties(trials, score)
    return float(np.mean([fnir_at_fpir(known, trials.ranks, unknown, fpir) for fpir in FPIRS]))


def _rates(novelties: tuple[Distances, Distances], queries: QueryDistances) -> Figures:
    known, unknown = novelties
    missed = {
        f"fnir_at_fpir_{fpir}": fnir_at_fpir(known, queries.ranks, unknown, fpir) for fpir in FPIRS
    }
    return {"auroc": auroc(known, unknown), **missed}


def _change(
    novelties: tuple[Distances, Distances],
    plain: tuple[Distances, Distances],
    queries: QueryDistances,
) -> Any:
    """Find the 95 % interval of FNIR at FPIR .1 minus the plain distance's; below 0 is better.

    Drawn over individuals. The unknown are drawn one by one: each new whale stands for itself.
    """
    ranks = np.concatenate([queries.ranks, np.zeros(len(queries.unknown), np.int64)])
    rows = np.stack([ranks, np.concatenate(novelties), np.concatenate(plain)], axis=1)

    def change(drawn: Distances) -> float:
        known, unknown = drawn[drawn[:, 0] > 0], drawn[drawn[:, 0] == 0]
        if not len(known) or not len(unknown):
            return 0.0
        ranks = known[:, 0].astype(np.int64)
        one, other = (fnir_at_fpir(known[:, at], ranks, unknown[:, at], 0.1) for at in (1, 2))
        return one - other

    groups = [*queries.groups, *(f"new whale {at}" for at in range(len(queries.unknown)))]
    return bootstrap_interval(rows, groups, change, np.random.default_rng(_INTERVAL_SEED))


def _fitted(
    novelties: tuple[Distances, Distances],
    queries: QueryDistances,
    of_trials: tuple[Distances, Distances],
    trials: QueryDistances,
) -> Figures:
    """What a calibration on trials promises and keeps; nothing where the trials are too few."""
    calibration = fit_trials(Trials(of_trials[0][:, None], trials.ranks), of_trials[1])
    if not calibration.is_fitted:
        return {}
    threshold = calibration.threshold_at_fpir(max(KNOWN_FPIR, calibration.smallest_rate))
    known, unknown = novelties
    stated = [
        np.array([calibration.probability(float(one), 1) for one in each]) for each in novelties
    ]
    return {
        "fpir_promised": KNOWN_FPIR,
        "fpir_measured": float((unknown <= threshold).mean()),
        "fnir_measured": float(1 - ((known <= threshold) & (queries.ranks == 1)).mean()),
        "calibration_error": _error(stated[0], stated[1], queries),
        "calibration_error_at_assumed_share": _error(
            stated[0], stated[1], queries, share=NEW_WHALE_SHARE
        ),
    }


def _error(
    known: Distances, unknown: Distances, queries: QueryDistances, share: float | None = None
) -> float:
    """Compute the calibration error of stated probabilities.

    Queries count as they are mixed, or with this share of new whales.
    """
    is_right = np.concatenate([queries.ranks == 1, np.zeros(len(unknown), np.bool_)])
    weights = None
    if share is not None:
        weights = np.repeat(
            [(1 - share) / len(known), share / len(unknown)], [len(known), len(unknown)]
        )
    return expected_calibration_error(np.concatenate([known, unknown]), is_right, weights=weights)
