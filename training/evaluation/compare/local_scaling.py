"""Local scaling: hubs, photos that are near to everybody's, are moved away.

An experiment that lost: it gains nothing sure over the nearest photo (docs/benchmarks.md, "Ways to
answer, compared").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.search.engine import exact_distances
from index.search.matching import BadQuery
from index.search.vectors import FloatArray

_BLOCK_BYTES = 64 * 2**20  # memory for one block of photos against every photo


def reach_of_each(vectors: FloatArray, individuals: Sequence[str], k: int) -> NDArray[np.float64]:
    """Compute each photo's mean distance to its k nearest of other individuals: (m, d) -> (m,).

    Hubs have a short one. As in Conneau et al. (ICLR 2018, "Word translation without parallel
    data", eq. 3), but without an individual's own photos, which are near because
    they should be. It is 1 where there is no other individual. Raises BadQuery for k below 1.
    """
    if k < 1:
        raise BadQuery(f"k is {k}; give at least 1 neighbour")
    numbers = np.unique(list(individuals), return_inverse=True)[1]  # (m,)
    reach = np.ones(len(vectors))
    size = max(1, _BLOCK_BYTES // (8 * max(1, len(vectors))))
    for start in range(0, len(vectors), size):
        rows = slice(start, start + size)
        every = exact_distances(vectors[rows], vectors)
        every[numbers[rows, None] == numbers[None, :]] = np.inf
        nearest = np.sort(every, axis=1)[:, :k]
        there = np.isfinite(nearest)
        total = np.where(there, nearest, 0).sum(axis=1)
        reach[rows] = np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), 1.0)
    return reach


def scaled_distances(
    queries: FloatArray, vectors: FloatArray, reach: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """Compute distances (n, m) to photos, hubs moved away by `share` of 1 - reach (m,)."""
    return exact_distances(queries, vectors) + share * (1 - reach)
