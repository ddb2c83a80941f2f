"""The pictures of a report as SVG texts: the map of sightings, and the discovery curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from index.places.coastline import Bounds, land_within
from index.places.coordinates import Position

_WIDE, _HIGH = 720, 400
_LEAST_DEGREES = 1.2  # from west to east
_ROOM = 1.35  # around the points


def map_svg(positions: Sequence[Position]) -> str:
    """Draw positions on the coastline; empty where there are none."""
    if not positions:
        return ""
    bounds = _bounds(positions)

    def point(longitude: float, latitude: float) -> tuple[float, float]:
        across = (longitude - bounds.west) / (bounds.east - bounds.west) * _WIDE
        return across, (bounds.north - latitude) / (bounds.north - bounds.south) * _HIGH

    rings = (
        "M" + "L".join("{:.1f} {:.1f}".format(*point(*corner)) for corner in ring) + "Z"
        for ring in land_within(bounds)
    )
    marks: list[str] = []
    for latitude, longitude in positions:
        moved = longitude + 360 if longitude < bounds.west else longitude
        across, down = point(moved, latitude)
        marks.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="5"/>')
    return (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="Map of {len(positions)} '
        f'sightings"><rect class="sea" width="{_WIDE}" height="{_HIGH}"/>'
        f'<path class="land" fill-rule="evenodd" d="{"".join(rings)}"/>'
        f'<g class="met">{"".join(marks)}</g></svg>'
    )


def curve_svg(discovery: Sequence[tuple[str, int, int]]) -> str:
    """Draw how many different individuals there were after so many sightings; empty for none."""
    if not discovery:
        return ""
    most, found = discovery[-1][1], discovery[-1][2]
    left, top, wide, high = 60, 16, _WIDE - 80, 240
    points = [(0, 0), *((sightings, individuals) for _, sightings, individuals in discovery)]
    line = " ".join(
        f"{left + wide * sightings / most:.1f},{top + high * (1 - individuals / found):.1f}"
        for sightings, individuals in points
    )
    return (
        f'<svg viewBox="0 0 {_WIDE} {top + high + 46}" role="img" aria-label="{found} individuals '
        f'after {most} sightings"><path class="axis" d="M{left} {top}V{top + high}H{left + wide}"/>'
        f'<polyline class="curve" points="{line}"/>'
        f'<text x="{left - 8}" y="{top + 10}" text-anchor="end">{found}</text>'
        f'<text x="{left - 8}" y="{top + high}" text-anchor="end">0</text>'
        f'<text x="{left + wide}" y="{top + high + 20}" text-anchor="end">{most}</text>'
        f'<text x="{left + wide / 2}" y="{top + high + 38}" text-anchor="middle">'
        "sightings of known individuals</text></svg>"
    )


def _bounds(positions: Sequence[Position]) -> Bounds:
    latitudes = [one.latitude for one in positions]
    longitudes = sorted({one.longitude for one in positions})
    west, east = longitudes[0], longitudes[-1]
    widest = 360 - (east - west)
    for one, other in pairwise(longitudes):
        if other - one > widest:  # the narrowest span goes across the date line
            widest, west, east = other - one, other, one + 360
    middle = (min(latitudes) + max(latitudes)) / 2
    shrink = max(0.2, math.cos(math.radians(middle)))
    ratio = _WIDE / _HIGH
    tall = (max(latitudes) - min(latitudes)) * _ROOM * ratio / shrink
    wide = min(360.0, max(_LEAST_DEGREES / shrink, (east - west) * _ROOM, tall))
    half = wide * shrink / ratio / 2
    across = (west + east) / 2
    return Bounds(across - wide / 2, middle - half, across + wide / 2, middle + half)
