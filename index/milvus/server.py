"""What is asked of a Milvus server. The only door to pymilvus."""

from __future__ import annotations

import importlib
import logging
import os
import time
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.search.rows.live_rows import Rows
from index.search.vectors import FloatArray
from index.storage.address import BadCatalogue
from index.stored.milvus_address import TOKEN_VARIABLE, BadEngineName, MilvusAddress

MOST_FOUND = 16_384
"""The most neighbours that Milvus gives of one query."""

_SECONDS = 30.0  # for an answer, but for a search
_SEARCH_SECONDS = 5.0
_BUILD_SECONDS = 3600.0
_ASK_AGAIN_SECONDS = 0.2
_VECTORS_AT_ONCE = 500
_HNSW = {"M": 16, "efConstruction": 200}
_LEAST_EF = 200


class MilvusFailure(BadCatalogue):
    """A Milvus server that can't be reached, or that refuses what it was asked."""


class NoCollection(MilvusFailure):
    """A collection that is not there any more."""


class NotLoaded(MilvusFailure):
    """A collection that is not in the server's memory, as after a restart."""


_KINDS = {"collection not found": NoCollection, "collection not loaded": NotLoaded}


@dataclass(frozen=True, slots=True)
class Held:
    """The keys that a collection holds (h,), ascending, and the partition of each (h,)."""

    keys: Rows
    partitions: Rows

    def lacks(self, keys: Rows) -> Any:
        """Which of these keys (k,) it doesn't hold."""
        if not len(self.keys):
            return np.ones(len(keys), np.bool_)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return self.keys[at] != keys

    @classmethod
    def of(cls, keys: Rows, partitions: Rows) -> Held:
        """Sort keys in any order, and leave out those that are there twice."""
        unique, first = np.unique(keys, return_index=True)
        return cls(unique, partitions[first])


NOTHING = Held(np.zeros(0, np.int64), np.zeros(0, np.int64))
"""What an empty collection holds."""


def partition_number(partition: str) -> int:
    """The number by which a row says in which partition it is."""
    return zlib.crc32(partition.encode()) >> 1


