"""Coordinates as people write them in the text of a place, and coordinates made coarse."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

COARSE_DEGREES = 0.5
"""The side of a cell of the coarse grid: 55 km from south to north."""
_METERS_PER_DEGREE = 111_320.0
_MOST_LETTERS = 400  # of a place: patterns take long for more


class Position(NamedTuple):
    """Latitude and longitude in degrees (WGS 84): north and east are positive."""

    latitude: float
    longitude: float


_NUMBER = r"\d{1,3}(?:\.\d+)?"
# One of the two: degrees, then minutes and seconds where there are any.
_PARTS = (
    rf"(?P<degrees@>{_NUMBER})\s*(?:[°d:\s]\s*)?"
    rf"(?:(?P<minutes@>{_NUMBER})\s*['′’m:]?\s*)?"
    rf"(?:(?P<seconds@>{_NUMBER})\s*(?:\"|″|”|''|s)?\s*)?"
)
_LETTERED = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        # 44°06.5'N 68°12'W
        r"(?<!\w)"
        + _PARTS.replace("@", "1")
        + r"(?P<north>[NS])\b[\s,;/]*"
        + _PARTS.replace("@", "2")
        + r"(?P<east>[EWO])\b",
        # N44 06.5, W68 12
        r"(?<!\w)(?P<north>[NS])\s*"
        + _PARTS.replace("@", "1")
        + r"[\s,;/]*(?P<east>[EWO])\s*"
        + _PARTS.replace("@", "2")
        + r"(?![\d.])",
    )
)
# 44.1, -68.2: the whole text.
_BARE = re.compile(
    r"\s*\(?\s*([+-]?\d{1,2}(?:\.\d+)?)\s*°?\s*[,; ]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*\)?\s*"
)
# Stellwagen Bank (42.36, -70.31): behind a name, both with decimals.
_BEHIND = re.compile(
    r"(?<![\d.])([+-]?\d{1,2}\.\d+)\s*°?\s*[,;]\s*([+-]?\d{1,3}\.\d+)\s*°?\s*\)?\s*$"
)


def position_in(text: str | None) -> Position | None:
    """Read a position out of the text of a place; None where it has none, or an impossible one.

    Decimal degrees, or degrees with minutes and seconds and the letters N, S, E, W, alone or behind
    a name. Numbers without letters are latitude and longitude, in this order.
    """
    if not text or len(text) > _MOST_LETTERS:
        return None
    for pattern in _LETTERED:
        found = pattern.search(text)
        if found is not None:
            return _lettered(found)
    found = _BARE.fullmatch(text) or _BEHIND.search(text)
    return None if found is None else _checked(float(found[1]), float(found[2]))


def coarse(position: Position, degrees: float = COARSE_DEGREES) -> Position:
    """Move a position to the middle of its cell of a grid, whose sides are `degrees` long."""
    latitude = (math.floor(position.latitude / degrees) + 0.5) * degrees
    longitude = (math.floor(position.longitude / degrees) + 0.5) * degrees
    return Position(
        round(min(latitude, 90 - degrees / 2), 6), round(min(longitude, 180 - degrees / 2), 6)
    )


def coarse_uncertainty_m(position: Position, degrees: float = COARSE_DEGREES) -> int:
    """How far from the middle of its cell a position may be, in metres: half the cell's diagonal.

    Measured on the side of the cell that is nearest to the equator, the longer one.
    """
    nearest = max(0.0, abs(position.latitude) - degrees / 2)
    up = degrees * _METERS_PER_DEGREE / 2
    across = up * math.cos(math.radians(nearest))
    return math.ceil(math.hypot(up, across))


def _lettered(found: re.Match[str]) -> Position | None:
    sides: list[float] = []
    for number, letter in ((1, found["north"]), (2, found["east"])):
        degrees = float(found[f"degrees{number}"])
        minutes, seconds = (float(found[f"{name}{number}"] or 0) for name in ("minutes", "seconds"))
        if minutes >= 60 or seconds >= 60:
            return None
        size = degrees + minutes / 60 + seconds / 3600
        # O is west in French, Spanish and Portuguese.
        sides.append(-size if letter.upper() in "SWO" else size)
    return _checked(*sides)


def _checked(latitude: float, longitude: float) -> Position | None:
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Position(round(latitude, 6), round(longitude, 6))
