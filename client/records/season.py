"""The answers about sightings, unknown animals and reports, as small frozen records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A position in degrees; `uncertainty_m` where it was made coarse on purpose."""

    latitude: float
    longitude: float
    uncertainty_m: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One meeting with one animal; only those who may curate see its `place`."""

    photos: int
    cover: str
    cover_url: str
    individual: str | None = None
    encounter: str | None = None
    encounter_key: int | None = None
    at: str | None = None
    place: str | None = None
    region: str | None = None
    position: Position | None = None
    observer: str | None = None
    notes: str | None = None
    notes_by: str | None = None
    notes_at: str | None = None
    species: str | None = None


@dataclass(frozen=True, slots=True)
class SightingSummary:
    """One individual's sightings in figures."""

    sightings: int
    photos: int
    years: int
    first_at: str | None = None
    last_at: str | None = None
    last_region: str | None = None
    days_before_last: int | None = None


@dataclass(frozen=True, slots=True)
class SummarisedSightings:
    """The part of an answer about sightings that has their summary."""

    summary: SightingSummary


@dataclass(frozen=True, slots=True)
class UnknownPhoto:
    """A photo whose animal nobody knows."""

    name: str
    state: str
    url: str
    taken_at: str | None = None
    encounter: str | None = None
    region: str | None = None
    species: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownGroup:
    """Similar photos that may be of one unknown animal; a photo similar to no other is alone."""

    photos: tuple[UnknownPhoto, ...]
    photo_count: int
    distance: float | None = None
