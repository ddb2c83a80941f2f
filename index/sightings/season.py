"""A season in figures: who was met, who was new, who came again, and how discovery went on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.sightings.reading import Sighting, Sightings
from index.sightings.selection import Selection
from index.sightings.summary import day_of


@dataclass(frozen=True, slots=True)
class SeasonIndividual:
    """One individual of a season: its sightings in it, and the last one before.

    `days_between`: from the last sighting before to the first one in the season; None where it is
    new or where a day isn't known. `is_new`: none of its sightings is earlier.
    """

    individual: str
    sightings: int
    photos: int
    first_at: str | None
    last_at: str | None
    before_at: str | None
    days_between: int | None

    @property
    def is_new(self) -> bool:
        """Whether it was met for the first time."""
        return self.before_at is None


@dataclass(frozen=True, slots=True)
class Season:
    """The selected sightings, and what they come to.

    `discovery`: for each day with a known animal, how many sightings of known animals and how many
    different individuals there were up to its end.
    """

    selection: Selection
    revision: int
    sightings: tuple[Sighting, ...]
    individuals: tuple[SeasonIndividual, ...]
    discovery: tuple[tuple[str, int, int], ...]

    @property
    def photos(self) -> int:
        """How many photos the sightings have."""
        return sum(len(one.photos) for one in self.sightings)

    @property
    def known(self) -> int:
        """How many sightings are of known individuals."""
        return sum(one.individual is not None for one in self.sightings)

    @property
    def new(self) -> int:
        """How many individuals were met for the first time."""
        return sum(one.is_new for one in self.individuals)


def season_of(read: Sightings, selection: Selection) -> Season:
    """Sum up the selected sightings. All sightings are needed, to know who is new."""
    selected = read.selected(selection)
    start = min((one.at for one in selected if one.at), default=None)
    own: dict[str, list[Sighting]] = {}
    for one in selected:
        if one.individual is not None:
            own.setdefault(one.individual, []).append(one)
    before: dict[str, str] = {}
    for one in read.sightings:
        if one.individual in own and one.at and start and one.at < start:
            before[one.individual] = one.at
    individuals = [
        _individual(name, sightings, before.get(name)) for name, sightings in sorted(own.items())
    ]
    return Season(
        selection, read.revision, selected, tuple(individuals), tuple(_discovery(selected))
    )


def _individual(
    name: str, sightings: Sequence[Sighting], before_at: str | None
) -> SeasonIndividual:
    times = [one.at for one in sightings if one.at]
    first, last_before = day_of(times[0] if times else None), day_of(before_at)
    return SeasonIndividual(
        individual=name,
        sightings=len(sightings),
        photos=sum(len(one.photos) for one in sightings),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
        before_at=before_at,
        days_between=(first - last_before).days if first and last_before else None,
    )


def _discovery(sightings: Sequence[Sighting]) -> list[tuple[str, int, int]]:
    points: dict[str, tuple[int, int]] = {}
    individuals: set[str] = set()
    count = 0
    for one in sightings:
        if one.individual is not None and one.at:
            individuals.add(one.individual)
            count += 1
            points[one.at[:10]] = count, len(individuals)
    return [(day, sightings, found) for day, (sightings, found) in points.items()]