class MilvusServer:
    """A connection to a Milvus server. Safe to use from several threads."""

    def __init__(self, address: MilvusAddress) -> None:
        """Connect. Raises MilvusFailure, and BadEngineName where pymilvus isn't installed."""
        self.address = address
        try:
            self._pymilvus: Any = importlib.import_module("pymilvus")
        except ModuleNotFoundError as error:
            raise BadEngineName(
                "the engine milvus needs pymilvus: pip install 'flukeprint[milvus]'"
            ) from error
        # It would print each refusal with its traceback; what matters is told by whoever asks.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
        with self._translating():
            self._client: Any = self._pymilvus.MilvusClient(
                uri=address.uri,
                db_name=address.database,
                token=os.environ.get(TOKEN_VARIABLE, ""),
                timeout=_SEARCH_SECONDS,
            )

    @contextmanager
    def _translating(self) -> Generator[None]:
        try:
            yield
        except self._pymilvus.exceptions.MilvusException as error:
            text = " ".join(str(error.message or error).split())[:200]
            kind = next((each for words, each in _KINDS.items() if words in text), MilvusFailure)
            raise kind(
                f"the Milvus server at {self.address.uri} doesn't do what it was asked ({text}). "
                "See that it runs and can be reached, or use another --engine"
            ) from error

    def target(self, alias: str) -> str | None:
        """The collection that an alias leads to; None where there is none."""
        try:
            with self._translating():
                found = self._client.describe_collection(alias, timeout=_SECONDS)
        except NoCollection:
            return None
        return str(found["collection_name"])

    def collections(self) -> list[str]:
        """The names of all collections."""
        with self._translating():
            return sorted(self._client.list_collections(timeout=_SECONDS))

    def create(self, collection: str, dimension: int) -> None:
        """Make an empty collection that can be searched at once."""
        kinds = self._pymilvus.DataType
        with self._translating():
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", kinds.INT64, is_primary=True)
            schema.add_field("part", kinds.INT64)
            schema.add_field("embedding", kinds.FLOAT_VECTOR, dim=dimension)
            indexes = self._client.prepare_index_params()
            indexes.add_index("embedding", index_type="HNSW", metric_type="IP", params=dict(_HNSW))
            self._client.create_collection(
                collection, schema=schema, index_params=indexes, timeout=_SECONDS
            )
        self.load(collection)

    def load(self, collection: str, *, is_awaited: bool = True) -> None:
        """Have a collection in the server's memory; after a restart that may take half a minute."""
        with self._translating():
            self._client.load_collection(
                collection,
                timeout=_BUILD_SECONDS if is_awaited else _SECONDS,
                _async=not is_awaited,
            )

    def insert(self, collection: str, partition: str, keys: Rows, vectors: FloatArray) -> None:
        """Add vectors (r, d) by their keys to a partition, which is made where it is absent."""
        number = partition_number(partition)
        rows = [
            {"key": key, "part": number, "embedding": vector}
            for key, vector in zip(keys.tolist(), vectors, strict=True)
        ]
        with self._translating():
            if not self._client.has_partition(collection, partition, timeout=_SECONDS):
                self._client.create_partition(collection, partition, timeout=_SECONDS)
            self._client.insert(collection, rows, partition_name=partition, timeout=_SECONDS)

    def seal(self, collection: str) -> None:
        """Have all that was added indexed, and wait for that."""
        deadline = time.monotonic() + _BUILD_SECONDS
        with self._translating():
            self._client.flush(collection, timeout=_BUILD_SECONDS)
            # Its `state` is "Finished" while rows still wait.
            while self._client.describe_index(collection, "embedding")["pending_index_rows"]:
                if time.monotonic() > deadline:
                    raise MilvusFailure(
                        f"the Milvus server at {self.address.uri} has not indexed {collection} "
                        f"within {_BUILD_SECONDS:.0f} s; see its log"
                    )
                time.sleep(_ASK_AGAIN_SECONDS)

    def held(self, collection: str, photo_ids: Rows) -> Held:
        """The keys that a collection holds of photos (p,), ascending, and maybe of others.

        Whoever wrote them, wherever: this waits for all that was written before.
        """
        keys, partitions = list[Any](), list[Any]()
        for start in range(0, len(photo_ids), MOST_FOUND):
            own = photo_ids[start : start + MOST_FOUND]
            first, last = int(own[0]) << 32, ((int(own[-1]) + 1) << 32) - 1
            with self._translating():
                rows = self._client.query(
                    collection,
                    filter=f"key >= {first} and key <= {last}",
                    output_fields=["key", "part"],
                    consistency_level="Strong",
                    timeout=_SECONDS,
                )
            keys += [row["key"] for row in rows]
            partitions += [row["part"] for row in rows]
        return Held.of(np.array(keys, np.int64), np.array(partitions, np.int64))

    def partitions(self, collection: str) -> dict[int, str]:
        """The partitions of a collection by their numbers."""
        with self._translating():
            names = self._client.list_partitions(collection, timeout=_SECONDS)
        return {partition_number(name): name for name in names}

    def search(
        self,
        collection: str,
        queries: FloatArray,
        fetch: int,
        partitions: Sequence[str] | None,
        *,
        is_strong: bool,
    ) -> list[list[int]]:
        """Find the keys of about `fetch` vectors near each query (n, d), the nearest first.

        `is_strong`: what was written to the moment is searched; else what was five seconds ago.
        """
        fetch = min(fetch, MOST_FOUND)
        with self._translating():
            found = self._client.search(
                collection,
                data=list(queries),
                limit=fetch,
                anns_field="embedding",
                search_params={"metric_type": "IP", "params": {"ef": max(fetch, _LEAST_EF)}},
                partition_names=None if partitions is None else list(partitions),
                consistency_level="Strong" if is_strong else "Bounded",
                timeout=_SEARCH_SECONDS,
            )
        return [list(each.ids) for each in found]

    def vectors(self, collection: str, keys: Rows) -> Generator[tuple[Rows, FloatArray]]:
        """Read vectors (r, d) by their keys, those that are there."""
        for start in range(0, len(keys), _VECTORS_AT_ONCE):
            named = ", ".join(map(str, keys[start : start + _VECTORS_AT_ONCE].tolist()))
            with self._translating():
                rows = self._client.query(
                    collection,
                    filter=f"key in [{named}]",
                    output_fields=["key", "embedding"],
                    consistency_level="Strong",
                    timeout=_SECONDS,
                )
            if rows:
                found = np.array([row["key"] for row in rows], np.int64)
                yield found, np.array([row["embedding"] for row in rows], np.float32)

    def put_in_place(self, alias: str, collection: str) -> str | None:
        """Have an alias lead to a collection, in one step; to which it led before."""
        before = self.target(alias)
        with self._translating():
            if before is None:
                self._client.create_alias(collection, alias, timeout=_SECONDS)
            else:
                self._client.alter_alias(collection, alias, timeout=_SECONDS)
        return before

    def drop(self, collection: str) -> None:
        """Remove a collection."""
        with self._translating():
            self._client.drop_collection(collection, timeout=_SECONDS)
