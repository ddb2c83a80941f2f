"""How well a photo shows its animal, as numbers; `quality_measures` makes them of pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhotoQuality:
    """How well a photo shows its animal, each number from 0 (bad) to 1 (good).

    `score` is the weighted geometric mean of the next three. `sharpness` is of the edges in the
    animal's box. `size` is the shorter side of the box in pixels, against what the network sees.
    `light` is contrast, less where the animal is burnt out. `wholeness` is less than 1 where the
    box touches the photo's border, so that the animal may be cut; it did not go with misses and is
    not in the score.
    """

    score: float
    sharpness: float
    size: float
    light: float
    wholeness: float
