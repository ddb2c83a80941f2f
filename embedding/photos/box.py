"""Where animals are in a photo. Loads nothing, so that a program without numpy can tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Box(NamedTuple):
    """Where the animal is, as shares 0..1 of the upright image's width and height."""

    left: float
    top: float
    right: float
    bottom: float


class Animal(NamedTuple):
    """An animal found in a photo: its box, and how sure the detector is, 0 to 1."""

    box: Box
    score: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def as_rows(animals: Sequence[Animal]) -> list[dict[str, Any]]:
    """Animals as JSON has them: `box` as four numbers, and `score`."""
    return [{"box": [*animal.box], "score": animal.score} for animal in animals]
