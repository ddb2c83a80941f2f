"""A catalogue's collections on a Milvus server: built, filled up, exchanged and removed.

A row is a photo's vector, by a key of photo and checksum, and is never changed. So a row can be
missing, or be of no use any more, but can't be out of date. `flukeprint_NAME` is the alias of the
collection that is current.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from index.milvus.server import (
    NOTHING,
    Held,
    MilvusFailure,
    MilvusServer,
    NoCollection,
    NotLoaded,
    partition_number,
)
from index.search.rows.live_rows import Rows
from index.search.vectors import FloatArray
from index.storage.address import CatalogueAddress
from index.storage.postgres import identity
from index.stored.rows import StoreAway

NO_SPECIES = "_default"
"""The partition of photos without a species, which every collection has."""

_PAUSE_SECONDS = 5.0  # without a question to a server that didn't answer the last one
_BOUNDED_SECONDS = 15.0  # Milvus's bounded reads are 5 s late by default, and clocks differ
_SEALED_FROM = 5000  # rows; fewer are compared one by one as fast as an index is read
_MOST_PARTITIONS = 512
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_log = logging.getLogger("flukeprint.catalogue")

Batches = Iterable[tuple[Rows, Sequence[str], FloatArray]]
"""Keys (r,), the partition of each, and vectors (r, d), in batches."""


def alias_of(address: CatalogueAddress, name: str) -> str:
    """The alias of a catalogue's current collection."""
    if not name:
        where = str(address) if isinstance(address, Path) else json.dumps(identity(address))
        name = hashlib.sha256(where.encode()).hexdigest()[:16]
    return f"flukeprint_{name}"


def partition_of(species: str | None) -> str:
    """The partition of a species."""
    readable = _UNSAFE.sub("_", species or "").strip("_")[:100]
    if not species:
        return NO_SPECIES
    digest = hashlib.sha256(species.encode()).hexdigest()[:8]
    return f"species_{readable}_{digest}"


class Choice(NamedTuple):
    """The partitions of a collection that a part of its rows is in; None: these are read."""

    collection: str
    partitions: Sequence[str] | None


