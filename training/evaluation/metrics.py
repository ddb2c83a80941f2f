"""Figures of merit from distances and ranks, defined as in docs/benchmarks.md; shares are 0 to 1.

Arrays: `ranks` (n,) 1-based ranks of the true individual, `known_distance` (a,) and
`unknown_distance` (b,) cosine distances of known and unknown queries to their nearest individual,
`known_rank` (a,) true ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.calibration.ranks import LABELS_A_ROW
from index.labels.reader import NEW_WHALE

Distances = NDArray[np.float64]
Ranks = NDArray[np.int64]

FPIRS = (0.3, 0.1, 0.05, 0.01)
_BEST_OF_THRESHOLDS = (
    201  # quantiles tried for the best threshold, as the independent score script tries
)


class BadMeasurement(FlukeprintError):
    """Nothing to measure: no queries, or arrays of different lengths."""


def closed_set(ranks: Ranks) -> dict[str, float]:
    """Number of queries, top-1, top-5 and MAP@5 of queries whose individual is in the gallery."""
    _check_lengths("ranks", ranks)
    return {
        "queries": len(ranks),
        "top1": top(ranks, 1),
        "top5": top(ranks, 5),
        "map5": map5(ranks),
    }


def open_set(
    known_distance: Distances, known_rank: Ranks, unknown_distance: Distances
) -> dict[str, float]:
    """Compute counts of queries, AUROC, FNIR at each of FPIRS, and the best MAP@5.

    The best is over single thresholds.

    The last is an upper bound, its threshold being chosen on the queries themselves and new_whale
    costing nothing in later places; `submission_map5` is what a threshold really earns.
    """
    _check_lengths("known queries", known_distance, known_rank)
    _check_lengths("unknown queries", unknown_distance)
    figures: dict[str, float] = {
        "known_queries": len(known_distance),
        "unknown_queries": len(unknown_distance),
        "auroc": auroc(known_distance, unknown_distance),
    }
    for fpir in FPIRS:
        figures[f"fnir_at_fpir_{fpir}"] = fnir_at_fpir(
            known_distance, known_rank, unknown_distance, fpir
        )
    figures["map5_with_new_whale_best_threshold"] = _best_map5(
        known_distance, known_rank, unknown_distance
    )
    return figures


def top(ranks: Ranks, k: int) -> float:
    """Share of queries whose true individual is among the first k."""
    return float((ranks <= k).mean())


def map5(ranks: Ranks) -> float:
    """Kaggle's MAP@5 with one right label a query: the mean of 1 / rank, 0 past the fifth."""
    return float(_credit(ranks).mean())


def auroc(known_distance: Distances, unknown_distance: Distances) -> float:
    """Chance that a known query is nearer than an unknown one, a tie counting half."""
    unknown = np.sort(unknown_distance)
    farther = len(unknown) - np.searchsorted(unknown, known_distance, side="right")
    equal = len(unknown) - farther - np.searchsorted(unknown, known_distance, side="left")
    return float((farther + equal / 2).mean() / len(unknown))


def fnir_at_fpir(
    known_distance: Distances, known_rank: Ranks, unknown_distance: Distances, fpir: float
) -> float:
    """Compute the share of known queries missed at a threshold that lets `fpir` through.

    Missed: not first, or not nearer than the threshold.
    """
    threshold = np.quantile(unknown_distance, fpir)
    return float(1 - ((known_distance < threshold) & (known_rank == 1)).mean())


def det_curve(
    known_distance: Distances, known_rank: Ranks, unknown_distance: Distances
) -> tuple[Distances, Distances]:
    """Compute FPIR and FNIR (t,) at every threshold that changes either, from none to all."""
    hits = np.sort(known_distance[known_rank == 1])
    unknown = np.sort(unknown_distance)
    thresholds = np.concatenate([[-np.inf], np.unique(np.concatenate([hits, unknown]))])
    fpir = np.searchsorted(unknown, thresholds, side="right") / len(unknown)
    fnir = 1 - np.searchsorted(hits, thresholds, side="right") / len(known_distance)
    return fpir, fnir


def cmc_curve(ranks: Ranks, most: int = 20) -> Distances:
    """Share of queries found within 1, 2, ... `most` individuals: (most,)."""
    return np.array([top(ranks, k) for k in range(1, most + 1)])


