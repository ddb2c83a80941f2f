"""Is it this one? Photos against one individual, by all its photos, and photo against photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.calibration.calibration import Calibration
from index.search.engine import DISTANCE_DECIMALS, exact_distances
from index.search.fusion import fuse
from index.search.gallery import Gallery
from index.search.matching import Decision, Thresholds, decide
from index.search.vectors import FloatArray, check_vectors

Verdict = Literal["same", "review", "different"]

_VERDICTS: dict[Decision, Verdict] = {"known": "same", "review": "review", "new_whale": "different"}
_RANKS_READ = 50  # probabilities of farther ranks are nil, and reading them takes time


@dataclass(frozen=True, slots=True)
class ComparedWith:
    """One photo of the individual, by name, and its distance to the query."""

    photo: str
    distance: float


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer to one query about one individual (or one other photo).

    `rank` is the individual's place among all of the gallery, from 1, and `nearest` who is first;
    both None for photo against photo. `compared` is nearest first.
    """

    verdict: Verdict
    distance: float
    probability: float
    reason: str
    rank: int | None
    nearest: str | None
    compared: tuple[ComparedWith, ...]


def verify(
    gallery: Gallery,
    calibration: Calibration,
    queries: FloatArray,
    individual: str,
    thresholds: Thresholds,
) -> list[Verification]:
    """Compare each query (n, d) with one individual.

    Raises BadQuery for one that the gallery does not hold.
    """
    names, to_photos = gallery.photo_distances(queries, individual)
    to_all = gallery.individual_distances(queries, calibration.score)
    return [
        _verified(gallery, calibration, individual, thresholds, of_all, _compared(names, of_photos))
        for of_all, of_photos in zip(to_all, to_photos, strict=True)
    ]


def verify_encounter(
    gallery: Gallery,
    calibration: Calibration,
    queries: FloatArray,
    individual: str,
    thresholds: Thresholds,
) -> Verification:
    """Compare an encounter's photos (n, d) with one individual, by their mean distances."""
    names, to_photos = gallery.photo_distances(queries, individual)
    to_all = np.round(
        fuse(gallery.individual_distances(queries, calibration.score)), DISTANCE_DECIMALS
    )
    compared = _compared(names, np.round(fuse(to_photos), DISTANCE_DECIMALS))
    return _verified(gallery, calibration, individual, thresholds, to_all, compared)


def verify_pair(
    calibration: Calibration,
    query: FloatArray,
    reference: FloatArray,
    named: str,
    thresholds: Thresholds,
) -> Verification:
    """Compare a query (d,) with a reference photo (d,) that is called `named`.

    The probability is read as if the reference were the nearest that a whole catalogue had to
    offer.
    """
    rows = [check_vectors(one[None, :], named="vectors to compare") for one in (query, reference)]
    distance = float(exact_distances(*rows)[0, 0])
    probability = calibration.probability(distance, 1)
    decision = decide(distance, thresholds, probability)
    return Verification(
        verdict=_VERDICTS[decision],
        distance=distance,
        probability=probability,
        reason=_reason(named, distance, thresholds, decision),
        rank=None,
        nearest=None,
        compared=(ComparedWith(named, distance),),
    )


def _verified(
    gallery: Gallery,
    calibration: Calibration,
    individual: str,
    thresholds: Thresholds,
    to_all: NDArray[np.float64],
    compared: tuple[ComparedWith, ...],
) -> Verification:
    """Judge by the distances (c,) to all individuals.

    An individual with a nearer rival is never `same` without review.
    """
    column = gallery.individual_ids.index(individual)
    distance = float(to_all[column])
    rank = 1 + int((to_all[:column] <= distance).sum() + (to_all[column + 1 :] < distance).sum())
    first = int(np.argmin(to_all))
    read = calibration.probabilities(_nearest(to_all, rank))
    probability = read[min(rank, _RANKS_READ) - 1]
    decision = decide(distance, thresholds, probability)
    verdict = _VERDICTS[decision]
    reason = _reason(individual, distance, thresholds, decision)
    if verdict == "same" and rank > 1:
        verdict = "review"
        reason = (
            f"Perhaps the same animal as {individual} (distance {distance:.3f}). "
            f"{gallery.individual_ids[first]} is as near or nearer "
            f"(distance {float(to_all[first]):.3f}). Compare the photos."
        )
    return Verification(
        verdict=verdict,
        distance=distance,
        probability=probability,
        reason=reason,
        rank=rank,
        nearest=gallery.individual_ids[first],
        compared=compared,
    )


def _nearest(to_all: NDArray[np.float64], rank: int) -> list[float]:
    """The distances of those ranked up to this one, and of the second.

    They make the probability the same as in identifying.
    """
    return np.sort(to_all)[: max(2, min(rank, _RANKS_READ))].tolist()


def _compared(names: Sequence[str], distances: NDArray[np.float64]) -> tuple[ComparedWith, ...]:
    order: list[int] = np.argsort(distances, kind="stable").tolist()
    return tuple(ComparedWith(names[at], float(distances[at])) for at in order)


def _reason(named: str, distance: float, thresholds: Thresholds, decision: Decision) -> str:
    at = f"distance {distance:.3f}"
    same, different = f"same up to {thresholds.known:.3f}", f"beyond {thresholds.new_whale:.3f}"
    if decision == "known":
        return f"The same animal as {named} ({at}; {same})."
    if decision == "new_whale":
        return f"Probably not the same animal as {named} ({at}; different {different})."
    if thresholds.known < 0:
        same = "no two photos are called the same without review here"
    elif distance <= thresholds.known:
        same = "near enough, but more often wrong than right"
    return (
        f"Perhaps the same animal as {named} ({at}; {same}, different {different}). "
        "Compare the photos."
    )
