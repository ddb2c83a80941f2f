"""Drawn whales whose photos say who they show, and an embedder that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from demo.anatomy import Individual
from demo.photograph import photograph
from embedding.photos.box import Animal, Box

_BLOCK_PX = 16
_DIMENSION = 24
# Two individuals that look alike: the last of the catalogue is drawn near the first.
WHALES = 12
LOOKALIKE = 11
HALVES = (Box(0.0, 0.0, 0.5, 1.0), Box(0.5, 0.0, 1.0, 1.0))


def painted(whale: int, take: int) -> Image.Image:
    """A drawn photo whose corner says whale and take, each up to 15."""
    photo = photograph(Individual.from_seed(whale), np.random.default_rng([whale, take]))
    pen = ImageDraw.Draw(photo)
    for at, number in enumerate((whale, take)):
        grey = 16 * number + 8
        left, top = at * _BLOCK_PX, photo.height - _BLOCK_PX
        pen.rectangle((left, top, left + _BLOCK_PX, top + _BLOCK_PX), fill=(grey, grey, grey))
    return photo


class Upright(NamedTuple):
    """What CornerEmbedder says of photos, see index.search.embedded_images.UprightVectors."""

    vectors: np.ndarray
    quarter_turns: np.ndarray
    boxes: tuple[Box | None, ...]
    animals: tuple[tuple[Animal, ...] | None, ...]


def in_pixels(box: Box, image: Image.Image) -> tuple[int, int, int, int]:
    """A box in whole pixels."""
    left, top, right, bottom = box
    width, height = image.size
    return (
        round(left * width),
        round(top * height),
        round(right * width),
        round(bottom * height),
    )


class CornerEmbedder:
    """Embeds what the corner of a photo, or of its box, says: takes of one whale lie near each
    other, whales far apart.
    """

    fingerprint = "c0" * 32
    dimension = _DIMENSION
    input_px = 4096  # decoded whole: the corner must be seen

    def embed_upright(
        self, images: Sequence[Image.Image], boxes: Sequence[Box | None] | None = None
    ) -> Upright:
        """A wide photo has two animals, one in each half; all are upright."""
        given = boxes or [None] * len(images)
        wide = [image.width > 2 * image.height for image in images]
        used = [
            box or (HALVES[0] if is_wide else None)
            for box, is_wide in zip(given, wide, strict=True)
        ]
        animals = [
            tuple(Animal(half, 0.9) for half in HALVES) if is_wide and box is None else None
            for box, is_wide in zip(given, wide, strict=True)
        ]
        turns = np.zeros(len(images), np.int64)
        return Upright(self.embed(images, used), turns, tuple(used), tuple(animals))

    def embed(
        self, images: Sequence[Image.Image], boxes: Sequence[Box | None] | None = None
    ) -> np.ndarray:
        parts = [
            image if box is None else image.crop(in_pixels(box, image))
            for image, box in zip(images, boxes or [None] * len(images), strict=True)
        ]
        rows = [self._vector(*self._corner(part)) for part in parts]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)

    def _vector(self, whale: int, take: int) -> np.ndarray:
        own = np.random.default_rng([whale]).normal(size=_DIMENSION)
        if whale == LOOKALIKE:
            own = np.random.default_rng([0]).normal(size=_DIMENSION) + 0.35 * own
        return own + 0.2 * np.random.default_rng([whale, take]).normal(size=_DIMENSION)

    def _corner(self, image: Image.Image) -> tuple[int, int]:
        whale, take = (
            image.getpixel((_BLOCK_PX * at + _BLOCK_PX // 2, image.height - 8))[0] // 16
            for at in (0, 1)
        )
        return whale, take
