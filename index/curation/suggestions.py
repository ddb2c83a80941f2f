"""Work lists for curators: similar individuals, and similar unknown photos.

Exact: every photo is compared with every other, in blocks of bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.search.engine import exact_distances
from index.search.gallery import Gallery
from index.search.vectors import FloatArray

_BLOCK_BYTES = 64 * 2**20  # memory for one block of photos against all others
_FLOAT32_ERROR = 1e-5  # float32 products stray from the exact distances by less than this


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Two individuals and the two of their photos that are nearest to each other.

    `one` comes first by id.
    """

    one: str
    other: str
    distance: float
    photo_of_one: str
    photo_of_other: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Photos, by name, each within reach of another one of them.

    `distance` is that of the nearest two.
    """

    photos: tuple[str, ...]
    distance: float


def _do_nothing() -> None:
    return None


def resemblances(
    gallery: Gallery,
    limit: int,
    *,
    max_distance: float = 2.0,
    between: Callable[[], None] = _do_nothing,
) -> list[Resemblance]:
    """The `limit` pairs of individuals whose photos are nearest, nearest first, ties by id.

    Takes time in proportion to the square of the photos; `between` is called after each block and
    may raise to stop.
    """
    best: list[Resemblance] = []
    vectors = gallery.vectors
    for columns in _column_blocks(gallery):
        reach = best[-1].distance if len(best) == limit else max_distance
        found = [
            _resemblance(gallery, *pair)
            for pair in _near_pairs(gallery, vectors, columns, limit, reach)
        ]
        near = [each for each in found if each.distance <= max_distance]
        best = sorted([*best, *near], key=lambda each: (each.distance, each.one, each.other))[
            :limit
        ]
        between()
    return best


def clusters(
    photo_names: Sequence[str],
    vectors: FloatArray,
    max_distance: float,
    *,
    between: Callable[[], None] = _do_nothing,
) -> list[Cluster]:
    """Join photos (n, d) that are within `max_distance` of each other, directly or over others.

    Nearest first.

    A photo that is near no other is in none. Ties come by the first photo's name. `between` as in
    `resemblances`.
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


def _column_blocks(gallery: Gallery) -> Iterator[range]:
    """Individuals in runs of which each needs one block's memory against all others."""
    size = max(1, _BLOCK_BYTES // (4 * max(1, gallery.individual_count)))
    for start in range(0, gallery.individual_count, size):
        yield range(start, min(start + size, gallery.individual_count))


def _near_pairs(
    gallery: Gallery, vectors: FloatArray, columns: range, limit: int, reach: float
) -> Iterator[tuple[int, int]]:
    """Find pairs of the block and later individuals that may be among the nearest `limit`."""
    nearest = _nearest_products(gallery, vectors, columns)  # (block, individuals from its first on)
    is_pair = np.triu(np.ones(nearest.shape, np.bool_), 1)
    products = nearest[is_pair]
    if len(products) == 0:
        return
    least = 1 - reach
    if len(products) > limit:
        least = max(
            least, float(np.partition(products, len(products) - limit)[len(products) - limit])
        )
    is_near = is_pair & (nearest >= least - _FLOAT32_ERROR)
    for one, other in zip(*(each.tolist() for each in np.nonzero(is_near)), strict=True):
        yield columns.start + one, columns.start + other


def _nearest_products(gallery: Gallery, vectors: FloatArray, columns: range) -> NDArray[np.float32]:
    """Compute the greatest product of any two photos of two individuals.

    One is of the block, the other of the block or later.
    """
    starts = np.array(
        [gallery.rows_of(column).start for column in range(columns.start, gallery.individual_count)]
    )
    first, stop = int(starts[0]), gallery.rows_of(columns[-1]).stop
    nearest = np.full((len(columns), len(starts)), -np.inf, np.float32)
    size = max(1, _BLOCK_BYTES // (4 * (gallery.size - first)))
    for start in range(first, stop, size):
        rows = np.arange(start, min(start + size, stop))
        products = vectors[rows] @ vectors[first:].T
        reduced = np.maximum.reduceat(products, starts - first, axis=1)
        np.maximum.at(nearest, np.searchsorted(starts, rows, side="right") - 1, reduced)
    return nearest


def _resemblance(gallery: Gallery, one: int, other: int) -> Resemblance:
    rows, columns = gallery.rows_of(one), gallery.rows_of(other)
    distances = exact_distances(gallery.vectors_at(rows), gallery.vectors_at(columns))
    row, column = divmod(int(np.argmin(distances)), distances.shape[1])
    return Resemblance(
        gallery.individual_ids[one],
        gallery.individual_ids[other],
        float(distances[row, column]),
        gallery.photo_names[rows][row],
        gallery.photo_names[columns][column],
    )
