"""The answers to curators, as small frozen records; docs/http-api.md explains each field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the catalogue; `undo(revision)` undoes it.

    `warnings` say what is doubtful, such as an id like `unknown 3`. `etag` names the new state,
    after an edit of something that has one.
    """

    revision: int
    kind: str
    photos: tuple[str, ...]
    etag: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Individual:
    """A known animal.

    `etag` names its state as read, for an edit that must not overwrite another; None in lists.
    """

    name: str
    photos: int
    display_name: str | None = None
    other_names: tuple[str, ...] = ()
    species: str | None = None
    sex: str | None = None
    notes: str | None = None
    first_seen: str | None = None
    last_seen: str | None = None
    cover: str | None = None
    cover_url: str | None = None
    merged_into: str | None = None
    mother: str | None = None
    born: str | None = None
    age_class: str | None = None
    calves: tuple[str, ...] = ()
    notes_by: str | None = None
    notes_at: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class NextId:
    """An id that no individual has or had."""

    name: str


@dataclass(frozen=True, slots=True)
class Encounter:
    """One meeting with one animal; only those who may curate see its `place`."""

    key: int
    name: str
    photos: int
    individual: str | None = None
    at: str | None = None
    place: str | None = None
    region: str | None = None
    observer: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class CataloguedPhoto:
    """A photo of the catalogue; `answer` is its identification when it came to the queue."""

    name: str
    state: str
    url: str
    individual: str | None = None
    encounter: str | None = None
    encounter_key: int | None = None
    species: str | None = None
    taken_at: str | None = None
    is_dated_by_photo: bool = False
    is_box_found: bool = False
    box: tuple[float, ...] | None = None
    viewpoint: str | None = None
    quality: str | None = None
    answer: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SkippedPhoto:
    """A photo that was sent and skipped: the catalogue has its content as `known_as`."""

    photo: str
    reason: str
    known_as: str


@dataclass(frozen=True, slots=True)
class Intake:
    """The photos that came to the queue, and those skipped; `event` is None where all were."""

    photos: tuple[CataloguedPhoto, ...]
    skipped: tuple[SkippedPhoto, ...]
    event: Event | None = None
    encounter_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the catalogue's history."""

    revision: int
    at: str
    kind: str
    fingerprint: str
    is_undone: bool
    changes: int
    subjects: tuple[str, ...]
    detail: dict[str, Any]
    made_by: str | None = None
    undoes: int | None = None
    counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class MergeSuggestion:
    """Two individuals that may be one, with the two of their photos that are nearest.

    `probability` that they are one, with its bounds; None where the catalogue can't tell.
    """

    one: str
    other: str
    distance: float
    probability: float | None
    probability_low: float | None
    probability_high: float | None
    photo_of_one: str
    photo_of_other: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairedIndividuals(MergeSuggestion):
    """Two individuals as a suggestion has them, and what is known of them.

    Where there is no probability, `fitted_to` says why.
    """

    is_marked_different: bool
    fitted_to: str


@dataclass(frozen=True, slots=True)
class PairedPhoto:
    """One photo of two; its box is in shares of the photo as it came."""

    name: str
    url: str
    individual: str | None
    state: str
    taken_at: str | None
    box: tuple[float, ...] | None
    is_box_found: bool
    quarter_turns: int


@dataclass(frozen=True, slots=True)
class PhotoPair:
    """Two photos, how far they are from each other, and their individuals where they are two."""

    one: PairedPhoto
    other: PairedPhoto
    distance: float | None
    individuals: PairedIndividuals | None


@dataclass(frozen=True, slots=True)
class Heat:
    """Heat that lies over a region of a photo, row by row, -1 to 1."""

    values: tuple[tuple[float, ...], ...]
    region: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PairHeat:
    """What makes two photos similar: above 0 a region speaks for the same animal."""

    one: Heat
    other: Heat
    distance: float


@dataclass(frozen=True, slots=True)
class ClusteredPhoto:
    """A photo whose animal nobody knows."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Photos that may be of one animal that nobody has named."""

    photos: tuple[ClusteredPhoto, ...]
    distance: float
