"""Answers about the catalogue and the service: calibration, statistics, version."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from index.search.matching import Score


class RatesAt(BaseModel):
    """What happens where answers up to a distance count as known."""

    distance: float = Field(description="Cosine distance.")
    fpir: float = Field(description="Share of unknown animals that pass, as measured in trials.")
    promised: float = Field(
        description="Share of unknown animals that pass at most: what can be promised by so many "
        "individuals. Three catalogues in four keep it, and all do on average."
    )
    fnir: float | None = Field(
        description="Share of known animals that don't pass, or whose nearest individual is "
        "another. Null where no known animal could be tried."
    )
    error: float = Field(
        description="One standard error of `fpir`: so many individuals were held out and tried, no "
        "more than 6,000 however large the catalogue is."
    )


class HistogramBin(BaseModel):
    """How many trials had their nearest individual at these distances."""

    start: float = Field(description="Cosine distance, included.")
    end: float = Field(description="Cosine distance, not included.")
    known: int = Field(description="Of a known animal, and it was the right one.")
    mistaken: int = Field(description="Of a known animal, and it was another one.")
    unknown: int = Field(description="Of an unknown animal.")


class DefaultThresholds(BaseModel):
    """The two distances between the three answers.

    Up to `known` the decision is `known`, up to `new_whale` it is `review`, beyond it is
    `new_whale`.
    """

    known: RatesAt = Field(description="Up to here a match is known.")
    new_whale: RatesAt = Field(description="Beyond here nobody known is near enough.")


class GroupCalibration(BaseModel):
    """What distances are worth for a part of the answers."""

    name: str = Field(
        description="A species, a viewpoint of it, or encounters of so many photos; answers name "
        "it in `calibrated_on`."
    )
    known_trials: int = Field(description="Questions whose individual was in the gallery.")
    unknown_trials: int = Field(description="Questions whose individual was not.")
    smallest_rate: float = Field(description="The smallest `max_fpir` that can be promised.")
    thresholds: DefaultThresholds = Field(description="The distances that decide by default.")


class QueueShare(BaseModel):
    """What share of the photos that wait for review shows new animals, by their distances."""

    share: float = Field(description="The most likely share.")
    low: float = Field(description="The lower end of its 95 % interval.")
    high: float = Field(
        description="The upper end. Photos count as if each showed another animal: where the "
        "queue has bursts, the true interval is wider."
    )
    photos: int = Field(description="How many photos it was estimated from.")


class CalibrationAnswer(BaseModel):
    """What distances are worth in this catalogue, from trials with its own photos."""

    catalogue_revision: int = Field(description="The state of the catalogue that it was fitted to.")
    fingerprint: str = Field(description="SHA-256 of the checkpoint that embedded the catalogue.")
    is_calibrated: bool = Field(
        description="False: the catalogue is too small, thresholds are cautious constants, and "
        "no rate is promised."
    )
    description: str = Field(description="What it was fitted to, or why it was not, in a sentence.")
    score: Score = Field(
        description="How near an individual is: by its nearest photo, its centre, or both."
    )
    new_whale_share: float = Field(
        description="The share of queries that is taken to be of unknown animals."
    )
    unknown_source: str = Field(description="Who stood for the unknown animals.")
    known_trials: int = Field(
        description="Questions about photos whose individual was in the gallery."
    )
    unknown_trials: int = Field(description="Questions about photos whose individual was not.")
    thresholds: DefaultThresholds = Field(description="The distances that decide by default.")
    smallest_rate: float = Field(description="The smallest `max_fpir` that can be promised.")
    groups: list[GroupCalibration] = Field(
        description="Species, viewpoints and encounters with a calibration of their own."
    )
    queue_share: QueueShare | None = Field(
        description="Null where fewer than 20 photos wait. Send it as `new_share` to `identify`, "
        "or set it for the service."
    )
    is_pending: bool = Field(
        description="True while the calibration of the last change is being fitted: answers go by "
        "the one before."
    )
    asked: RatesAt | None = Field(
        description="The `known` threshold at `max_fpir`, where that was sent."
    )
    det: list[RatesAt] = Field(
        description="Detection error trade-off: rates at growing distances, false positives "
        "evenly spaced on a log scale. Empty where nothing is calibrated."
    )
    histogram: list[HistogramBin] = Field(
        description="All trials by distance, from the first bin that holds one to the last. "
        "Empty where none were counted."
    )


class SpeciesCount(BaseModel):
    """How much of the catalogue is of one species."""

    species: str | None = Field(description="Null: photos without one.")
    individuals: int = Field(description="Known individuals with such a photo.")
    photos: int = Field(description="Photos, those of new whales included.")


class YearCount(BaseModel):
    """How much of the catalogue is of one year."""

    year: int | None = Field(description="Null: photos without a date.")
    individuals: int = Field(description="Known individuals seen that year.")
    photos: int = Field(description="Photos, those of new whales included.")


class RegionCount(BaseModel):
    """How much of the catalogue was met in one region."""

    region: str = Field(description="As encounters name it.")
    individuals: int = Field(description="Known individuals met there.")
    photos: int = Field(description="Photos of encounters there, those of new whales included.")


class PhotosEach(BaseModel):
    """How many individuals have so many photos."""

    photos: int = Field(description="Photos of an individual.")
    individuals: int = Field(description="How many individuals have as many.")


class DamagedVector(BaseModel):
    """A photo that is not searched because of its vector."""

    photo: str = Field(description="The photo's name.")
    reason: str = Field(description="What is wrong with its vector.")


class Stats(BaseModel):
    """What the catalogue holds."""

    catalogue_revision: int = Field(description="The state of the catalogue that was counted.")
    fingerprint: str = Field(description="SHA-256 of the checkpoint that embedded it.")
    individuals: int = Field(description="Known individuals that are searched.")
    photos: int = Field(description="All photos.")
    photos_searched: int = Field(description="Photos of known individuals that are searched.")
    new_whale_photos: int = Field(description="Photos of animals that nobody knows.")
    encounters: int = Field(description="Encounters that photos name.")
    first_taken_at: str | None = Field(description="The date of the oldest photo, ISO 8601.")
    last_taken_at: str | None = Field(description="The date of the newest photo, ISO 8601.")
    species: list[SpeciesCount] = Field(description="By species, most photos first.")
    years: list[YearCount] = Field(description="By year, oldest first, without a date last.")
    regions: list[RegionCount] = Field(
        description="By region, most photos first; photos without one are not counted."
    )
    photos_each: list[PhotosEach] = Field(
        description="How well individuals are covered, fewest photos first."
    )
    damaged_vectors: list[DamagedVector] = Field(
        default=[],
        description="Photos that are not searched because their vectors are damaged, the first "
        "100; `flukeprint index update` embeds them again.",
    )


class Version(BaseModel):
    """Which flukeprint this is, and what it has loaded."""

    flukeprint: str = Field(description="The installed version.")
    api: Literal["v1"] = "v1"
    fingerprint: str | None = Field(
        description="SHA-256 of the loaded checkpoint; null while it is being loaded."
    )
    dimension: int | None = Field(description="How many numbers its vectors have.")
    catalogue_revision: int | None = Field(description="The state of the loaded catalogue.")


_AT_KNOWN = {"distance": 0.31, "fpir": 0.046, "promised": 0.05, "fnir": 0.21, "error": 0.0029}

_AT_NEW = {"distance": 0.46, "fpir": 0.3, "promised": 0.306, "fnir": 0.12, "error": 0.0063}
_AT_ONE_PERCENT = {
    "distance": 0.24,
    "fpir": 0.0088,
    "promised": 0.01,
    "fnir": 0.34,
    "error": 0.0013,
}

CALIBRATION_EXAMPLE: dict[str, object] = {
    "catalogue_revision": 3,
    "fingerprint": "5f0c" * 16,
    "is_calibrated": True,
    "description": "Calibrated on 6021 known and 8112 unknown trials (held-out individuals), "
    "taking 30% of queries to be new whales.",
    "score": "nearest",
    "new_whale_share": 0.3,
    "unknown_source": "held-out individuals",
    "known_trials": 6021,
    "unknown_trials": 8112,
    "thresholds": {"known": _AT_KNOWN, "new_whale": _AT_NEW},
    "smallest_rate": 0.0006,
    "groups": [
        {
            "name": "right_whale",
            "known_trials": 2208,
            "unknown_trials": 3362,
            "smallest_rate": 0.0031,
            "thresholds": {"known": _AT_KNOWN, "new_whale": _AT_NEW},
        }
    ],
    "queue_share": {"share": 0.34, "low": 0.28, "high": 0.41, "photos": 240},
    "is_pending": False,
    "asked": _AT_ONE_PERCENT,
    "det": [_AT_ONE_PERCENT, _AT_KNOWN],
    "histogram": [{"start": 0.3, "end": 0.32, "known": 211, "mistaken": 4, "unknown": 62}],
}

STATS_EXAMPLE: dict[str, object] = {
    "catalogue_revision": 3,
    "fingerprint": "5f0c" * 16,
    "individuals": 2346,
    "photos": 8322,
    "photos_searched": 8112,
    "new_whale_photos": 210,
    "encounters": 4100,
    "first_taken_at": "1998-07-04",
    "last_taken_at": "2018-06-01T12:30:00",
    "species": [{"species": "humpback_whale", "individuals": 2346, "photos": 8322}],
    "years": [
        {"year": 2018, "individuals": 801, "photos": 1930},
        {"year": None, "individuals": 12, "photos": 40},
    ],
    "regions": [{"region": "Gulf of Maine", "individuals": 1204, "photos": 4310}],
    "photos_each": [{"photos": 1, "individuals": 930}, {"photos": 2, "individuals": 511}],
    "damaged_vectors": [{"photo": "2018/0f3a.jpg", "reason": "the vector holds NaN or infinity"}],
}
