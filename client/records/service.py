"""The answers about jobs, calibration, keys and the service, as small frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from client.records.words import AnyWord

JobState = Annotated[
    Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"], AnyWord
]


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now; `is_over` once it has succeeded, failed or been cancelled.

    `queue_upload`: the `upload` of its photos in the review queue, a filter of `Client.cards`.
    """

    id: int
    kind: str
    parameters: dict[str, Any]
    state: JobState
    asked_at: str
    done: int
    error_count: int
    is_cancel_requested: bool
    asked_by: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    total: int | None = None
    rate: float | None = None
    eta_seconds: float | None = None
    reason: str | None = None
    result: dict[str, Any] | None = None
    queue_upload: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class JobFault:
    """A file that a job could not use, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What an import does with one file or label: `status` is a word, `reason` a sentence."""

    photo: str
    status: str
    reason: str
    individual: str | None = None
    like: str | None = None
    like_individual: str | None = None


@dataclass(frozen=True, slots=True)
class TablePreview:
    """The head of a table whose columns a dry run didn't know, and what a column can be."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RatesAt:
    """The error rates where answers up to this cosine distance count as known.

    `error` is one standard error of `fpir`; None from an older service.
    """

    distance: float
    fpir: float
    fnir: float | None = None
    promised: float | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True)
class DefaultThresholds:
    """The two distances between the three decisions, with their error rates."""

    known: RatesAt
    new_whale: RatesAt


@dataclass(frozen=True, slots=True)
class HistogramBin:
    """How many trials had their nearest individual at these distances."""

    start: float
    end: float
    known: int
    mistaken: int
    unknown: int


@dataclass(frozen=True, slots=True)
class GroupCalibration:
    """The calibration of a species, of its viewpoint, or of encounters of so many photos."""

    name: str
    known_trials: int
    unknown_trials: int
    smallest_rate: float
    thresholds: DefaultThresholds


@dataclass(frozen=True, slots=True)
class QueueShare:
    """The estimated share of new animals among the photos that wait, with its 95 % interval."""

    share: float
    low: float
    high: float
    photos: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """What distances mean in this catalogue: thresholds, error rates and counts."""

    catalogue_revision: int
    fingerprint: str
    is_calibrated: bool
    description: str
    score: str
    new_whale_share: float
    unknown_source: str
    known_trials: int
    unknown_trials: int
    thresholds: DefaultThresholds
    det: tuple[RatesAt, ...]
    histogram: tuple[HistogramBin, ...]
    asked: RatesAt | None = None
    smallest_rate: float | None = None
    groups: tuple[GroupCalibration, ...] = ()
    queue_share: QueueShare | None = None
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class SpeciesCount:
    """The counts of one species; None is for photos without a species."""

    individuals: int
    photos: int
    species: str | None = None


@dataclass(frozen=True, slots=True)
class YearCount:
    """The counts of one year; None is for photos without a date."""

    individuals: int
    photos: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class RegionCount:
    """The counts of one region."""

    region: str
    individuals: int
    photos: int


@dataclass(frozen=True, slots=True)
class PhotosEach:
    """How many individuals have this number of photos."""

    photos: int
    individuals: int


@dataclass(frozen=True, slots=True)
class DamagedVector:
    """A photo that is not searched because of its vector, and what is wrong with that."""

    photo: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stats:
    """What the catalogue holds."""

    catalogue_revision: int
    fingerprint: str
    individuals: int
    photos: int
    photos_searched: int
    new_whale_photos: int
    encounters: int
    species: tuple[SpeciesCount, ...]
    years: tuple[YearCount, ...]
    photos_each: tuple[PhotosEach, ...]
    first_taken_at: str | None = None
    last_taken_at: str | None = None
    regions: tuple[RegionCount, ...] = ()
    damaged_vectors: tuple[DamagedVector, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """The service's version and what it has loaded; None while it is still loading."""

    flukeprint: str
    api: str
    fingerprint: str | None = None
    dimension: int | None = None
    catalogue_revision: int | None = None


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """A file that the job `upgrade` may name; `fault` is the reason why it can't be used."""

    name: str
    is_served: bool
    title: str | None = None
    fingerprint: str | None = None
    size_bytes: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key of the service; `revoked_at` is None while the key is valid.

    Times are UTC, ISO 8601.
    """

    id: str
    name: str
    role: str
    created_at: str
    last_used_at: str | None = None
    revoked_at: str | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key with its secret, which the service sends only once and writes to no log."""

    id: str
    name: str
    role: str
    created_at: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ready:
    """What the service has loaded, once it answers about photos."""

    status: str
    catalogue_revision: int
    individuals: int
    photos: int
    fingerprint: str
    is_calibrated: bool
    damaged_vectors: int = 0
