"""Re-ranking by the gallery's neighbourhoods: k-reciprocal, query expansion, augmentation.

Experiments that lost: most individuals have one or two photos, so that neighbourhoods add nothing
to the nearest photo (docs/benchmarks.md, "Ways to answer, compared"). None of them reads labels.
Each query is ranked by itself, as a service answers them: it meets the gallery alone, whose
neighbour lists are made once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.search.centroids import centres_of
from index.search.engine import exact_distances
from index.search.matching import BadQuery
from index.search.vectors import FloatArray

_BLOCK_BYTES = 64 * 2**20  # memory for one block of photos against every photo
_OVERLAP = 2 / 3  # of a neighbour's own circle: Zhong et al. (2017), eq. 4

_Row = tuple[NDArray[np.int64], NDArray[np.float64]]  # columns and weights of one sparse vector


class Reranker:
    """k-reciprocal re-ranking (Zhong, Zheng, Cao and Li, CVPR 2017), one query at a time.

    Two photos are near when they share neighbours which also have them among theirs. `k1` is the
    size of a neighbourhood, and half of it that of the circles it grows by. A photo's neighbourhood
    is averaged over its `k2` nearest photos, itself included. Unlike the paper's, a gallery photo's
    neighbours are of the gallery only: no query is among them, so that no answer depends on other
    queries.
    """

    def __init__(self, vectors: FloatArray, *, k1: int = 20, k2: int = 6) -> None:
        """Make the neighbour lists of a gallery (m, d); raises BadQuery for k1 or k2 below 1."""
        if min(k1, k2) < 1:
            raise BadQuery(f"k1 is {k1} and k2 is {k2}; give at least 1 of each")
        self._vectors = vectors
        self._k1, self._k2 = k1, k2
        lists, self._reach = _neighbour_lists(vectors, max(k1, k2))  # (m, k + 1), itself first
        self._reach = self._reach[
            :, min(k1, lists.shape[1] - 1)
        ]  # (m,) how far its k1-th neighbour is
        circles = [_reciprocal(lists, row, k1) for row in range(len(lists))]
        self._halves = [
            set(_reciprocal(lists, row, max(1, round(k1 / 2))).tolist())
            for row in range(len(lists))
        ]
        rows = [self._weighted(vectors[row], circle) for row, circle in enumerate(circles)]
        self._rows = rows  # neighbourhoods before averaging: a query's own is averaged with these
        averaged = [
            _mean([rows[near] for near in lists[row, :k2]], k2) for row in range(len(lists))
        ]
        self._totals = np.array([weights.sum() for _, weights in averaged])  # (m,)
        self._starts, self._holders, self._weights = _by_column(averaged, len(lists))

    def jaccard_distances(self, queries: FloatArray) -> NDArray[np.float64]:
        """Compute distances (n, m), 0 to 1, of neighbourhoods; 1 where they share nothing."""
        distances = np.ones((len(queries), len(self._vectors)))
        for at, query in enumerate(queries):
            distances[at] = self._jaccard(query)
        return distances

    def distances(self, queries: FloatArray, distance_weight: float = 0.3) -> NDArray[np.float64]:
        """Jaccard distances blended with cosine ones, whose share is `distance_weight`: (n, m)."""
        cosine = exact_distances(queries, self._vectors)
        return (1 - distance_weight) * self.jaccard_distances(queries) + distance_weight * cosine

    def _jaccard(self, query: FloatArray) -> NDArray[np.float64]:
        cosine = exact_distances(query[None], self._vectors)[0]
        nearest = np.argsort(cosine, kind="stable")[: max(self._k1, self._k2)]
        near = nearest[: self._k1]
        own = self._weighted(query, near[cosine[near] <= self._reach[near]])
        columns, weights = _mean(
            [own, *(self._rows[row] for row in nearest[: self._k2 - 1])], self._k2
        )
        shared = np.zeros(len(self._vectors))
        for column, weight in zip(columns.tolist(), weights.tolist(), strict=True):
            held = slice(self._starts[column], self._starts[column + 1])
            shared[self._holders[held]] += np.minimum(weight, self._weights[held])
        return 1 - shared / (weights.sum() + self._totals - shared)

    def _weighted(self, vector: FloatArray, circle: NDArray[np.int64]) -> _Row:
        """Let a circle of photos grow by circles mostly within it; nearer photos weigh more."""
        members: set[int] = set(circle.tolist())
        grown = set(members)
        for member in members:
            half = self._halves[member]
            if len(half & members) >= _OVERLAP * len(half):
                grown |= half
        columns = np.array(sorted(grown), np.int64)
        weights = np.exp(-exact_distances(vector[None], self._vectors[columns])[0])
        return columns, weights / max(weights.sum(), 1e-12)


def expanded(queries: FloatArray, vectors: FloatArray, *, k: int, alpha: float) -> FloatArray:
    """Move each query (n, d) to the mean of itself and its k nearest photos of (m, d).

    The mean is weighted by cosine ** alpha.

    Alpha query expansion (Radenovic, Tolias and Chum, 2018). A photo at a right angle or beyond
    weighs nothing.
    """
    cosines = 1 - exact_distances(queries, vectors)  # (n, m)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    weights = np.clip(np.take_along_axis(cosines, nearest, axis=1), 0, None) ** alpha  # (n, k)
    moved = queries + np.einsum("nk,nkd->nd", weights, vectors[nearest].astype(np.float64))
    return centres_of(moved).astype(np.float32)


def augmented(vectors: FloatArray, *, k: int, alpha: float) -> FloatArray:
    """Move each gallery photo (m, d) in the same way: database-side augmentation."""
    lists, distances = _neighbour_lists(vectors, k)
    weights = np.clip(1 - distances[:, 1:], 0, None) ** alpha  # (m, k)
    moved = vectors + np.einsum("mk,mkd->md", weights, vectors[lists[:, 1:]].astype(np.float64))
    return centres_of(moved).astype(np.float32)


def _neighbour_lists(vectors: FloatArray, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """List each photo's nearest photos and distances, both (m, k + 1), itself first at 0."""
    count = max(1, min(k + 1, len(vectors)))
    lists = np.zeros((len(vectors), count), np.int64)
    distances = np.zeros((len(vectors), count))
    size = max(1, _BLOCK_BYTES // (8 * max(1, len(vectors))))
    for start in range(0, len(vectors), size):
        rows = np.arange(start, min(start + size, len(vectors)))
        every = exact_distances(vectors[rows], vectors)
        every[np.arange(len(rows)), rows] = -1.0  # first even if another photo is equal
        lists[rows] = np.argsort(every, axis=1, kind="stable")[:, :count]
        distances[rows] = np.clip(np.take_along_axis(every, lists[rows], axis=1), 0, None)
    return lists, distances


def _reciprocal(lists: NDArray[np.int64], row: int, k: int) -> NDArray[np.int64]:
    """Those of a photo's k nearest (and itself) that have it among their own k nearest."""
    near = lists[row, : k + 1]
    return near[(lists[near, : k + 1] == row).any(axis=1)]


def _mean(rows: list[_Row], count: int) -> _Row:
    """The mean of sparse vectors, `count` of them with those that are absent."""
    columns, where = np.unique(
        np.concatenate([columns for columns, _ in rows]), return_inverse=True
    )
    return columns, np.bincount(
        where, np.concatenate([weights for _, weights in rows]), len(columns)
    ) / count


def _by_column(
    rows: list[_Row], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Turn sparse rows around: column starts (count + 1,), the rows that hold each, weights."""
    columns = np.concatenate([np.zeros(0, np.int64), *(columns for columns, _ in rows)])
    holders = np.repeat(np.arange(len(rows)), [len(columns) for columns, _ in rows])
    weights = np.concatenate([np.zeros(0), *(weights for _, weights in rows)])
    order = np.argsort(columns, kind="stable")
    return np.searchsorted(columns[order], np.arange(count + 1)), holders[order], weights[order]