def submission_map5(
    known_distance: Distances, known_rank: Ranks, unknown_distance: Distances, threshold: float
) -> float:
    """Compute Kaggle's MAP@5 of known and unknown queries together, as submissions label them.

    Labels are those of `index.identification.submission`: new_whale comes first beyond the
    threshold and second within it. So a known query found within it at rank 1 stays first, and all
    others move one place down.
    """
    stays = (known_distance <= threshold) & (known_rank == 1)
    known = _credit(np.where(stays, 1, known_rank + 1))
    unknown = np.where(unknown_distance <= threshold, 0.5, 1.0)
    return float(np.concatenate([known, unknown]).mean())


def baks(truths: Sequence[str], answers: Sequence[str]) -> float:
    """Balanced accuracy on known queries: the share answered right, averaged over individuals.

    An answer is an individual or new_whale, which is wrong for a known query.
    """
    _check_lengths("known queries", truths, answers)
    return _balanced(
        truths, [answer == truth for truth, answer in zip(truths, answers, strict=True)]
    )


def baus(truths: Sequence[str], answers: Sequence[str]) -> float:
    """Balanced accuracy on unknown queries: the share answered new_whale, over individuals.

    Unknown queries that are all named new_whale count as one individual.
    """
    _check_lengths("unknown queries", truths, answers)
    return _balanced(truths, [answer == NEW_WHALE for answer in answers])


def expected_calibration_error(
    probabilities: Distances,
    is_right: NDArray[np.bool_],
    bins: int = 15,
    *,
    weights: Distances | None = None,
) -> float:
    """Compute the mean gap between stated probability and share right, over equal bins.

    `weights` (n,) say how much each query counts, such as for another share of new whales; None:
    all the same.
    """
    weights = np.ones(len(probabilities)) if weights is None else weights
    _check_lengths("probabilities", probabilities, is_right, weights)
    which = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(which, weights=(probabilities - is_right) * weights, minlength=bins)
    return float(np.abs(gaps).sum() / weights.sum())


def bootstrap_interval(
    values: NDArray[Any],
    groups: Sequence[str],
    statistic: Callable[[NDArray[Any]], float],
    rng: np.random.Generator,
    draws: int = 1000,
) -> tuple[float, float]:
    """95 % interval of `statistic(values)`, drawing whole groups (individuals) with replacement.

    `values` (n, ...) has one row a query and `groups` names its individual: photos of one animal
    are similar, so drawing photos would make the interval too narrow.
    """
    _check_lengths("values", values, groups)
    _, which = np.unique(np.asarray(groups), return_inverse=True)
    rows_of = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
    figures = [statistic(values[_drawn(rows_of, rng)]) for _ in range(draws)]
    low, high = np.quantile(figures, [0.025, 0.975])
    return float(low), float(high)


def _drawn(rows_of: Sequence[Ranks], rng: np.random.Generator) -> Ranks:
    """The rows of as many groups as there are, drawn with replacement."""
    groups: list[int] = rng.integers(len(rows_of), size=len(rows_of)).tolist()
    return np.concatenate([rows_of[group] for group in groups])


def _credit(ranks: Ranks) -> Distances:
    return np.where(ranks <= LABELS_A_ROW, 1.0 / ranks, 0.0)


def _best_map5(known_distance: Distances, known_rank: Ranks, unknown_distance: Distances) -> float:
    every = np.concatenate([known_distance, unknown_distance])
    thresholds = np.quantile(every, np.linspace(0, 1, _BEST_OF_THRESHOLDS))

    def earned(threshold: float) -> float:
        known = _credit(np.where(known_distance < threshold, known_rank, known_rank + 1))
        unknown = np.where(unknown_distance >= threshold, 1.0, 0.5)
        return float(np.concatenate([known, unknown]).mean())

    return max(earned(float(threshold)) for threshold in thresholds)


def _balanced(individuals: Sequence[str], is_right: Sequence[bool]) -> float:
    _, which = np.unique(np.asarray(individuals), return_inverse=True)
    return float(
        (np.bincount(which, weights=np.asarray(is_right, np.float64)) / np.bincount(which)).mean()
    )


def _check_lengths(named: str, *arrays: Sequence[Any] | NDArray[Any]) -> None:
    lengths = [len(array) for array in arrays]
    if min(lengths) == 0:
        raise BadMeasurement(f"there are no {named} to measure")
    if len(set(lengths)) > 1:
        raise BadMeasurement(f"the {named} come in arrays of different lengths: {lengths}")
