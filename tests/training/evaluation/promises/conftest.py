"""Sets drawn at random: clusters of vectors, one an individual, and photos of nobody known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from index.labels.reader import LabelledPhoto


@dataclass(frozen=True)
class Herd:
    vectors: np.ndarray
    photos: list[LabelledPhoto]

    def __add__(self, other: Herd) -> Herd:
        return Herd(np.concatenate([self.vectors, other.vectors]), self.photos + other.photos)

    def with_encounters(self, encounters: Sequence[str]) -> Herd:
        photos = [
            replace(photo, encounter=encounter)
            for photo, encounter in zip(self.photos, encounters, strict=True)
        ]
        return Herd(self.vectors, photos)


MakeHerd = Callable[..., Herd]


@pytest.fixture
def make_herd(rng: np.random.Generator) -> MakeHerd:
    """Draw so many individuals with so many photos each, and new_whale photos of one animal each.

    `spread` is how far photos of one animal lie from each other.
    """

    def made(
        individuals: int = 60,
        photos: int = 4,
        new_whales: int = 30,
        *,
        spread: float = 0.5,
        species: str | None = None,
    ) -> Herd:
        prefix = species or "w"
        labels = [f"{prefix}_{at // photos:03}" for at in range(individuals * photos)]
        centres = np.repeat(rng.normal(size=(individuals, 16)), photos, axis=0)
        centres = np.concatenate([centres, rng.normal(size=(new_whales, 16))])
        rows = centres + spread * rng.normal(size=centres.shape)
        return Herd(
            (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32),
            [
                LabelledPhoto(f"{prefix}/{at:04}.jpg", Path("none"), label, species=species)
                for at, label in enumerate([*labels, *[None] * new_whales])
            ],
        )

    return made
