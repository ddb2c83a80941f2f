"""The world's coastline, from Natural Earth: rings of positions, and what of them a map shows.

The file is made by `tests/bench/coastline.py`. Natural Earth's data are in the public domain; npm's
package world-atlas, from which they come, has the ISC licence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

COASTLINE_FILE = Path(__file__).with_name("coastline.json")
Point = tuple[float, float]  # longitude, latitude


class Bounds(NamedTuple):
    """The part of the world that a map shows, in degrees; `east` may exceed 180."""

    west: float
    south: float
    east: float
    north: float


class _Ring(NamedTuple):
    bounds: Bounds
    points: tuple[Point, ...]


def land_within(bounds: Bounds) -> list[list[Point]]:
    """The rings of land within bounds, cut off at their sides; inner rings, too.

    Filled by the even-odd rule they are the land.
    """
    found: list[list[Point]] = []
    for shift in (-360.0, 0.0, 360.0):
        for ring in _rings():
            own = ring.bounds
            is_outside = (
                own.west + shift > bounds.east
                or own.east + shift < bounds.west
                or own.south > bounds.north
                or own.north < bounds.south
            )
            if not is_outside:
                part = _cut([(across + shift, up) for across, up in ring.points], bounds)
                if len(part) > 2:
                    found.append(part)
    return found


@cache
def _rings() -> tuple[_Ring, ...]:
    document = json.loads(COASTLINE_FILE.read_text("utf-8"))
    per_degree = document["per_degree"]
    rings: list[_Ring] = []
    for steps in document["rings"]:
        across = [each / per_degree for each in accumulate(steps[0::2])]
        up = [each / per_degree for each in accumulate(steps[1::2])]
        bounds = Bounds(min(across), min(up), max(across), max(up))
        rings.append(_Ring(bounds, tuple(zip(across, up, strict=True))))
    return tuple(rings)


def _cut(points: Sequence[Point], bounds: Bounds) -> list[Point]:
    """Cut a ring off at the four sides of the bounds, one after the other (Sutherland, Hodgman)."""
    sides = ((0, bounds.west, 1), (0, bounds.east, -1), (1, bounds.south, 1), (1, bounds.north, -1))
    part = list(points)
    for axis, limit, sign in sides:
        whole, part = part, []
        for one, other in zip(whole, [*whole[1:], *whole[:1]], strict=True):
            is_within = sign * (one[axis] - limit) >= 0
            if is_within:
                part.append(one)
            if is_within != (sign * (other[axis] - limit) >= 0):
                share = (limit - one[axis]) / (other[axis] - one[axis])
                part.append(
                    (one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1]))
                )
        if not part:
            break
    return part
