"""Groups of similar unknown photos.

Exact: every photo is compared with every other, in blocks of bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from index.search.engine import exact_distances
from index.search.vectors import FloatArray

_BLOCK_BYTES = 64 * 2**20  # memory for one block of photos against all others


@dataclass(frozen=True, slots=True)
class Cluster:
    """Photos, by name, each within reach of another one of them.

    `distance` is that of the nearest two.
    """

    photos: tuple[str, ...]
    distance: float


def _do_nothing() -> None:
    return None


def clusters(
    photo_names: Sequence[str],
    vectors: FloatArray,
    max_distance: float,
    *,
    between: Callable[[], None] = _do_nothing,
) -> list[Cluster]:
    """Join photos (n, d) that are within `max_distance` of each other, directly or over others.

    Nearest first.

    A photo that is near no other is in none. Ties come by the first photo's name. `between` is
    called after each block and may raise to stop.
    """
    leader = np.arange(len(photo_names))  # of each photo's cluster: its first photo
    nearest = np.full(len(photo_names), 2.0)
    block = max(1, _BLOCK_BYTES // (8 * max(1, len(photo_names))))
    for start in range(0, len(photo_names), block):
        distances = exact_distances(vectors[start : start + block], vectors[start:])
        is_near = np.triu(distances <= max_distance, 1)  # each pair once
        # A row at a time: of thousands of equal photos, all pairs would be more than memory holds.
        for row in np.flatnonzero(is_near.any(axis=1)).tolist():
            near = np.flatnonzero(is_near[row])
            joined = np.unique(leader[[start + row, *(start + near).tolist()]])
            nearest[joined[0]] = min(nearest[joined].min(), distances[row, near].min())
            if len(joined) > 1:
                led = np.arange(len(leader))
                led[joined] = joined[0]
                leader = led[leader]
        between()
    members: dict[int, list[str]] = {}
    for leading, name in zip(leader.tolist(), photo_names, strict=True):
        members.setdefault(leading, []).append(name)
    found = [
        Cluster(tuple(sorted(names)), float(nearest[at]))
        for at, names in members.items()
        if len(names) > 1
    ]
    return sorted(found, key=lambda each: (each.distance, each.photos))
