"""Vectors that Milvus proposes, compared as the catalogue holds them. Part of SQLAlchemy's door."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.vector_check import VectorCheck
from index.milvus.collections import (
    Batches,
    Choice,
    Collection,
    open_collection,
    partition_of,
)
from index.milvus.server import MOST_FOUND
from index.search.rows.live_rows import Rows
from index.search.vectors import FloatArray
from index.storage.address import BadCatalogue, CatalogueAddress
from index.storage.checksums import vector_checksum
from index.storage.connection import translating_errors
from index.storage.schema import MOST_BOUND, PhotoRow, VectorRow
from index.stored.rows import Kind, Proposals, StoredRows

_ROWS_AT_ONCE = 2000
_MANY_QUERIES = 32  # from so many on, to read every vector once may be faster than to ask for each
_INDEX_ROWS = 1000  # an index answers a query while so many vectors are read


def key_of(photo_id: int, checksum: int | None) -> int:
    """The key of a photo's vector; without a checksum one that no collection has."""
    return -1 if checksum is None else photo_id << 32 | checksum


@dataclass(frozen=True)
class CatalogueVectors:
    """The vectors of one checkpoint in the catalogue, each compared with its checksum."""

    database: Database
    address: CatalogueAddress
    check: VectorCheck

    def of_photos(self, keys: Rows) -> Generator[tuple[Rows, FloatArray, dict[int, str]]]:
        """Read vectors (r, d) by their keys: those that are there and sound.

        Also what is wrong with others, by photo.
        """
        photo_ids: list[int] = (keys >> 32).tolist()
        at_once = MOST_BOUND if isinstance(self.address, Path) else _ROWS_AT_ONCE
        with translating_errors(self.address):
            for start in range(0, len(photo_ids), at_once):
                yield self._sound(self._rows(photo_ids[start : start + at_once]))

    def _rows(self, photo_ids: Sequence[int]) -> Sequence[Any]:
        """The rows of some photos: photo, vector's bytes, checksum."""
        # With "" no index suits the fingerprint: a database that doesn't know its tables well
        # would look through all vectors of the checkpoint rather than look up these.
        if isinstance(self.address, Path):
            query = select(VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum)
            is_own = VectorRow.fingerprint + "" == self.check.fingerprint
            query = query.where(VectorRow.photo_id.in_(photo_ids), is_own)
            with Session(self.database) as session:
                return session.execute(query).all()
        statement = (
            "SELECT photo_id, embedding, checksum FROM vectors "
            "WHERE photo_id = ANY(%s) AND fingerprint || '' = %s"
        )
        with self.database.connect() as connection, connection.begin():
            driver: Any = connection.connection.driver_connection
            # As bytes: as text it takes five times as long.
            named = (list(photo_ids), self.check.fingerprint)
            return driver.execute(statement, named, binary=True).fetchall()

    def all(self) -> Generator[tuple[Rows, FloatArray]]:
        """Read every vector that is sound, with its key, of photos in whatever state."""
        with translating_errors(self.address):
            for rows in self._all_rows():
                keys, vectors, _ = self._sound(rows)
                yield keys, vectors

    def _all_rows(self) -> Generator[Sequence[Any]]:
        if isinstance(self.address, Path):
            query = select(VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum)
            query = query.where(VectorRow.fingerprint == self.check.fingerprint)
            query = query.execution_options(yield_per=_ROWS_AT_ONCE)
            with Session(self.database) as session:
                yield from session.execute(query).partitions()
            return
        statement = "SELECT photo_id, embedding, checksum FROM vectors WHERE fingerprint = %s"
        with self.database.connect() as connection, connection.begin():
            driver: Any = connection.connection.driver_connection
            with driver.cursor("all_vectors", binary=True) as cursor:
                cursor.execute(statement, (self.check.fingerprint,))
                while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                    yield rows

    def _sound(self, rows: Sequence[Any]) -> tuple[Rows, FloatArray, dict[int, str]]:
        faults = self.check.faults([(row[0], row[1], row[2]) for row in rows])
        good = [row for row, fault in zip(rows, faults, strict=True) if not fault]
        damaged = {row[0]: fault for row, fault in zip(rows, faults, strict=True) if fault}
        keys = np.array([key_of(row[0], row[2]) for row in good], np.int64)
        vectors = np.frombuffer(b"".join([row[1] for row in good]), "<f4")
        return keys, vectors.reshape(len(good), self.check.dimension), damaged

    def species(self, photo_ids: Sequence[int]) -> dict[int, str | None]:
        """The species of photos by their keys."""
        found: dict[int, str | None] = {}
        with translating_errors(self.address), Session(self.database) as session:
            for start in range(0, len(photo_ids), MOST_BOUND):
                some = photo_ids[start : start + MOST_BOUND]
                query = select(PhotoRow.id, PhotoRow.species).where(PhotoRow.id.in_(some))
                found |= {row[0]: row[1] for row in session.execute(query)}
        return found

    def batches(self, keys: Rows, damaged: dict[int, str]) -> Batches:
        """Read what is to be added to a collection; `damaged` takes what is wrong, by photo."""
        for start in range(0, len(keys), _ROWS_AT_ONCE):
            some = keys[start : start + _ROWS_AT_ONCE]
            parts = list[tuple[Rows, FloatArray]]()
            for found, vectors, faults in self.of_photos(some):
                damaged |= faults
                is_needed = np.isin(found, some)
                parts.append((found[is_needed], vectors[is_needed]))
            own = np.concatenate([part[0] for part in parts])
            photo_ids: list[int] = (own >> 32).tolist()
            species = self.species(photo_ids)
            partitions = [partition_of(species[each]) for each in photo_ids]
            yield own, partitions, np.concatenate([part[1] for part in parts])


