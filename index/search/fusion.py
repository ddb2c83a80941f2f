"""Several photos of one encounter, one answer: an animal met once is one individual, whatever each
photo says alone.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from index.search.engine import DISTANCE_DECIMALS
from index.search.gallery import Gallery
from index.search.matching import BadQuery, Candidate, Score
from index.search.vectors import FloatArray

Fusion = Literal["mean", "min"]


def fuse(distances: NDArray[np.float64], by: Fusion = "mean") -> NDArray[np.float64]:
    """Fuse the distances (photos, individuals) of one encounter's photos into one for each
    individual (individuals,).

    "mean", the default: every photo votes, and a stranger who resembles somebody in one photo by
    chance doesn't in the next; the nearest individual's mean is never below the mean of the photos'
    nearest, so a threshold that was calibrated on single photos stays a careful one. "min": the
    best photo decides, which finds an animal that only one photo shows well, but the more photos,
    the nearer some stranger comes: such answers need thresholds of their own. Raises BadQuery for
    an encounter without photos and for another rule.
    """
    if len(distances) == 0:
        raise BadQuery("the encounter holds no photo; fuse the distances of at least one")
    if by == "mean":
        return distances.mean(axis=0)
    if by == "min":
        return distances.min(axis=0)
    raise BadQuery(f"the fusion is {by!r}; the fusions are {', '.join(get_args(Fusion))}")


def rank_fused(
    gallery: Gallery, queries: FloatArray, k: int, score: Score = "nearest", by: Fusion = "mean"
) -> tuple[Candidate, ...]:
    """Rank the best k individuals for one encounter's photos (n, d) together, nearest first, ties
    by individual id.

    A candidate's distance is fused, its photo the one that is nearest to any of the queries. Raises
    BadQuery for k below 1, an encounter without photos or another rule, BadVectors for queries that
    cannot be compared.
    """
    if k < 1:
        raise BadQuery(f"k is {k}; ask for at least 1 individual")
    # Rounded again: a mean of rounded distances strays from where equal ones tie.
    fused = np.round(fuse(gallery.individual_distances(queries, score), by), DISTANCE_DECIMALS)
    columns: list[int] = np.argsort(fused, kind="stable")[:k].tolist()
    return tuple(
        Candidate(individual, float(fused[column]), _nearest_photo(gallery, queries, individual))
        for column, individual in ((column, gallery.individual_ids[column]) for column in columns)
    )


def _nearest_photo(gallery: Gallery, queries: FloatArray, individual: str) -> str:
    names, distances = gallery.photo_distances(queries, individual)
    return names[int(np.argmin(distances.min(axis=0)))]
