"""What a node does: read the photos of a chunk, embed them, and answer in bytes.

Ray imports this on the nodes. It knows nothing of Ray itself.
"""

from __future__ import annotations

import os
import pickle
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np

from embedding.errors import FlukeprintError
from embedding.photos.box import Box
from embedding.photos.exif import taken_at
from embedding.photos.photo import BadPhoto, PhotoLimits, content_hash
from embedding.photos.photo_files import check_bytes
from embedding.runtime import Precision, RuntimeName
from index.labels.labelled_photo import LabelledPhoto
from index.nodes.places import PhotoPlace
from index.nodes.software import NodeSoftware, describe_difference, installed_software
from index.objects.photo_store import BadStore, PhotoStore
from index.photos.embed import EmbeddedPhoto, PhotoFile, UnreadPhoto, embed_photos, photo_file

if TYPE_CHECKING:
    from embedding.embedder import Embedder

PHOTOS, ANSWER = "photos", "answer"
"""The columns of Ray's rows: a pickled chunk each, and the pickled answer to it."""
_TRIES = 4
_FIRST_WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class NodeOrder:
    """How all photos are embedded, and what a node must have installed for it."""

    checkpoint: str | None
    runtime: RuntimeName
    precision: Precision
    software: NodeSoftware


class OrderedPhoto(NamedTuple):
    """A photo to embed, by a number that its answer has too."""

    number: int
    place: PhotoPlace
    box: Box | None


class NodeAnswer(NamedTuple):
    """What became of a chunk: photos by their numbers, in `LabelledPhoto.name`.

    `not_fetched`: the numbers of photos that the node couldn't get at; `is_outage`: because their
    store didn't answer. `fault`: why the node can embed nothing at all.
    """

    node: str
    photos: Sequence[EmbeddedPhoto | UnreadPhoto] = ()
    not_fetched: frozenset[int] = frozenset()
    is_outage: bool = False
    fault: str = ""


class NodeEmbedder:
    """Embeds chunks of photos, by a checkpoint that is loaded once."""

    def __init__(self, order: NodeOrder) -> None:
        """Load the checkpoint. What is wrong with the node is told by each answer."""
        self._node = f"{socket.gethostname()} (process {os.getpid()})"
        self._embedder: Embedder | None = None
        theirs = installed_software(order.checkpoint, order.precision)
        self._fault = describe_difference(theirs, order.software)
        if not self._fault:
            try:
                self._embedder = _load(order)
            except FlukeprintError as error:
                self._fault = f"can't load the checkpoint ({error})"

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Answer each row of a batch."""
        answers = [pickle.dumps(self.embed(pickle.loads(chunk))) for chunk in batch[PHOTOS]]
        return {ANSWER: np.array(answers, object)}

    def embed(self, chunk: Sequence[OrderedPhoto]) -> NodeAnswer:
        """Embed the photos of a chunk. One that can't be read stops nobody else's."""
        if self._embedder is None:
            return NodeAnswer(self._node, fault=self._fault)
        reading = _Reading({photo.place.whole: photo.place for photo in chunk})
        labelled = [
            LabelledPhoto(str(photo.number), photo.place.whole, None, box=photo.box)
            for photo in chunk
        ]
        made = [
            each
            for batch in embed_photos(labelled, self._embedder, read=reading.read)
            for each in batch
        ]
        lacking = reading.absent | reading.failed
        return NodeAnswer(
            self._node,
            made,
            frozenset(photo.number for photo in chunk if photo.place.whole in lacking),
            is_outage=bool(reading.failed),
        )


class _Reading:
    """Reads the photos of a chunk in several threads, and keeps which couldn't be had."""

    def __init__(self, places: dict[Path, PhotoPlace]) -> None:
        self._places = places
        self._stores = {
            place.url: PhotoStore(place.url) for place in places.values() if place.url is not None
        }
        self.absent: set[Path] = set()
        self.failed: set[Path] = set()

    def read(self, path: Path, limits: PhotoLimits) -> tuple[PhotoFile, bytes]:
        """Read a photo's bytes and what tells them from others. Raises BadPhoto."""
        place = self._places[path]
        if place.url is not None:
            return self._fetch(path, place, self._stores[place.url], limits)
        try:
            return photo_file(path, limits)
        except BadPhoto:
            if not path.exists():
                self.absent.add(path)
            raise

    def _fetch(
        self, path: Path, place: PhotoPlace, store: PhotoStore, limits: PhotoLimits
    ) -> tuple[PhotoFile, bytes]:
        try:
            data = _get(store, place.path)
        except BadStore as error:
            self.failed.add(path)
            raise BadPhoto(f"{path}: can't be fetched: {error}") from error
        if data is None:
            self.absent.add(path)
            raise BadPhoto(f"{path}: there is no such photo at {store.url}")
        check_bytes(data, str(path), limits)
        # Whoever ordered it knows what time the file has there, if it has one.
        return PhotoFile(content_hash(data), len(data), None, taken_at=taken_at(data)), data


def _get(store: PhotoStore, name: str) -> bytes | None:
    """A photo's bytes, asked for again after a fault; None where there is none."""
    wanted = quote(name) if store.url.startswith("http") else name
    for attempt in range(_TRIES - 1):
        try:
            return store.get(wanted)
        except BadStore:
            time.sleep(_FIRST_WAIT_SECONDS * 2**attempt)
    return store.get(wanted)


def _load(order: NodeOrder) -> Embedder:
    from embedding.embedder import Embedder

    path = None if order.checkpoint is None else Path(order.checkpoint)
    return Embedder.load(path, runtime=order.runtime, precision=order.precision)