@dataclass(frozen=True)
class MilvusVectors:
    """The vectors of one checkpoint, by the keys of `key_of`."""

    collection: Collection
    source: CatalogueVectors
    revision: int
    factory: str

    @property
    def dimension(self) -> int:
        """d, the length of each vector."""
        return self.source.check.dimension

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """One: Milvus compares all columns."""
        return (Kind(0, np.arange(self.dimension), len(self.collection.held.keys)),)

    def is_approximate(self, kind: Kind) -> bool:
        """Always: Milvus searches by an index."""
        return True

    def is_read_whole(self, rows: StoredRows, queries: int, fetch: int) -> bool:
        """Whether to read every vector is faster, or the only way."""
        if self.collection.is_paused or fetch > MOST_FOUND:
            return True
        if rows.is_part and rows.choice.partitions is None:
            return True
        return queries >= _MANY_QUERIES and rows.size < _INDEX_ROWS * queries

    def choice_of(self, keys: Rows) -> Choice:
        """The partitions in which a part of the rows is searched."""
        return self.collection.partitions_of(keys)

    def nearest(self, kind: Kind, queries: FloatArray, fetch: int, rows: StoredRows) -> Proposals:
        """Find about `fetch` vectors near each query (n, d). Raises StoreAway."""
        found = self.collection.search(queries, fetch, rows.choice, rows.keys)
        counts = np.array([len(each) for each in found], np.int64)
        which = np.repeat(np.arange(len(found)), counts)
        keys = np.array([key for each in found for key in each], np.int64)
        is_known = rows.rows_of(keys) >= 0  # others are of photos that were removed since
        which, keys = which[is_known], keys[is_known]
        unique, back = np.unique(keys, return_inverse=True)
        vectors = rows.vectors_of(unique)
        return Proposals(which, keys, vectors[back.ravel()], counts)

    def chunks(self, keys: Rows | None) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read vectors (r, d) with their keys from the catalogue."""
        (kind,) = self.kinds
        if keys is None:
            yield from ((kind, found, vectors) for found, vectors in self.source.all())
        else:
            for found, vectors, _ in self.source.of_photos(keys):
                yield kind, found, vectors

    def replaced(self, keys: Rows) -> Generator[tuple[Kind, Rows, FloatArray]]:
        """Read vectors that the catalogue holds no more, or damaged, from the collection."""
        (kind,) = self.kinds
        fingerprint = self.source.check.fingerprint
        for found, vectors in self.collection.server.vectors(self.collection.name, keys):
            is_sound = [
                key == key_of(key >> 32, vector_checksum(key >> 32, fingerprint, one.tobytes()))
                for key, one in zip(found.tolist(), vectors, strict=True)
            ]
            yield kind, found[is_sound], vectors[is_sound]

    def joined(
        self, revision: int, photo_names: Sequence[str], vectors: FloatArray, keys: Rows
    ) -> tuple[MilvusVectors, Rows]:
        """The store with photos that were added, which it writes to the collection.

        Raises BadCatalogue.
        """
        names = list(photo_names)
        ids, species = self._photos(names)
        fingerprint = self.source.check.fingerprint
        sums = [
            vector_checksum(key, fingerprint, one.astype("<f4").tobytes())
            for key, one in zip(ids, vectors, strict=True)
        ]
        added = np.array([key_of(*pair) for pair in zip(ids, sums, strict=True)], np.int64)

        def batches_of(lacking: Rows) -> Batches:
            own: Rows = np.flatnonzero(np.isin(added, lacking))
            for start in range(0, len(own), _ROWS_AT_ONCE):
                at = own[start : start + _ROWS_AT_ONCE]
                some: list[int] = at.tolist()
                where = [partition_of(species[each]) for each in some]
                yield added[at], where, vectors[at]
            yield from source.batches(np.setdiff1d(lacking, added), {})

        every = np.concatenate([keys, added])
        before = self.collection
        # Of a catalogue that was empty the dimension is known only now.
        source = replace(self.source, check=VectorCheck(fingerprint, int(vectors.shape[1])))
        checkpoint = (fingerprint, source.check.dimension)
        after = open_collection(before.server, before.alias, checkpoint, every, batches_of)
        lacking = int(after.held.lacks(every).sum())
        if lacking:
            raise self.refusal(lacking)
        return replace(self, collection=after, source=source, revision=revision), added

    def _photos(self, names: Sequence[str]) -> tuple[list[int], list[str | None]]:
        found: dict[str, tuple[int, str | None]] = {}
        with translating_errors(self.source.address), Session(self.source.database) as session:
            for start in range(0, len(names), MOST_BOUND):
                some = names[start : start + MOST_BOUND]
                query = select(PhotoRow.name, PhotoRow.id, PhotoRow.species)
                rows: Iterable[Any] = session.execute(query.where(PhotoRow.name.in_(some)))
                found |= {row[0]: (row[1], row[2]) for row in rows}
        absent = [name for name in names if name not in found]
        if absent:
            raise BadCatalogue(f"the catalogue {self.source.address} has no photo {absent[0]}")
        return [found[name][0] for name in names], [found[name][1] for name in names]

    def refusal(self, count: int) -> BadCatalogue:
        """The error that so many vectors are to be had nowhere."""
        return BadCatalogue(
            f"{count:,} vectors of revision {self.revision} of the catalogue are neither in it nor "
            f"in Milvus's collection {self.collection.name}: the catalogue has changed since. "
            "Ask again"
        )
