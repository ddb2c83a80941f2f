"""What the catalogue holds, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from index.snapshots.served_photo import ServedPhoto
from index.storage.schema import CATALOGUED
from service.schemas.about import (
    DamagedVector,
    PhotosEach,
    RegionCount,
    SpeciesCount,
    Stats,
    YearCount,
)
from service.serving.service import Serving

_MOST_DAMAGED = 100
_Key = TypeVar("_Key")


def stats_of(serving: Serving) -> Stats:
    """Count what is served. Takes time in proportion to the catalogue."""
    gallery = serving.identifier.gallery
    photos = [one for one in serving.photos.values() if one.state == CATALOGUED]
    dates = sorted(one.taken_at for one in photos if one.taken_at)
    species = _counted(photos, lambda one: one.species)
    years = _counted(photos, lambda one: one.year)
    regions = _counted((one for one in photos if one.region), lambda one: one.region or "")
    each = Counter(Counter(gallery.individuals).values())
    return Stats(
        catalogue_revision=gallery.revision,
        fingerprint=gallery.fingerprint,
        individuals=gallery.individual_count,
        photos=len(photos),
        photos_searched=gallery.size,
        new_whale_photos=sum(one.individual is None for one in photos),
        encounters=len({one.encounter for one in photos if one.encounter}),
        first_taken_at=dates[0] if dates else None,
        last_taken_at=dates[-1] if dates else None,
        species=[
            SpeciesCount(species=name, individuals=individuals, photos=count)
            for name, (individuals, count) in sorted(
                species.items(), key=lambda one: (-one[1][1], one[0] or "")
            )
        ],
        years=[
            YearCount(year=year, individuals=individuals, photos=count)
            for year, (individuals, count) in sorted(
                years.items(), key=lambda one: (one[0] is None, one[0] or 0)
            )
        ],
        regions=[
            RegionCount(region=name, individuals=individuals, photos=count)
            for name, (individuals, count) in sorted(
                regions.items(), key=lambda one: (-one[1][1], one[0])
            )
        ],
        photos_each=[
            PhotosEach(photos=photos, individuals=count) for photos, count in sorted(each.items())
        ],
        damaged_vectors=[
            DamagedVector(photo=name, reason=f"the vector {fault}")
            for name, fault in sorted(serving.damaged.items())[:_MOST_DAMAGED]
        ],
    )


def _counted(
    photos: Iterable[ServedPhoto], key_of: Callable[[ServedPhoto], _Key]
) -> dict[_Key, tuple[int, int]]:
    """Individuals and photos, by a fact of each photo."""
    individuals: dict[_Key, set[str]] = {}
    counts: Counter[_Key] = Counter()
    for one in photos:
        key = key_of(one)
        counts[key] += 1
        of_key = individuals.setdefault(key, set())
        if one.individual is not None:
            of_key.add(one.individual)
    return {key: (len(individuals[key]), count) for key, count in counts.items()}
