"""Photos laid out so that each individual's nearest one is found while products are in the cache.

Individuals with equally many photos stand side by side. The nearest photos are then the maximum of
a few runs of numbers, without a loop over individuals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_TILE_ROWS = 8192
"""Photos compared at a time; more don't fit into a processor's cache beside their products."""


class PhotoTile(NamedTuple):
    """So many individuals of `photos` each: all their first photos, then their second, and so on.

    `start` is the first photo's place, `first` the first individual's column.
    """

    start: int
    first: int
    individuals: int
    photos: int

    @property
    def rows(self) -> slice:
        """Where its photos stand."""
        return slice(self.start, self.start + self.individuals * self.photos)

    @property
    def columns(self) -> slice:
        """Which individuals they are of."""
        return slice(self.first, self.first + self.individuals)


class PhotoTiles:
    """Where each photo stands, for individuals whose numbers of photos `counts` (c,) ascend."""

    def __init__(self, counts: NDArray[np.int64]) -> None:
        """Lay out so many photos of each individual."""
        self.counts = counts
        self.tiles = tuple(_tiles(counts))
        self.most_rows = max((tile.individuals * tile.photos for tile in self.tiles), default=0)
        self._first = np.zeros(len(counts), np.int64)
        self._step = np.ones(len(counts), np.int64)
        for tile in self.tiles:
            self._first[tile.columns] = tile.start + np.arange(tile.individuals)
            self._step[tile.columns] = tile.individuals

    def places(self, column: int, without: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Where the photos (p,) of one individual stand, but for some of them."""
        first, step = int(self._first[column]), int(self._step[column])
        places = first + step * np.arange(int(self.counts[column]))
        return places if without is None else np.delete(places, (without - first) // step)

    def places_of(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where photos (m,) stand that come individual by individual, `columns` being theirs."""
        starts = np.cumsum(self.counts) - self.counts
        nth = np.arange(len(columns)) - starts[columns]
        return self._first[columns] + self._step[columns] * nth

    def nearest(
        self, queries: NDArray[np.floating], vectors: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """The largest product (q, c) of queries (q, l) with each individual's photos (m, l)."""
        found = np.empty((len(queries), len(self.counts)), vectors.dtype)
        room = np.empty(len(queries) * self.most_rows, vectors.dtype)
        for tile in self.tiles:
            own, out = vectors[tile.rows], found[:, tile.columns]
            if tile.photos == 1:
                np.matmul(queries, own.T, out=out)
                continue
            products = room[: len(queries) * len(own)].reshape(len(queries), len(own))
            np.matmul(queries, own.T, out=products)
            products.reshape(len(queries), tile.photos, -1).max(axis=1, out=out)
        return found

    def sums(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Sum each individual's photos (m, l): (c, l)."""
        sums = np.empty((len(self.counts), vectors.shape[1]))
        for tile in self.tiles:
            own = vectors[tile.rows].reshape(tile.photos, tile.individuals, -1)
            own.sum(axis=0, dtype=np.float64, out=sums[tile.columns])
        return sums


def _tiles(counts: NDArray[np.int64]) -> Iterator[PhotoTile]:
    start = 0
    numbers, firsts, individuals = np.unique(counts, return_index=True, return_counts=True)
    for photos, first, count in zip(
        numbers.tolist(), firsts.tolist(), individuals.tolist(), strict=True
    ):
        step = max(1, _TILE_ROWS // photos)
        for at in range(first, first + count, step):
            tile = PhotoTile(start, at, min(step, first + count - at), photos)
            yield tile
            start += tile.individuals * photos
