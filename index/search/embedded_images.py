"""Images to vectors, with what else is seen of each: its box, its turn and its quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embedding.photos.box import WHOLE, Animal
from embedding.photos.photo import Box, Image
from embedding.photos.quality import PhotoQuality
from embedding.photos.quality_measures import quality_of
from index.search.vectors import Embedder, FloatArray


class EmbeddedImage(NamedTuple):
    """An image's vector (d,), the box of its animal where one is known, its turn and its quality.

    `quarter_turns` to the left put it upright before it was embedded. The box is that of the image
    as it came, and so are those of the `animals` found in it, surest first. None: none were looked
    for.
    """

    vector: FloatArray
    box: Box | None
    quarter_turns: int
    quality: PhotoQuality
    animals: tuple[Animal, ...] | None = None


class UprightVectors(Protocol):
    """Vectors (n, d) of upright images, the turns (n,) that made them so, n boxes, and animals."""

    @property
    def vectors(self) -> FloatArray:
        """Of the upright images."""
        ...

    @property
    def quarter_turns(self) -> NDArray[np.int64]:
        """To the left, 0 to 3."""
        ...

    @property
    def boxes(self) -> tuple[Box | None, ...]:
        """In the images as they came."""
        ...

    @property
    def animals(self) -> tuple[tuple[Animal, ...] | None, ...]:
        """All that were found in each, surest first; None where a box was given."""
        ...


@runtime_checkable
class TurningEmbedder(Protocol):
    """An embedder that puts images upright."""

    def embed_upright(
        self, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
    ) -> UprightVectors:
        """Embed n images, and say how each was turned."""
        ...


@runtime_checkable
class FindingEmbedder(Protocol):
    """An embedder that finds every animal in an image."""

    def find_animals(self, images: Sequence[Image]) -> list[tuple[Animal, ...]]:
        """Find the animals in each of n images, the surest first; none where none is seen."""
        ...


@runtime_checkable
class LocatingEmbedder(Protocol):
    """An embedder that finds the box of the fluke in each photo."""

    def located(self, images: Sequence[Image], boxes: Sequence[Box | None]) -> Sequence[Box | None]:
        """The boxes, found where none is sent; None: the whole photo."""
        ...


def find_animals(embedder: Embedder, images: Sequence[Image]) -> list[tuple[Animal, ...]]:
    """Find the animals in each of n images; one that fills it where the embedder finds none."""
    if isinstance(embedder, FindingEmbedder):
        return embedder.find_animals(images)
    return [(Animal(WHOLE, 1.0),) for _ in images]


def embed_images(
    embedder: Embedder, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
) -> list[EmbeddedImage]:
    """Embed n images, with the animal's box where one is known, and measure each."""
    found = list(boxes) if boxes is not None else [None] * len(images)
    turns = [0] * len(images)
    animals: Sequence[tuple[Animal, ...] | None] = [None] * len(images)
    if isinstance(embedder, TurningEmbedder):
        upright = embedder.embed_upright(images, found)
        vectors, turns, found = (
            upright.vectors,
            upright.quarter_turns.tolist(),
            list(upright.boxes),
        )
        animals = upright.animals
    else:
        if isinstance(embedder, LocatingEmbedder):
            found = list(embedder.located(images, found))
        vectors = embedder.embed(images, found)
    return [
        EmbeddedImage(vector, box, turn, quality_of(image, box, turn), own)
        for image, vector, box, turn, own in zip(
            images, vectors, found, turns, animals, strict=True
        )
    ]
