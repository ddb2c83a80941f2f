"""Some photos' distances to every individual, kept as cosines until a few of them are wanted.

To turn all of them into rounded distances would take longer than to compute them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.search.engine import DISTANCE_DECIMALS, to_distances

_NEAR = 2 * 10.0**-DISTANCE_DECIMALS
"""Cosines that are closer may be one distance, once rounded."""


@dataclass(frozen=True, eq=False, slots=True)
class DistanceBlock:
    """Some photos against every individual, each burst left out of its own individual.

    `at` (q,) are places among the photos asked about, and `columns` (q,) their own individuals, -1
    for a photo of nobody known. `cosines` (q, c) are -inf for an individual seen in this burst
    alone. Equal distances go by `order` (c,), the individuals' places by name. `queries` (q, l) are
    the photos' vectors without what is 0 throughout, `left_out` the places of each one's burst.
    """

    at: NDArray[np.int64]
    columns: NDArray[np.int64]
    cosines: NDArray[np.floating]
    order: NDArray[np.int64]
    queries: NDArray[np.floating]
    left_out: list[NDArray[np.int64]]

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Whether each photo (q,) is of an individual."""
        return self.columns >= 0

    @property
    def own_cosines(self) -> NDArray[np.floating]:
        """Each photo's cosine (q,) to its own individual; -inf without one."""
        own = np.full(len(self.at), -np.inf, self.cosines.dtype)
        labelled = self.is_labelled
        own[labelled] = self.cosines[labelled, self.columns[labelled]]
        return own

    def without_own(self) -> DistanceBlock:
        """The same photos, their own individuals taken out. Changes `cosines` in place."""
        labelled = self.is_labelled
        self.cosines[labelled, self.columns[labelled]] = -np.inf
        return self

    def fused(self, photos: int) -> DistanceBlock:
        """Encounters of so many photos that follow one another, by the mean of their cosines.

        Photos of one encounter are of one individual.
        """
        return replace(
            self,
            at=self.at[::photos] // photos,
            columns=self.columns[::photos],
            cosines=self.cosines.reshape(-1, photos, self.cosines.shape[1]).mean(axis=1),
            queries=self.queries[:0],
            left_out=[],
        )

    def first_distances(self, chosen: NDArray[np.bool_], count: int) -> NDArray[np.float64]:
        """The smallest distances (r, count) of chosen photos, ascending, padded with infinity."""
        cosines = self.cosines if chosen.all() else self.cosines[chosen]
        there = min(count, cosines.shape[1])
        nearest = np.partition(cosines, cosines.shape[1] - there, axis=1)[:, -there:]
        first = np.full((len(cosines), count), np.inf)
        first[:, :there] = _distances(np.sort(nearest, axis=1)[:, ::-1])
        return first

    def nearest_columns(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The nearest individual (r,) of each chosen photo, which has one."""
        cosines = self.cosines if chosen.all() else self.cosines[chosen]
        least = cosines.max(axis=1, keepdims=True) - _NEAR
        rows, columns = np.nonzero(cosines >= least)
        by = np.lexsort((self.order[columns], _distances(cosines[rows, columns]), rows))
        starts = np.flatnonzero(np.diff(rows[by], prepend=-1))
        return columns[by][starts]

    def true_ranks(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rank (r,) the own individuals of chosen photos, which have one, from 1."""
        cosines = self.cosines if chosen.all() else self.cosines[chosen]
        own_columns = self.columns[chosen]
        own = cosines[np.arange(len(cosines)), own_columns]
        is_above = cosines > own[:, None] + _NEAR
        above = np.count_nonzero(is_above, axis=1)
        rows, columns = np.nonzero((cosines >= own[:, None] - _NEAR) ^ is_above)
        near, mine = _distances(cosines[rows, columns]), _distances(own)[rows]
        is_before = self.order[columns] < self.order[own_columns][rows]
        before = (near < mine) | ((near == mine) & is_before)
        return 1 + above + np.bincount(rows[before], minlength=len(cosines))


def _distances(cosines: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rounded distances, infinite where there is no cosine."""
    distances = to_distances(np.maximum(cosines.astype(np.float64), -1.0))
    return np.where(np.isneginf(cosines), np.inf, distances)
