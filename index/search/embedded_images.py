"""Images to vectors, with what else is seen of each: its box, its turn and its quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embedding.photos.photo import Box, Image
from embedding.photos.quality import PhotoQuality
from embedding.photos.quality_measures import quality_of
from index.search.vectors import Embedder, FloatArray


class EmbeddedImage(NamedTuple):
    """An image's vector (d,), the box of its animal where one is known, its turn and its quality.

    `quarter_turns` to the left put it upright before it was embedded. The box is that of the image
    as it came.
    """

    vector: FloatArray
    box: Box | None
    quarter_turns: int
    quality: PhotoQuality


class UprightVectors(Protocol):
    """Vectors (n, d) of upright images, the turns (n,) that made them so, and n boxes."""

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


@runtime_checkable
class TurningEmbedder(Protocol):
    """An embedder that puts images upright."""

    def embed_upright(
        self, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
    ) -> UprightVectors:
        """Embed n images, and say how each was turned."""
        ...


@runtime_checkable
class LocatingEmbedder(Protocol):
    """An embedder that finds the box of the fluke in each photo."""

    def located(self, images: Sequence[Image], boxes: Sequence[Box | None]) -> Sequence[Box | None]:
        """The boxes, found where none is sent; None: the whole photo."""
        ...


def embed_images(
    embedder: Embedder, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
) -> list[EmbeddedImage]:
    """Embed n images, with the animal's box where one is known, and measure each."""
    found = list(boxes) if boxes is not None else [None] * len(images)
    turns = [0] * len(images)
    if isinstance(embedder, TurningEmbedder):
        upright = embedder.embed_upright(images, found)
        vectors, turns, found = (
            upright.vectors,
            upright.quarter_turns.tolist(),
            list(upright.boxes),
        )
    else:
        if isinstance(embedder, LocatingEmbedder):
            found = list(embedder.located(images, found))
        vectors = embedder.embed(images, found)
    return [
        EmbeddedImage(vector, box, turn, quality_of(image, box, turn))
        for image, vector, box, turn in zip(images, vectors, found, turns, strict=True)
    ]
