"""Cards of review: the waiting photos of an encounter with their answer, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from index.curation.review.waiting_photos import WaitingPhoto
from index.identification.identifier import Identifier
from index.search.matching import Candidate, Decision, Identification
from index.search.vectors import FloatArray

_NOT_COMPARED = ("review", 0.0)


@dataclass(frozen=True, slots=True)
class CardPhoto:
    """A photo of a card; `decision`, `quality` and `upload` are of when it came."""

    key: int
    name: str
    content_hash: str
    taken_at: str | None
    decision: str | None
    quality: float | None
    quarter_turns: int
    upload: str | None = None


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """What a card's photos show together, as a list needs it; `photo` is the candidate's."""

    decision: Decision
    probability: float
    individual: str | None = None
    photo: str | None = None
    species: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """The waiting photos of one encounter, or one photo without an encounter.

    `key`: `e` with the encounter's number, or `p` with the photo's. `number` is the first photo's,
    by which cards of the same value are sorted. `vectors` (n, d) are of the photos that have one.
    `ranked` are the individuals nearest to them together. `place` is private.
    """

    key: str
    number: int
    encounter: str | None
    at: str | None
    region: str | None
    place: str | None
    species: str | None
    quality: float | None
    photos: tuple[CardPhoto, ...]
    answer: CardAnswer
    vectors: FloatArray
    ranked: tuple[Candidate, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of its photos."""
        return [photo.name for photo in self.photos]

    @property
    def has_blank(self) -> bool:
        """Whether a photo of it was answered `no_animal`."""
        return any(photo.decision == "no_animal" for photo in self.photos)

    def compared(self, identifier: Identifier, ranked: tuple[Candidate, ...]) -> Card:
        """The card with the answer that an identifier gives of ranked individuals."""
        found = identifier.answer_ranked(ranked, self.vectors)
        return replace(self, answer=_answer(found, self.species), ranked=ranked)


def card_key(photo: int, encounter: int | None) -> str:
    """The key of the card that a photo is on, by the keys of the two."""
    return f"p{photo}" if encounter is None else f"e{encounter}"


def card_key_of(photo: WaitingPhoto) -> str:
    """The key of the card that a photo is on."""
    return card_key(photo.key, photo.encounter_key)


def make_cards(photos: Iterable[WaitingPhoto]) -> dict[str, Card]:
    """Make the cards of photos in the order of their keys; answers are those they came with."""
    of_key: dict[str, list[WaitingPhoto]] = {}
    for photo in photos:
        of_key.setdefault(card_key_of(photo), []).append(photo)
    return {key: _card(key, own) for key, own in of_key.items()}


def _card(key: str, photos: Sequence[WaitingPhoto]) -> Card:
    first = photos[0]
    shown = sorted(photos, key=lambda one: (one.taken_at or "", one.key))
    own = tuple(_photo(one) for one in shown)
    rows = [one.vector for one in shown if one.vector is not None]
    times = [one.taken_at for one in photos if one.taken_at]
    species = next((one.species for one in photos if one.species), None)
    qualities = [one.quality for one in own if one.quality is not None]
    return Card(
        key=key,
        number=first.key,
        encounter=first.encounter,
        at=min(times, default=first.at),
        region=first.region,
        place=first.place,
        species=species,
        quality=max(qualities, default=None),
        photos=own,
        answer=_first_answer(photos, species),
        vectors=np.stack(rows) if rows else np.zeros((0, 0), np.float32),
    )


def _photo(photo: WaitingPhoto) -> CardPhoto:
    quality: Mapping[str, Any] = photo.answer.get("quality") or {}
    return CardPhoto(
        photo.key,
        photo.name,
        photo.content_hash,
        photo.taken_at,
        photo.answer.get("decision"),
        quality.get("score"),
        photo.answer.get("quarter_turns") or 0,
        photo.answer.get("upload"),
    )


def _first_answer(photos: Sequence[WaitingPhoto], species: str | None) -> CardAnswer:
    """The answer that the surest photo came with, until the card itself is compared."""
    answers = [photo.answer for photo in photos if photo.answer.get("decision")]
    if not answers:
        return CardAnswer(*_NOT_COMPARED, species=species)
    surest = max(answers, key=lambda one: one.get("probability") or 0.0)
    matches: Sequence[Mapping[str, Any]] = surest.get("matches") or ()
    match: Mapping[str, Any] = matches[0] if matches else {}
    answered: Mapping[str, Any] = surest.get("species") or {}
    return CardAnswer(
        surest["decision"],
        surest.get("probability") or 0.0,
        match.get("individual"),
        match.get("photo"),
        species or answered.get("name"),
        surest.get("reason") or "",
    )


def _answer(found: Identification, species: str | None) -> CardAnswer:
    first = found.matches[0] if found.matches else None
    return CardAnswer(
        found.decision,
        found.probability,
        first.individual if first else None,
        first.photo if first else None,
        species or found.species.name,
        found.reason,
    )
