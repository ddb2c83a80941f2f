"""Units that a split never divides: encounters, and what encounters tie together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from index.labels.reader import LabelledPhoto


@dataclass(frozen=True, slots=True)
class Unit:
    """Photos that stay together: an encounter's, or one photo that belongs to none."""

    key: str
    photos: tuple[LabelledPhoto, ...]

    @property
    def individuals(self) -> frozenset[str]:
        """The known individuals in it."""
        return frozenset(photo.individual for photo in self.photos if photo.individual is not None)

    @property
    def has_new_whale(self) -> bool:
        return any(photo.individual is None for photo in self.photos)


def units_of(photos: Sequence[LabelledPhoto], *, by_encounter: bool) -> list[Unit]:
    """Group photos into units, both sorted by name."""
    members: defaultdict[str, list[LabelledPhoto]] = defaultdict(list)
    for photo in sorted(photos, key=lambda photo: photo.name):
        has_one = by_encounter and photo.encounter is not None
        members[f"encounter {photo.encounter}" if has_one else f"photo {photo.name}"].append(photo)
    return [Unit(key, tuple(members[key])) for key in sorted(members)]


def singletons(units: Iterable[Unit]) -> set[str]:
    """Find individuals of a single photo or, where encounters are known, a single encounter."""
    times = Counter(individual for unit in units for individual in unit.individuals)
    return {individual for individual, count in times.items() if count == 1}


def tied_individuals(units: Iterable[Unit]) -> dict[str, str]:
    """Name for each individual the first of those tied to it by encounters.

    Tied are those met together, directly or in a chain.
    """
    first: dict[str, str] = {}

    def root(one: str) -> str:
        while first.setdefault(one, one) != one:
            first[one] = first[first[one]]
            one = first[one]
        return one

    for unit in units:
        roots = sorted({root(one) for one in unit.individuals})
        for other in roots[1:]:
            first[other] = roots[0]
    return {one: root(one) for one in sorted(first)}
