"""Which new photos are probably of one encounter: by folder, camera, time, and who is on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from string import ascii_lowercase

ENCOUNTER_MINUTES = 15
"""The longest time from the first photo of a proposed encounter to its last."""


@dataclass(frozen=True, slots=True)
class NewSighting:
    """What is known of a photo that came without an encounter.

    `series`: photos are proposed together only within one: an upload's folder and camera. `at`:
    when it was taken, by the clock of its camera. `individual`: the nearest known one;
    `is_known`: whether the photo alone is surely of that one.
    """

    series: tuple[str, ...]
    at: datetime
    individual: str | None = None
    is_known: bool = False


@dataclass(slots=True)
class ProposedEncounter:
    """Photos that probably show one animal, by their positions; `name` None: it has none yet."""

    series: tuple[str, ...]
    first: datetime
    last: datetime
    name: str | None = None
    individual: str | None = None  # that a photo is surely of
    nearest: set[str] = field(default_factory=set[str])
    photos: list[int] = field(default_factory=list[int])

    def has_room_for(self, one: NewSighting) -> bool:
        """Whether a photo is of its series and time, and not surely of another individual."""
        span = max(self.last, one.at) - min(self.first, one.at)
        is_other = one.is_known and self.individual not in (None, one.individual)
        return (
            self.series == one.series
            and span <= timedelta(minutes=ENCOUNTER_MINUTES)
            and not is_other
        )

    def add(self, one: NewSighting, position: int | None = None) -> None:
        """Take a photo in."""
        self.first, self.last = min(self.first, one.at), max(self.last, one.at)
        if one.is_known:
            self.individual = one.individual
        if one.individual is not None:
            self.nearest.add(one.individual)
        if position is not None:
            self.photos.append(position)


def parse_clock(text: str | None) -> datetime | None:
    """The time of a camera's clock, its offset left out; None for a day alone and for no time."""
    if text is None or "T" not in text.replace(" ", "T"):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def spans_around(times: Sequence[datetime]) -> list[tuple[str, str]]:
    """When the photos of encounters were taken that photos of some times may come to.

    Spans in order of time that don't meet, as ISO 8601 texts.
    """
    # As far as the first photo of an encounter whose last one is just near enough.
    reach = timedelta(minutes=2 * ENCOUNTER_MINUTES)
    spans: list[tuple[datetime, datetime]] = []
    for at in sorted(times):
        if spans and at - reach <= spans[-1][1]:
            spans[-1] = (spans[-1][0], at + reach)
        else:
            spans.append((at - reach, at + reach))
    return [(first.isoformat(), last.isoformat()) for first, last in spans]


def propose_encounters(
    sightings: Sequence[NewSighting | None], there: Sequence[ProposedEncounter] = ()
) -> list[ProposedEncounter]:
    """Put photos into encounters, the surest first; None: a photo that stays alone.

    `there` are the encounters that photos of the same series are in already, which get more photos.
    Two photos that are surely of different individuals never share one. A photo that is not sure
    goes where its nearest individual is, or else to the nearest in time.
    """
    proposed = list(there)
    timed = [(one, at) for at, one in enumerate(sightings) if one is not None]
    for one, position in sorted(timed, key=lambda each: (not each[0].is_known, each[0].at)):
        able = [each for each in proposed if each.has_room_for(one)]
        if not able:
            able = [ProposedEncounter(one.series, one.at, one.at)]
            proposed += able
        min(able, key=lambda each: _distance(each, one)).add(one, position)
    return [each for each in proposed if each.photos]


def free_names(name: str, taken: Collection[str]) -> Iterator[str]:
    """Names like this one that are not `taken`.

    `2026-05-28 09:40`, then `2026-05-28 09:40 b`, and so on.
    """
    return (each for each in (f"{name}{tail}" for tail in _tails()) if each not in taken)


def _tails() -> Iterator[str]:
    yield ""
    yield from (f" {letter}" for letter in ascii_lowercase[1:])
    yield from (f" {number}" for number in count(len(ascii_lowercase) + 1))


def _distance(encounter: ProposedEncounter, one: NewSighting) -> tuple[bool, bool, float]:
    """How badly a photo fits an encounter that has room for it."""
    is_sure = one.is_known and encounter.individual == one.individual
    middle = encounter.first + (encounter.last - encounter.first) / 2
    return (
        not is_sure,
        one.individual not in encounter.nearest,
        abs((one.at - middle).total_seconds()),
    )
