"""An engine whose vectors stay on a server: it is asked for neighbours, as FAISS is elsewhere.

The server proposes neighbours; their distances are computed again in float64, as with every engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.search.engine import Nearby, RowEngine, surely_within, to_distances
from index.search.rows.live_rows import LiveRows, Rows
from index.search.vectors import FloatArray
from index.stored.rows import ROWS_AT_ONCE, Kind, StoreAway, StoredRows

_ASKED_TOGETHER = 16  # queries of one request, whose neighbours are held together


class StoredEngine:
    """Searches rows on their server, a kind after the other."""

    is_stored = True

    def __init__(self, rows: StoredRows) -> None:
        self.rows = rows

    @property
    def size(self) -> int:
        """m, the number of rows."""
        return self.rows.size

    def numbers_a_query(self, fetch: int) -> int:
        """What is found near it, or the distances of a chunk where all vectors are read once."""
        return 2 * (fetch + ROWS_AT_ONCE)

    def nearby(self, queries: FloatArray, fetch: int) -> list[Nearby]:
        """Find about `fetch` rows near each query (n, d) of each kind."""
        if not self.size:
            return []
        store = self.rows.store
        if not store.is_read_whole(self.rows, len(queries), fetch):
            try:
                return [self._nearby(kind, queries, fetch) for kind in store.kinds]
            except StoreAway:
                pass
        return [_nearby_of_all(self.rows, queries, fetch)]

    def _nearby(self, kind: Kind, queries: FloatArray, fetch: int) -> Nearby:
        own = np.ascontiguousarray(queries[:, kind.columns])
        # A query that shares no column with the kind is at distance 1 from all of it, exactly.
        every = np.flatnonzero((own != 0).any(axis=1))
        distances = np.full((len(queries), fetch), np.inf)
        rows = np.full((len(queries), fetch), -1, np.int64)
        bound = np.ones(len(queries))
        for start in range(0, len(every), _ASKED_TOGETHER):
            near = every[start : start + _ASKED_TOGETHER]
            found = self.rows.store.nearest(kind, own[near], fetch, self.rows)
            which = found.which
            held = np.bincount(which, minlength=len(near))
            place = np.arange(len(which)) - np.repeat(np.cumsum(held) - held, held)
            at = self.rows.rows_of(found.keys)
            numbers = own[near].astype(np.float64)[which]
            apart = to_distances(np.einsum("nd,nd->n", numbers, found.vectors.astype(np.float64)))
            distances[near[which], place] = np.where(at < 0, np.inf, apart)
            rows[near[which], place] = at
            # Fewer than were asked for: the index led nowhere else, or there are no more.
            fewer = -np.inf if self.rows.store.is_approximate(kind) else np.inf
            reach = np.full(len(near), -np.inf)
            np.maximum.at(reach, which, apart)
            bound[near] = np.where(found.counts < fetch, fewer, surely_within(reach))
        return Nearby(distances, rows, bound, np.full(len(queries), -1, np.int64))

    def loaded(self) -> LiveRows:
        """All rows in memory."""
        return self.rows.loaded()

    def narrowed(self, rows: Rows) -> RowEngine:
        """The engine of some of these rows, ascending."""
        return StoredEngine(self.rows.part(rows))

    def joined(
        self,
        added: LiveRows,
        photo_names: Sequence[str],
        order: Rows,
        revision: int,
        factory: str,
    ) -> RowEngine:
        """The engine of these rows and those `added` of these photos, at a revision, in an order.

        Raises BadCatalogue.
        """
        assert added.size == len(photo_names) and factory == self.rows.store.factory
        kept = self.rows.keys
        store, more = self.rows.store.joined(revision, photo_names, added.dense(), kept)
        return StoredEngine(StoredRows(store, np.concatenate([kept, more])[order]))


def _nearby_of_all(rows: StoredRows, queries: FloatArray, fetch: int) -> Nearby:
    """Read every vector once, for many queries (n, d); never more than a chunk is in memory."""
    numbers = queries.astype(np.float64)
    found = np.zeros((len(queries), 0))
    nearest = np.zeros((len(queries), 0), np.int64)
    for kind, own, vectors in rows.chunks():
        distances = to_distances(numbers[:, kind.columns] @ vectors.astype(np.float64).T)
        found = np.concatenate([found, distances], axis=1)
        nearest = np.concatenate([nearest, np.tile(own, (len(queries), 1))], axis=1)
        if found.shape[1] > fetch:
            kept = np.argpartition(found, fetch - 1, axis=1)[:, :fetch]
            found = np.take_along_axis(found, kept, axis=1)
            nearest = np.take_along_axis(nearest, kept, axis=1)
    every = found.shape[1] == rows.size
    bound = np.full(len(queries), np.inf) if every else surely_within(found.max(axis=1))
    return Nearby(found, nearest, bound, np.full(len(queries), -1, np.int64))
