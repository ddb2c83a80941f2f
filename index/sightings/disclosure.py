"""How much of a place is told: regions only, coarse positions, or places as they are noted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from index.places.coordinates import Position, coarse, coarse_uncertainty_m, position_in
from index.sightings.reading import Sighting

Places = Literal["regions", "coarse", "exact"]
PLACES: tuple[Places, ...] = get_args(Places)


@dataclass(frozen=True, slots=True)
class DisclosedPlace:
    """What is told of where a sighting was.

    `uncertainty_m`: how far from `position` it may have been, where the position was made coarse.
    """

    place: str | None
    region: str | None
    position: Position | None
    uncertainty_m: int | None = None


def disclose(sighting: Sighting, places: Places) -> DisclosedPlace:
    """What may be told of where a sighting was.

    With `regions`, and where the place holds no position, a position comes from the region's own
    text, which is public. With `coarse` a position is moved to the middle of its cell of a grid,
    and the place's text is left out.
    """
    of_region = position_in(sighting.region)
    if places == "regions":
        return DisclosedPlace(None, sighting.region, of_region)
    of_place = position_in(sighting.place)
    if places == "exact":
        return DisclosedPlace(sighting.place, sighting.region, of_place or of_region)
    if of_place is None:
        return DisclosedPlace(None, sighting.region, of_region)
    position = coarse(of_place)
    return DisclosedPlace(None, sighting.region, position, coarse_uncertainty_m(position))
