"""Stated probabilities against the share that is right, at several shares of new animals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.calibration.calibration import NEW_WHALE_SHARE
from index.identification.identifier import Identifier
from training.evaluation.promises.answers import answers_of, identifier_of
from training.evaluation.promises.draws import CatalogueDraw, PhotoSet, draw_catalogue

Figures = dict[str, Any]

BINS = 15
SHARES = (0.1, NEW_WHALE_SHARE, 0.5, 0.8)
_CHANCE_DRAWS = 100
_QUEUE = 400  # queries that a share of new animals is estimated from


@dataclass(frozen=True, slots=True)
class WeightedQueries:
    """Queries of all kinds by their rows, with weights (n,) that make a share of them new."""

    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


def weighted_queries(draw: CatalogueDraw, share: float) -> WeightedQueries | None:
    """Weigh a draw's queries: each kind of stranger has as much of the share of new animals.

    None without known queries or without strangers.
    """
    strangers = [rows for rows in (draw.absent, draw.new_whales) if len(rows)]
    if not len(draw.known) or not strangers:
        return None
    kinds = [draw.known[:, 0], *strangers]
    shares = [1 - share, *(share / len(strangers) for _ in strangers)]
    weights = [np.full(len(rows), one / len(rows)) for rows, one in zip(kinds, shares, strict=True)]
    return WeightedQueries(np.concatenate(kinds), np.concatenate(weights))


def reliability(
    stated: NDArray[np.float64], is_right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Figures:
    """Compare stated probabilities (n,) with what is right (n,), by weights that sum to 1.

    `error` is the calibration error over 15 bins; each of the `bins` that isn't empty has its mean
    `stated`, its share `right` and its `weight`.
    """
    at = np.minimum(BINS - 1, (stated * BINS).astype(np.int64))
    bins: list[dict[str, float]] = []
    for number in range(BINS):
        chosen = at == number
        weight = float(weights[chosen].sum())
        if weight > 0:
            bins.append(
                {
                    "stated": float((weights * stated)[chosen].sum()) / weight,
                    "right": float((weights * is_right)[chosen].sum()) / weight,
                    "weight": weight,
                }
            )
    error = sum(one["weight"] * abs(one["stated"] - one["right"]) for one in bins)
    return {"error": error, "bins": bins}


def reliability_of(identifier: Identifier, photos: PhotoSet, queries: WeightedQueries) -> Figures:
    """Compare the first candidates' probabilities with whether they are right.

    `chance` is `error_by_chance`.
    """
    found = answers_of(identifier, photos, queries.rows)
    labels: list[str] = photos.individuals[queries.rows].tolist()
    is_right = [
        bool(one.matches) and one.matches[0].individual == label
        for one, label in zip(found, labels, strict=True)
    ]
    stated = np.array([one.probability for one in found])
    right = np.array(is_right)
    return {
        **reliability(stated, right, queries.weights),
        "chance": error_by_chance(stated, right, queries.weights),
    }


def error_by_chance(
    stated: NDArray[np.float64], is_right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Figures:
    """The error that as many queries would show if each stated probability (n,) were exact.

    As many right and wrong answers are drawn again by what is stated. Returns the `mean` over
    draws, and what 95 % of them stay `within`.
    """
    rng = np.random.default_rng(0)
    errors: list[float] = []
    for _ in range(_CHANCE_DRAWS):
        drawn: list[NDArray[np.int64]] = []
        each: list[NDArray[np.float64]] = []
        for chances, count in (
            (weights * stated, int(is_right.sum())),
            (weights * (1 - stated), int((~is_right).sum())),
        ):
            total = float(chances.sum())
            chosen = rng.choice(len(stated), count if total else 0, p=chances / (total or 1.0))
            drawn.append(chosen)
            each.append(np.full(len(chosen), total / max(1, len(chosen))))
        is_true = np.arange(sum(map(len, drawn))) < len(drawn[0])
        errors.append(
            reliability(stated[np.concatenate(drawn)], is_true, np.concatenate(each))["error"]
        )
    return {"mean": float(np.mean(errors)), "within": float(np.quantile(errors, 0.95))}


def compare_shares(photos: PhotoSet, seed: int) -> list[Figures]:
    """Measure the calibration at several shares of new animals, a row each.

    `unset`: read at the share that catalogues begin with; `set`: at the queries' own; `estimated`:
    at the `estimate` from a queue of 400 queries, unset where that is None: distances say nothing
    then. Empty without queries of both sorts.
    """
    draw = draw_catalogue(photos, seed, as_met=True)
    if weighted_queries(draw, NEW_WHALE_SHARE) is None:
        return []
    identifier = identifier_of(photos, draw.gallery, draw.nobody)
    rows: list[Figures] = []
    for share in SHARES:
        queries = weighted_queries(draw, share)
        assert queries is not None
        chances = queries.weights / queries.weights.sum()
        queue = np.random.default_rng(seed).choice(queries.rows, _QUEUE, p=chances)
        known = [1 - one.new_probability for one in answers_of(identifier, photos, queue)]
        found = identifier.calibration.estimated_share(np.array(known))
        row: Figures = {"share": share, "estimate": asdict(found) if found else None}
        estimated = found.share if found else None
        for name, one in (("unset", None), ("set", share), ("estimated", estimated)):
            row[name] = reliability_of(identifier.for_new_share(one), photos, queries)
        rows.append(row)
    return rows
