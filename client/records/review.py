"""Cards of review: the waiting photos of one encounter, with one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CardPhoto:
    """A photo of a card; `decision` is of the photo alone, when it came."""

    name: str
    url: str
    quarter_turns: int = 0
    taken_at: str | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class SamePicture:
    """Another photo of the same file as `of`: another animal, in its own box."""

    name: str
    of: str
    state: str
    box: tuple[float, ...] | None = None
    individual: str | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """The waiting photos of one encounter, or one photo without an encounter.

    `place` is None for keys below the role `curate`. `answer` and `revision` are there for a card
    that was opened: whom all photos show together, and the catalogue that says so. So are
    `same_pictures`, the other animals in its photos.
    """

    key: str
    decision: str
    probability: float
    photos: tuple[CardPhoto, ...]
    reason: str = ""
    encounter: str | None = None
    at: str | None = None
    region: str | None = None
    place: str | None = None
    individual: str | None = None
    candidate_url: str | None = None
    species: str | None = None
    quality: float | None = None
    answer: dict[str, Any] | None = None
    revision: int | None = None
    same_pictures: tuple[SamePicture, ...] = ()


@dataclass(frozen=True, slots=True)
class CardEvent:
    """What was done to cards; `encounters` are the keys of cards that its photos are on now."""

    revision: int
    kind: str
    photos: tuple[str, ...]
    encounters: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnimalAdded:
    """Another animal of a photo that waits now: `photo` is its own, `encounter` its card's key."""

    revision: int
    kind: str
    photos: tuple[str, ...]
    photo: str
    encounter: str
    warnings: tuple[str, ...] = ()