class Collection:
    """The collection that one process searches, and what it holds. Safe from several threads."""

    def __init__(self, server: MilvusServer, alias: str, fingerprint: str, dimension: int) -> None:
        """Use `open_collection`."""
        self.server = server
        self.alias = alias
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.name = ""
        self.held = NOTHING
        self._by_number: dict[int, str] = {}
        self._lock = threading.Lock()
        self._again_at = 0.0
        self._strong_until = 0.0
        self._is_away = False

    @property
    def prefix(self) -> str:
        """What the names of all collections of this checkpoint begin with."""
        return f"{self.alias}_{self.fingerprint[:12]}_{self.dimension}_"

    def open(self, photo_ids: Rows) -> bool:
        """Take the current collection, where there is one of this checkpoint, and read its keys."""
        name = self.server.target(self.alias)
        if name is None or not name.startswith(self.prefix):
            return False
        self.server.load(name)
        self._take(name, self.server.held(name, photo_ids))
        return True

    def _take(self, name: str, held: Held) -> None:
        by_number = self.server.partitions(name)
        with self._lock:
            self.name, self.held, self._by_number = name, held, by_number
            self._strong_until = time.monotonic() + _BOUNDED_SECONDS

    def add(self, batches: Batches) -> None:
        """Add rows to it, whose keys it lacks."""
        added, numbers = [self.held.keys], [self.held.partitions]
        for keys, partitions, vectors in batches:
            places = np.array([self._partition(each) for each in partitions])
            for partition in sorted(set(places.tolist())):
                own = np.flatnonzero(places == partition)
                self.server.insert(self.name, partition, keys[own], vectors[own])
                self._by_number[partition_number(partition)] = partition
                added.append(keys[own])
                numbers.append(np.full(len(own), partition_number(partition)))
        with self._lock:
            self.held = Held.of(np.concatenate(added), np.concatenate(numbers))
            self._strong_until = time.monotonic() + _BOUNDED_SECONDS

    def _partition(self, partition: str) -> str:
        is_new = partition_number(partition) not in self._by_number
        return NO_SPECIES if is_new and len(self._by_number) >= _MOST_PARTITIONS else partition

    def build(self, batches: Batches) -> None:
        """Fill a collection, and then have the alias lead to it; older ones are removed.

        Until then searches go on in the one before, which stays until the next time.
        """
        name = f"{self.prefix}{time.time_ns() // 1000}"
        self.server.create(name, self.dimension)
        try:
            self._take(name, NOTHING)
            self.add(batches)
            if len(self.held.keys) >= _SEALED_FROM:
                self.server.seal(name)
            before = self.server.put_in_place(self.alias, name)
        except BaseException:
            with contextlib.suppress(MilvusFailure):
                self.server.drop(name)
            raise
        for other in self.server.collections():
            is_own = re.fullmatch(rf"{self.alias}_[0-9a-f]+_\d+_\d+", other)
            if is_own and other not in (name, before):
                self.server.drop(other)

    def partitions_of(self, keys: Rows) -> Choice:
        """The partitions of some rows, where these are half of what is in them."""
        with self._lock:
            name, held, by_number = self.name, self.held, self._by_number
        at = np.minimum(np.searchsorted(held.keys, keys), max(0, len(held.keys) - 1))
        numbers = np.unique(held.partitions[at])
        everything = int(np.isin(held.partitions, numbers).sum())
        if 2 * len(keys) < everything:
            return Choice(name, None)
        return Choice(name, [by_number[each] for each in numbers.tolist()])

    @property
    def is_paused(self) -> bool:
        """Whether the server didn't answer a moment ago."""
        return time.monotonic() < self._again_at

    def search(
        self, queries: FloatArray, fetch: int, choice: Choice | None, keys: Rows
    ) -> list[list[int]]:
        """Find the keys near each query (n, d), in some partitions or in all.

        `keys` are the rows that have to be there. Raises StoreAway where the server doesn't answer.
        """
        if self.is_paused or (choice is not None and choice.collection != self.name):
            raise StoreAway
        partitions = None if choice is None else choice.partitions

        def query() -> list[list[int]]:
            is_strong = time.monotonic() < self._strong_until
            return self.server.search(self.name, queries, fetch, partitions, is_strong=is_strong)

        try:
            try:
                found = query()
            except NotLoaded:
                self.server.load(self.name, is_awaited=False)
                raise
            except NoCollection:
                if not self._follow_alias(keys):
                    raise
                if choice is not None:
                    raise StoreAway from None  # photos may be in other partitions there
                found = query()
        except MilvusFailure as error:
            self._note(error)
            raise StoreAway from error
        if self._is_away:
            self._is_away = False
            _log.warning("The Milvus server answers again")
        return found

    def _follow_alias(self, keys: Rows) -> bool:
        """Go over to the current collection, where the own one was removed and it has all rows."""
        name = self.server.target(self.alias)
        if name is None or not name.startswith(self.prefix):
            return False
        held = self.server.held(name, np.unique(keys >> 32))
        if held.lacks(keys).any():
            return False
        self._take(name, held)
        return True

    def _note(self, error: MilvusFailure) -> None:
        self._again_at = time.monotonic() + _PAUSE_SECONDS
        if not self._is_away:
            _log.warning("%s. Until it answers, every vector of the catalogue is compared", error)
        self._is_away = True


def open_collection(
    server: MilvusServer,
    alias: str,
    checkpoint: tuple[str, int],
    keys: Rows,
    batches_of: Callable[[Rows], Batches],
) -> Collection:
    """The catalogue's collection with all rows of these keys, built where there is none.

    `checkpoint` is a fingerprint and its dimension. `batches_of` gives the rows of keys that lack,
    but for those that are of no use. Without keys none is opened. Raises MilvusFailure.
    """
    collection = Collection(server, alias, *checkpoint)
    if not len(keys):
        return collection
    photo_ids = np.unique(keys >> 32)
    if not collection.open(photo_ids):
        try:
            collection.build(batches_of(keys))
            return collection
        except NoCollection:
            # Another process built one meanwhile, and removed this one as a remnant.
            if not collection.open(photo_ids):
                raise
    lacking = keys[collection.held.lacks(keys)]
    if len(lacking):
        collection.add(batches_of(lacking))
    return collection
