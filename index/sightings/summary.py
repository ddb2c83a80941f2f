"""An individual's sightings summed up: how often, in how many years, how long before the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from index.sightings.reading import Sighting


@dataclass(frozen=True, slots=True)
class SightingSummary:
    """Sightings in figures.

    `years`: different calendar years with one. `days_before_last`: days from the last but one day
    with a sighting to the last one; None where there is none, or where a day isn't known.
    """

    sightings: int
    photos: int
    years: int
    first_at: str | None
    last_at: str | None
    last_region: str | None
    days_before_last: int | None


def summarise(sightings: Sequence[Sighting]) -> SightingSummary:
    """Sum up sightings of one individual, the oldest first."""
    dated = [one for one in sightings if one.at]
    last = dated[-1] if dated else None
    return SightingSummary(
        sightings=len(sightings),
        photos=sum(len(one.photos) for one in sightings),
        years=len({one.year for one in dated}),
        first_at=dated[0].at if dated else None,
        last_at=last.at if last else None,
        last_region=last.region if last else None,
        days_before_last=_days_before(dated),
    )


def day_of(at: str | None) -> date | None:
    """The day of a time in ISO 8601; None where that isn't known to the day."""
    try:
        return date.fromisoformat((at or "")[:10])
    except ValueError:
        return None


def _days_before(dated: Sequence[Sighting]) -> int | None:
    last = day_of(dated[-1].at) if dated else None
    earlier = [day for one in dated if (day := day_of(one.at)) is not None and day != last]
    if last is None or not earlier:
        return None
    return (last - max(earlier)).days
