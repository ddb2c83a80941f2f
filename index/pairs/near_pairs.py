"""The nearest pairs of a gallery's individuals, exact, and followed through changes.

Every photo is compared with every other once, in tiles whose products stay in a processor's cache;
only what is near is kept. After a change only the photos of those whom it concerns are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from index.search.engine import to_distances
from index.search.gallery import Gallery
from index.search.rows.live_rows import LiveGroup, LiveRows, Rows
from index.search.segments import Segment

FARTHEST = 2.0
"""The largest cosine distance."""
_BLOCK_ROWS, _TILE_ROWS = 256, 8192
_EXACT_ROWS = 8192  # pairs of photos computed in float64 at a time
_FLOAT32_ERROR = 1e-5  # float32 products stray from the exact distances by less than this
_SAMPLE = 128  # photos by which it is estimated how near the nearest pairs are
_SLACK = 1.5  # so many times as many pairs are looked for as the estimate says
_MOST_FOLLOWED = 0.1  # of the individuals: where more have changed all are compared anew

Floats = NDArray[np.float64]


def do_nothing() -> None:
    """Go on."""


class PairRows(NamedTuple):
    """Parallel rows (p,): two individuals' columns, `ones` < `others`, and how far they are.

    `photos` (p, 2) are the rows of the two photos that are nearest to each other.
    """

    ones: Rows
    others: Rows
    distances: Floats
    photos: Rows

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Put parts together, each pair once, by its nearest photos."""
        ones = np.concatenate([part.ones for part in parts])
        others = np.concatenate([part.others for part in parts])
        distances = np.concatenate([part.distances for part in parts])
        photos = np.concatenate([part.photos for part in parts])
        order = np.lexsort((photos[:, 1], photos[:, 0], distances, others, ones))
        ones, others = ones[order], others[order]
        is_first = np.ones(len(order), np.bool_)
        is_first[1:] = (np.diff(ones) != 0) | (np.diff(others) != 0)
        order = order[is_first]
        return cls(ones[is_first], others[is_first], distances[order], photos[order])

    def chosen(self, at: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """Some of the pairs."""
        return type(self)(self.ones[at], self.others[at], self.distances[at], self.photos[at])

    def nearest(self, most: int) -> Self:
        """At most so many pairs, nearest first, ties by individual."""
        order = np.lexsort((self.others, self.ones, self.distances))
        return self.chosen(order[:most])


@dataclass(frozen=True, eq=False, slots=True)
class NearPairs:
    """The pairs of a gallery's individuals up to a distance, nearest first.

    `reach` is that distance: no pair within it is absent, but for ties at its end where there are
    more than `most`.
    """

    gallery: Gallery
    reach: float
    most: int
    pairs: PairRows

    def after(
        self, gallery: Gallery, *, between: Callable[[], None] = do_nothing
    ) -> NearPairs | None:
        """Find those of a later state; None where so much has changed that all must be compared.

        Up to the same reach.
        """
        changed = changed_individuals(self.gallery, gallery)
        if changed is None or len(changed) > _MOST_FOLLOWED * max(1, gallery.individual_count):
            return None
        remaining = self._remaining(gallery, changed)
        search = _Search(gallery, between)
        at = {individual: column for column, individual in enumerate(gallery.individual_ids)}
        columns = np.array(sorted(at[one] for one in changed if one in at), np.int64)
        pairs, reach = search.within(self.reach, self.most, remaining, columns)
        return NearPairs(gallery, reach, self.most, pairs)

    def _remaining(self, gallery: Gallery, changed: set[str]) -> PairRows:
        """The pairs of whom nothing has changed, by their columns and rows of now."""
        at = {individual: column for column, individual in enumerate(gallery.individual_ids)}
        now = np.array(
            [-1 if one in changed else at.get(one, -1) for one in self.gallery.individual_ids],
            np.int64,
        )
        pairs = self.pairs.chosen((now[self.pairs.ones] >= 0) & (now[self.pairs.others] >= 0))
        both = np.stack([pairs.ones, pairs.others], axis=1)
        within = pairs.photos - self.gallery.photos.starts[both]
        photos = gallery.photos.starts[now[both]] + within if len(both) else pairs.photos
        return PairRows(now[pairs.ones], now[pairs.others], pairs.distances, photos)


def find_near_pairs(
    gallery: Gallery,
    most: int,
    *,
    max_distance: float = FARTHEST,
    between: Callable[[], None] = do_nothing,
) -> NearPairs:
    """Find the `most` pairs of individuals whose photos are nearest, within a distance.

    Ties come by individual. Takes time in proportion to the square of the photos; `between` is
    called after each tile and may raise to stop.
    """
    search = _Search(gallery, between)
    reach = search.estimated_reach(most, max_distance)
    pairs, found_reach = search.within(reach, most)
    if reach < max_distance and len(pairs.ones) < most:
        pairs, found_reach = search.within(max_distance, most)
    return NearPairs(gallery, found_reach, most, pairs)


def ordered_rows(gallery: Gallery) -> LiveRows:
    """The vectors of a gallery in the order of its photos; copied where it has changed."""
    photos = gallery.photos
    rows = photos.base.engine.loaded()
    if not photos.changed:
        return rows
    return rows.joined(photos.added.engine.loaded(), photos.order)


class _Search:
    """Compares a gallery's photos with each other."""

    def __init__(self, gallery: Gallery, between: Callable[[], None]) -> None:
        self._between = between
        self._rows = ordered_rows(gallery)
        starts = gallery.photos.starts
        counts = np.diff(np.append(starts, gallery.size))
        self._columns: Rows = np.repeat(np.arange(len(starts)), counts)

    @property
    def _count(self) -> int:
        return int(self._columns[-1]) + 1 if len(self._columns) else 0

    def estimated_reach(self, most: int, max_distance: float) -> float:
        """The distance within which there are a few more pairs than `most`, by a sample."""
        if self._count <= 2 * _SAMPLE:
            return max_distance
        sample = np.unique(np.linspace(0, len(self._columns) - 1, _SAMPLE).astype(np.int64))
        queries = self._rows.dense(sample)
        wanted = int(_SLACK * 2 * most * len(self._columns) / self._count**2 * len(sample)) + 1
        nearest = np.zeros(0, np.float32)
        for group in self._rows.groups:
            for start in range(0, len(group.rows), _TILE_ROWS):
                tile = slice(start, start + _TILE_ROWS)
                products = group.of(queries) @ group.vectors[tile].T
                own = self._columns[sample][:, None] == self._columns[group.rows[tile]]
                nearest = np.concatenate([nearest, products[~own]])
                nearest = np.sort(nearest)[-wanted:]
        return min(max_distance, max(0.0, 1 - float(nearest[0])))

    def within(
        self, reach: float, most: int, known: PairRows | None = None, columns: Rows | None = None
    ) -> tuple[PairRows, float]:
        """Find the nearest `most` pairs up to a distance, and the distance that they reach to.

        `columns`: only the pairs of these individuals, beside the `known` ones.
        """
        found = _NearestPairs(reach, most)
        if known is not None:
            found.add(known)
        queries = None if columns is None else np.flatnonzero(np.isin(self._columns, columns))
        for one_at, one in enumerate(self._rows.groups):
            for other_at, other in enumerate(self._rows.groups):
                if columns is None and other_at < one_at:
                    continue
                is_half = columns is None and other_at == one_at
                for part in self._near(one, other, found, queries, is_half=is_half):
                    found.add(part)
                    self._between()
        return found.pairs, found.reach

    def _near(
        self,
        one: LiveGroup,
        other: LiveGroup,
        found: _NearestPairs,
        queries: Rows | None,
        *,
        is_half: bool,
    ) -> Iterator[PairRows]:
        """Pairs of photos of two groups that are within reach, tile by tile."""
        _, of_one, of_other = np.intersect1d(one.columns, other.columns, return_indices=True)
        own = (
            np.arange(len(one.rows))
            if queries is None
            else np.flatnonzero(np.isin(one.rows, queries))
        )
        for start in range(0, len(own), _BLOCK_ROWS):
            block = own[start : start + _BLOCK_ROWS]
            rows = _columns_of(one.vectors[block], of_one)
            for first in range(int(block[0]) if is_half else 0, len(other.rows), _TILE_ROWS):
                tile = slice(first, first + _TILE_ROWS)
                others = _columns_of(other.vectors[tile], of_other)
                near = rows @ others.T >= 1 - found.reach - _FLOAT32_ERROR
                ones, twos = np.nonzero(near)
                both = np.stack([one.rows[block][ones], other.rows[tile][twos]], axis=1)
                is_pair = self._columns[both[:, 0]] != self._columns[both[:, 1]]
                if is_half:
                    is_pair &= both[:, 0] < both[:, 1]
                at = np.flatnonzero(is_pair)
                distances = _exact(rows, others, ones[at], twos[at])
                is_near = distances <= found.reach
                photos = np.sort(both[at[is_near]], axis=1)
                yield PairRows(
                    self._columns[photos[:, 0]],
                    self._columns[photos[:, 1]],
                    distances[is_near],
                    photos,
                )


class _NearestPairs:
    """The nearest pairs of those that were added, and the distance that others must be within."""

    def __init__(self, reach: float, most: int) -> None:
        self.reach = reach
        self._most = most
        self._parts: list[PairRows] = []
        self._added = 0

    def add(self, part: PairRows) -> None:
        """Take pairs, some of which may be there already."""
        if not len(part.ones):
            return
        self._parts.append(part)
        self._added += len(part.ones)
        if self._added > 4 * self._most + _EXACT_ROWS:
            self._join()

    @property
    def pairs(self) -> PairRows:
        """The pairs, nearest first, each once."""
        self._join()
        return self._parts[0]

    def _join(self) -> None:
        none = PairRows(_NONE, _NONE, np.zeros(0), np.zeros((0, 2), np.int64))
        joined = PairRows.joined([none, *self._parts])
        is_cut = len(joined.ones) > self._most
        nearest = joined.nearest(self._most)
        if is_cut:
            self.reach = float(nearest.distances[-1]) if self._most else 0.0
        self._parts, self._added = [nearest], len(nearest.ones)


_NONE: Rows = np.zeros(0, np.int64)


def changed_individuals(earlier: Gallery, later: Gallery) -> set[str] | None:
    """Who may have other photos than before; None where that can't be told."""
    before, after = earlier.photos, later.photos
    if before.base is not after.base:
        return None
    gone = np.setxor1d(before.gone, after.gone)
    changed = {before.base.individual_of(row) for row in gone.tolist()}
    return changed | _changed_rows(before.added, after.added)


def _changed_rows(before: Segment, after: Segment) -> set[str]:
    """Whose rows are not the same in two segments: one keeps the rows of many earlier acts."""
    if before is after:
        return set()
    one, other = (
        {
            photo: row
            for row, photo in enumerate(zip(each.individuals, each.photo_names, strict=True))
        }
        for each in (before, after)
    )
    changed = {individual for individual, _ in one.keys() ^ other.keys()}
    same = sorted(one.keys() & other.keys())
    rows, now = (np.array([each[photo] for photo in same], np.int64) for each in (one, other))
    if same:
        differs = (before.rows.dense(rows) != after.rows.dense(now)).any(axis=1)
        changed.update(same[at][0] for at in np.flatnonzero(differs).tolist())
    return changed


def _columns_of(vectors: NDArray[np.float32], columns: Rows) -> NDArray[np.float32]:
    return vectors if len(columns) == vectors.shape[1] else vectors[:, columns]


def _exact(
    rows: NDArray[np.float32], others: NDArray[np.float32], ones: Rows, twos: Rows
) -> Floats:
    """The rounded distances (n,) of some pairs of photos."""
    products = np.empty(len(ones))
    for start in range(0, len(ones), _EXACT_ROWS):
        part = slice(start, start + _EXACT_ROWS)
        one = rows[ones[part]].astype(np.float64)
        products[part] = np.einsum("nd,nd->n", one, others[twos[part]].astype(np.float64))
    return to_distances(products)
