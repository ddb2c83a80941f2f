"""Unknown photos that are near each other, followed from one state of a catalogue to the next.

Comparing all of them takes time in proportion to the square of their number. An act changes few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.curation.clusters import Cluster
from index.search.engine import exact_distances
from index.search.vectors import FloatArray

MOST_LINKS = 500_000
"""Pairs that are kept; where there are more, such as among thousands of blank photos, none are."""
_BEYOND = 1.1  # of the distance asked for: it changes a little with each calibration
_MOST_NEW = 0.2  # of all photos; with more new ones all are compared
_BLOCK_BYTES = 64 * 2**20

Key = Hashable
"""What tells a photo and its vector from others, whatever the photo is called."""


@dataclass(frozen=True, eq=False, slots=True)
class PhotoLinks:
    """The m pairs of n photos up to a distance, `reach`: two positions in `keys`, and how far.

    Each pair is there once, the first position being the smaller one.
    """

    keys: tuple[Key, ...]
    reach: float
    ones: NDArray[np.int64]
    others: NDArray[np.int64]
    distances: NDArray[np.float64]


def find_links(
    keys: Sequence[Key],
    vectors: FloatArray,
    max_distance: float,
    before: PhotoLinks | None = None,
    *,
    between: Callable[[], None] = lambda: None,
) -> PhotoLinks | None:
    """Find the pairs of photos (n, d) within a distance, and some beyond it.

    What was found `before` is followed where most photos are the same. None where there are more
    than MOST_LINKS. `between` is called after each block and may raise to stop.
    """
    if before is not None and before.reach >= max_distance:
        at = {key: position for position, key in enumerate(keys)}
        now = np.array([at.get(key, -1) for key in before.keys], np.int64)
        new = np.setdiff1d(np.arange(len(keys)), now)
        if len(new) <= _MOST_NEW * len(keys):
            found = [_remaining(before, now)]
            found += _near(vectors, new, before.reach, between) or []
            return _joined(keys, before.reach, found)
    reach = min(2.0, max_distance * _BEYOND)
    near = _near(vectors, np.arange(len(keys)), reach, between)
    return None if near is None else _joined(keys, reach, near)


def linked_clusters(
    photo_names: Sequence[str], links: PhotoLinks, max_distance: float
) -> list[Cluster]:
    """The groups that `clusters` makes of the same photos, by their links."""
    leader = list(range(len(photo_names)))

    def leading(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    is_near = links.distances <= max_distance
    ones, others = links.ones[is_near].tolist(), links.others[is_near].tolist()
    for one, other in zip(ones, others, strict=True):
        first, second = sorted((leading(one), leading(other)))
        leader[second] = first
    nearest: dict[int, float] = {}
    for one, distance in zip(ones, links.distances[is_near].tolist(), strict=True):
        at = leading(one)
        nearest[at] = min(distance, nearest.get(at, distance))
    members: dict[int, list[str]] = {at: [] for at in nearest}
    for at, name in enumerate(photo_names):
        if (first := leading(at)) in members:
            members[first].append(name)
    found = [Cluster(tuple(sorted(names)), nearest[at]) for at, names in members.items()]
    return sorted(found, key=lambda each: (each.distance, each.photos))


_Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _remaining(before: PhotoLinks, now: NDArray[np.int64]) -> _Pairs:
    """The pairs of photos that are there still, by their positions of now."""
    ones, others = now[before.ones], now[before.others]
    is_there = (ones >= 0) & (others >= 0)
    return ones[is_there], others[is_there], before.distances[is_there]


def _near(
    vectors: FloatArray, rows: NDArray[np.int64], reach: float, between: Callable[[], None]
) -> list[_Pairs] | None:
    """The pairs of some photos with any, a block at a time; None where there are too many."""
    found: list[_Pairs] = []
    count = 0
    is_asked = np.zeros(len(vectors), bool)
    is_asked[rows] = True
    block = max(1, _BLOCK_BYTES // (8 * max(1, len(vectors))))
    for start in range(0, len(rows), block):
        asked = rows[start : start + block]
        distances = exact_distances(vectors[asked], vectors)
        at, others = np.nonzero(distances <= reach)
        ones = asked[at]
        # Once each: a pair of two that are asked about comes from both.
        is_first = (ones != others) & (~is_asked[others] | (ones < others))
        pair = np.stack([ones[is_first], others[is_first]])
        found.append((pair.min(axis=0), pair.max(axis=0), distances[at, others][is_first]))
        count += int(is_first.sum())
        if count > MOST_LINKS:
            return None
        between()
    return found


def _joined(keys: Sequence[Key], reach: float, found: Sequence[_Pairs]) -> PhotoLinks | None:
    if sum(len(ones) for ones, _, _ in found) > MOST_LINKS:
        return None
    empty = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    ones, others, distances = (np.concatenate(part) for part in zip(empty, *found, strict=True))
    return PhotoLinks(tuple(keys), reach, ones, others, distances)
