"""The answers about photos, as small frozen records; docs/http-api.md explains each field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Generic, Literal, TypeVar

from client.records.words import AnyWord

Row = TypeVar("Row")

Decision = Annotated[Literal["known", "review", "new_whale", "no_animal"], AnyWord]
Verdict = Annotated[Literal["same", "review", "different"], AnyWord]


@dataclass(frozen=True, slots=True)
class Match:
    """One individual that a photo may show; `photo` names its nearest photo."""

    rank: int
    individual: str
    distance: float
    probability: float
    photo: str
    photo_url: str


@dataclass(frozen=True, slots=True)
class SpeciesAnswer:
    """Which species is shown; None where none can be named, or there is no calibration."""

    name: str | None
    probability: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The two cosine distances between `known`, `review` and `new_whale`."""

    known: float
    new_whale: float


@dataclass(frozen=True, slots=True)
class AnimalScore:
    """How surely a photo shows an animal, 0 to 1; below `threshold` it is `no_animal`."""

    score: float
    threshold: float


@dataclass(frozen=True, slots=True)
class PhotoQuality:
    """How well a photo shows its animal; each number from 0 (bad) to 1 (good)."""

    score: float
    sharpness: float
    size: float
    light: float
    wholeness: float


@dataclass(frozen=True, slots=True)
class FoundAnimal:
    """An animal in a photo: left, top, right and bottom in 0..1, and how sure it is, 0 to 1."""

    box: tuple[float, ...]
    score: float


@dataclass(frozen=True, slots=True)
class PhotoAnswer:
    """Who one photo shows; an older service sends none of the fields from `species` on.

    `new_probability`: that the catalogue lacks the animal. `calibrated_on` names the calibration.
    `quarter_turns` to the left put the photo upright before it was compared. `animals` are all that
    were found in it, surest first; None: none were looked for.
    """

    photo: str
    decision: Decision
    probability: float
    reason: str
    matches: tuple[Match, ...]
    species: SpeciesAnswer | None = None
    new_probability: float | None = None
    calibrated_on: str | None = None
    thresholds: Thresholds | None = None
    animal: AnimalScore | None = None
    quarter_turns: int = 0
    quality: PhotoQuality | None = None
    animals: tuple[FoundAnimal, ...] | None = None


@dataclass(frozen=True, slots=True)
class EncounterAnswer:
    """Who all photos of a request show together."""

    photos: int
    decision: Decision
    probability: float
    reason: str
    matches: tuple[Match, ...]
    species: SpeciesAnswer | None = None
    new_probability: float | None = None
    calibrated_on: str | None = None
    thresholds: Thresholds | None = None
    animal: AnimalScore | None = None


@dataclass(frozen=True, slots=True)
class TimingsMs:
    """The service's wall time, in milliseconds."""

    decode: float
    identify: float
    total: float


@dataclass(frozen=True, slots=True)
class Identification:
    """One result for each photo, in the order sent, and the catalogue state that was searched."""

    results: tuple[PhotoAnswer, ...]
    catalogue_revision: int
    fingerprint: str
    individuals_searched: int
    photos_searched: int
    thresholds: Thresholds
    timings_ms: TimingsMs
    encounter: EncounterAnswer | None = None


@dataclass(frozen=True, slots=True)
class ComparedPhoto:
    """A photo that the sent one was compared with."""

    photo: str
    distance: float
    photo_url: str | None = None


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """Whether a photo shows the individual, or the reference's animal.

    `photo` is None where all photos of the request are verified together.
    """

    verdict: Verdict
    distance: float
    probability: float
    reason: str
    compared: tuple[ComparedPhoto, ...]
    rank: int | None = None
    nearest_individual: str | None = None
    photo: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """One result for each photo, in the order sent, and the catalogue state that was searched."""

    results: tuple[VerificationResult, ...]
    catalogue_revision: int
    fingerprint: str
    thresholds: Thresholds
    timings_ms: TimingsMs
    encounter: VerificationResult | None = None
    individual: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedPhoto:
    """One photo's vector of unit length."""

    photo: str
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Embedding:
    """Photos as vectors of `dimension` numbers, by the checkpoint of this fingerprint."""

    results: tuple[EmbeddedPhoto, ...]
    dimension: int
    fingerprint: str
    timings_ms: TimingsMs


@dataclass(frozen=True, slots=True)
class LocatedPhoto:
    """All animals found in one photo, the surest first."""

    photo: str
    animals: tuple[FoundAnimal, ...]


@dataclass(frozen=True, slots=True)
class Location:
    """Where the animals are in each photo, by the checkpoint of this fingerprint."""

    results: tuple[LocatedPhoto, ...]
    fingerprint: str
    timings_ms: TimingsMs


@dataclass(frozen=True, slots=True)
class Explanation:
    """A picture of the regions that make two photos similar, and their cosine distance."""

    png: bytes = field(repr=False)
    distance: float


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A part of a list, and the cursor of the next part where there is one."""

    rows: tuple[Row, ...]
    next_cursor: str | None
