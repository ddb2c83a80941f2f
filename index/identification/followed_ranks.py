"""Ranked individuals of many encounters that follow a change of the gallery without a search."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from index.search.engine import DISTANCE_DECIMALS
from index.search.gallery import Gallery
from index.search.matching import Candidate
from index.search.vectors import FloatArray

Ranked = tuple[Candidate, ...]


def follow_ranks(
    ranked: Sequence[Ranked],
    vectors: Sequence[FloatArray],
    gallery: Gallery,
    individuals: Collection[str],
    k: int,
) -> list[Ranked | None]:
    """Bring each encounter's best k to a gallery in which these individuals alone have changed.

    `vectors` has the photos (n, d) of each encounter. Scores are of the kind `nearest`. The answer
    is what `index.search.fusion.rank_fused` gives, or None where only a new search can tell who
    comes next: somebody of the best k went away or is further now.
    """
    followed: list[Ranked | None] = list(ranked)
    if not ranked:
        return followed
    counts = np.array([len(one) for one in vectors])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    stacked = np.concatenate(list(vectors))
    for individual in sorted(individuals):
        changed = _Changed(individual, gallery, stacked, starts, counts)
        for at, own in enumerate(followed):
            if own is not None and changed.concerns(own, at, k):
                followed[at] = changed.apply(own, at, k)
    return followed


class _Changed:
    """One individual that has changed: how far it is now from each encounter."""

    def __init__(
        self,
        individual: str,
        gallery: Gallery,
        stacked: FloatArray,
        starts: NDArray[np.int64],
        counts: NDArray[np.int64],
    ) -> None:
        self.individual = individual
        self._starts, self._counts = starts, counts
        self._fused: list[float] = [math.inf] * len(starts)
        self._is_there = gallery.has_individual(individual)
        if self._is_there:
            self._names, self._distances = gallery.photo_distances(stacked, individual)  # (n, p)
            sums = np.add.reduceat(self._distances.min(axis=1), starts)
            self._fused = np.round(sums / counts, DISTANCE_DECIMALS).tolist()

    def concerns(self, ranked: Ranked, at: int, k: int) -> bool:
        """Whether this individual is among the best k of an encounter, or was."""
        is_near = self._is_there and (len(ranked) < k or self._fused[at] <= ranked[-1].distance)
        return is_near or any(each.individual == self.individual for each in ranked)

    def apply(self, ranked: Ranked, at: int, k: int) -> Ranked | None:
        """The best k with this individual where it is now; None: a search has to tell."""
        before = [each for each in ranked if each.individual == self.individual]
        others = [each for each in ranked if each.individual != self.individual]
        is_cut = len(ranked) >= k  # others may come after the last one
        if not self._is_there:
            return None if is_cut else tuple(others)
        own = Candidate(self.individual, self._fused[at], self._nearest_photo(at))
        now = sorted([*others, own], key=lambda each: (each.distance, each.individual))
        if before and is_cut and now[-1] is own and own.distance > before[0].distance:
            return None
        return tuple(now[:k])

    def _nearest_photo(self, at: int) -> str:
        rows = slice(int(self._starts[at]), int(self._starts[at] + self._counts[at]))
        return self._names[int(np.argmin(self._distances[rows].min(axis=0)))]
