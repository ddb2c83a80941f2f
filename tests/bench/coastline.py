"""Make index/places/coastline.json of Natural Earth's land, as npm's package world-atlas ships it.

    npm pack world-atlas && tar xzf world-atlas-2.0.2.tgz
    python -m tests.bench.coastline package/land-50m.json index/places/coastline.json

Rings are simplified by Douglas and Peucker's method, and written as steps in hundredths of a
degree. A ring that crosses the 180th meridian goes on beyond it, and the one around the South Pole
has the pole. The data are Natural Earth's (public domain).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PER_DEGREE = 100
_TOLERANCE = 1.5  # hundredths of a degree: 1.7 km, a pixel of a map 15 degrees wide
_LEAST_AREA = 12.0  # square hundredths: islands below some 15 square kilometres

Points = NDArray[np.float64]


def arcs_of(topology: dict[str, Any]) -> list[Points]:
    """Decode the arcs to longitudes and latitudes."""
    scale, shift = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    return [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]


def rings_of(topology: dict[str, Any]) -> list[Points]:
    """List the rings of all polygons, holes too: drawn by the even-odd rule, both come right."""
    arcs = arcs_of(topology)

    def ring(numbers: list[int]) -> Points:
        parts = [arcs[at] if at >= 0 else arcs[~at][::-1] for at in numbers]
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])

    found: list[Points] = []
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"]
        for polygon in polygons if geometry["type"] == "MultiPolygon" else [polygons]:
            found.extend(ring(numbers) for numbers in polygon)
    return found


def unbroken(ring: Points) -> Points:
    """Let a closed ring (n, 2) go on beyond the 180th meridian, where the data go round the world.

    A ring around a pole ends 360 degrees from where it began: it is closed along the South Pole.
    """
    across, up = ring.T
    across = np.unwrap(across, period=360)
    across = across - 360 * np.round(np.median(across) / 360)
    points = np.stack([across, up], axis=1)
    if abs(across[-1] - across[0]) < 180:
        return points
    pole = [[across[-1], -90.0], [across[0], -90.0]]
    return np.concatenate([points, pole, points[:1]])


def simplified(points: Points, tolerance: float) -> Points:
    """Leave out the points that are within `tolerance` of the line without them."""
    is_needed = np.zeros(len(points), bool)
    middle = int(np.argmax(np.hypot(*(points - points[0]).T)))
    is_needed[[0, middle, -1]] = True
    stack = [(0, middle), (middle, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        start, along = points[first], points[last] - points[first]
        between = points[first + 1 : last] - start
        length = np.hypot(*along)
        if length == 0:
            distances = np.hypot(*between.T)
        else:
            distances = np.abs(along[0] * between[:, 1] - along[1] * between[:, 0]) / length
        farthest = int(np.argmax(distances))
        if distances[farthest] > tolerance:
            at = first + 1 + farthest
            is_needed[at] = True
            stack += [(first, at), (at, last)]
    return points[is_needed]


def area(points: Points) -> float:
    """The area that a ring encloses, in squares of its unit."""
    across, up = points.T
    return float(abs(np.dot(across[:-1], up[1:]) - np.dot(across[1:], up[:-1])) / 2)


def main() -> None:
    """Convert the file that is named first into the one that is named second."""
    source, out = (Path(name) for name in sys.argv[1:3])
    rings: list[list[int]] = []
    for ring in rings_of(json.loads(source.read_text())):
        points = unbroken(ring) * _PER_DEGREE
        if area(points) < _LEAST_AREA:
            continue
        whole = np.rint(simplified(points, _TOLERANCE)).astype(int)[:-1]
        steps = np.diff(whole, axis=0, prepend=[[0, 0]])
        rings.append([int(number) for number in steps.ravel()])
    document = {
        "source": "Natural Earth (public domain), land 1:50m, from world-atlas 2.0.2 of npm (ISC)",
        "per_degree": _PER_DEGREE,
        "rings": rings,
    }
    out.write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(f"{len(rings)} rings, {sum(map(len, rings)) // 2} points, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
