"""What a service answers to curators, as small frozen records; docs/http-api.md says what each
field means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """What was done. `undo(revision)` takes it back; `etag` names the new state after an edit that
    has one.
    """

    revision: int
    kind: str
    photos: tuple[str, ...]
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Individual:
    """A known animal. `etag` names this state, for an edit that must not overwrite another; None in
    lists.
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
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class NextId:
    """An id that nobody has or had."""

    name: str


@dataclass(frozen=True, slots=True)
class Encounter:
    """One meeting with one animal; `place` is told to who may curate, and to nobody else."""

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
    """A photo of the catalogue as people work with it; `answer` is what was answered when it came
    to the queue.
    """

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
    """A photo that was sent and not taken in, because the catalogue has its content as
    `known_as`.
    """

    photo: str
    reason: str
    known_as: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of the photos that were sent to the queue; `event` None: all were there
    already.
    """

    photos: tuple[CataloguedPhoto, ...]
    skipped: tuple[SkippedPhoto, ...]
    event: Event | None = None


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
    """Two individuals that may be one: their two photos that are nearest to each other."""

    one: str
    other: str
    distance: float
    probability: float
    photo_of_one: str
    photo_of_other: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusteredPhoto:
    """A photo of nobody known."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Photos that may be of one animal that nobody has named."""

    photos: tuple[ClusteredPhoto, ...]
    distance: float
