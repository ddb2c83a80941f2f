"""Several photos of one encounter, one answer: an animal met once is one individual, whatever each photo says alone."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from index.embedders import FloatArray
from index.gallery import centres_of
from index.matching import BadQuery

Fusion = Literal["mean", "min"]


def fuse(distances: NDArray[np.float64], by: Fusion = "mean") -> NDArray[np.float64]:
    """Fuse the distances (photos, individuals) of one encounter's photos into one for each individual (individuals,).

    "mean", the default: every photo votes, and a stranger who resembles somebody in one photo by chance doesn't in the
    next; the nearest individual's mean is never below the mean of the photos' nearest, so a threshold that was
    calibrated on single photos stays a careful one. "min": the best photo decides, which finds an animal
    that only one photo shows well, but the more photos, the nearer some stranger comes: such answers need thresholds
    of their own. Raises BadQuery for an encounter without photos and for another rule.
    """
    if len(distances) == 0:
        raise BadQuery("the encounter holds no photo; fuse the distances of at least one")
    if by == "mean":
        return distances.mean(axis=0)
    if by == "min":
        return distances.min(axis=0)
    raise BadQuery(f"the fusion is {by!r}; the fusions are {', '.join(get_args(Fusion))}")


def fuse_vectors(vectors: FloatArray) -> FloatArray:
    """Fuse the vectors (photos, d) of one encounter into the unit vector (d,) of their mean direction.

    Only comparable with gallery distances of single photos by its ranking: a mean lies nearer to everybody.
    """
    if len(vectors) == 0:
        raise BadQuery("the encounter holds no photo; fuse the vectors of at least one")
    return centres_of(vectors.astype(np.float64).sum(axis=0, keepdims=True)).astype(np.float32)[0]
