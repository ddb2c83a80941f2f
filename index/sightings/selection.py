"""A part of all sightings: by time, species, region and individual."""

from __future__ import annotations

from dataclasses import dataclass

from embedding.errors import FlukeprintError
from index.catalogue.rows import CataloguePhoto
from index.timestamps import iso_time


class BadSelection(FlukeprintError):
    """A selection that can't be made."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a sighting must be to be selected; what is None selects all.

    `since` and `until` are ISO 8601, to the year, month, day or second, and both are within. A
    sighting whose time is known less exactly is selected where it may be within. One without a time
    is selected only where neither is given.
    """

    since: str | None = None
    until: str | None = None
    species: str | None = None
    region: str | None = None
    individual: str | None = None

    @classmethod
    def checked(
        cls,
        *,
        since: str | None = None,
        until: str | None = None,
        species: str | None = None,
        region: str | None = None,
        individual: str | None = None,
    ) -> Selection:
        """Make a selection of texts as people write them. Raises BadSelection."""
        first, last = _time(since, "since"), _time(until, "until")
        if first and last and _comes_before(last, first):
            raise BadSelection(
                f"until, {until}, is before since, {since}; exchange them, or leave one out"
            )
        return cls(first, last, species or None, region or None, individual or None)

    def has(self, at: str | None, species: str | None, region: str | None) -> bool:
        """Whether a sighting of this time, species and region is selected."""
        return (
            (self.species is None or self.species == species)
            and (self.region is None or self.region == region)
            and self._is_within(at)
        )

    def has_photo(self, photo: CataloguePhoto) -> bool:
        """Whether a photo is selected, by its own time, species and individual."""
        return self.individual in (None, photo.individual) and self.has(
            photo.taken_at, photo.species, photo.region
        )

    def _is_within(self, at: str | None) -> bool:
        if self.since is None and self.until is None:
            return True
        if not at:
            return False
        is_early = self.since is not None and _comes_before(at, self.since)
        is_late = self.until is not None and _comes_before(self.until, at)
        return not is_early and not is_late


def _comes_before(one: str, other: str) -> bool:
    """Whether a time ends before another begins, each as exact as it is written."""
    letters = min(len(one), len(other))
    return one[:letters] < other[:letters]


def _time(text: str | None, name: str) -> str | None:
    if not text or not text.strip():
        return None
    try:
        return iso_time(text)
    except ValueError:
        raise BadSelection(
            f"{name}: {text!r} isn't a date such as 2026, 2026-05 or 2026-05-28; give one"
        ) from None
