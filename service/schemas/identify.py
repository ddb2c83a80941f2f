"""The form and answers of `identify` as JSON, with the examples that /docs shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, Field, PlainSerializer, model_validator

from embedding.photos.box import Animal
from embedding.photos.photo import Box
from index.labels.fields import parse_box
from index.labels.labelled_photo import BadLabels
from index.search.matching import Decision, Identification, Thresholds
from service.http.multipart import Form
from service.http.problems import Fault, invalid
from service.serving.inference import IdentifyOptions
from service.serving.scopes import Scope
from service.serving.service import PhotoTimings

DEFAULT_K = 5
MAX_K = 50
ANIMAL_THRESHOLD_DESCRIPTION = (
    "The animal score below which the answer is `no_animal`; 0: never. Without it the service's "
    "setting, or else the checkpoint's own, or less where the catalogue's photos score less."
)


def _years_of(years: str) -> range:
    first, _, last = years.partition("-")
    return range(int(first), int(last or first) + 1)


def _in_order(years: str) -> str:
    if not _years_of(years):
        raise ValueError(f"{years} runs backwards; give the first year first")
    return years


def _checked_box(text: str) -> str:
    try:
        parse_box(text, "box")
    except BadLabels as error:
        raise ValueError(str(error)) from error
    return text


Name = Annotated[str, Field(min_length=1)]
Years = Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{4})?$"), AfterValidator(_in_order)]
BoxText = Annotated[str, AfterValidator(_checked_box)]
Milliseconds = Annotated[float, PlainSerializer(lambda value: round(value, 2), return_type=float)]


class DecidingForm(Form):
    """Which distances decide; without these fields, the catalogue's own."""

    max_fpir: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="The share of unknown animals that may pass as `known`; the calibration "
        "turns it into a distance.",
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=2,
        description="The distance beyond which the answer is `new_whale`. Not together with "
        "max_fpir.",
    )

    @model_validator(mode="after")
    def _one_way_to_decide(self) -> Self:
        if self.max_fpir is not None and self.threshold is not None:
            raise ValueError(
                "give either max_fpir or threshold, not both: each sets the distance that decides"
            )
        return self


NewShare = Annotated[float, Field(gt=0, lt=1)]


class IdentifyForm(DecidingForm):
    """The fields of `identify` beside the photos; an unknown field is an error."""

    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="How many individuals to rank.")
    encounter: bool = Field(
        False,
        description="All photos of the request are of one animal met once: answer for them "
        "together, too.",
    )
    individuals: tuple[Name, ...] = Field(
        (), description="Compare with these individuals only; repeat the field for each id."
    )
    exclude: tuple[Name, ...] = Field(
        (), description="Compare with nobody of these; repeat the field for each id."
    )
    species: tuple[Name, ...] = Field(
        (), description="Compare with photos of these species only; repeat the field."
    )
    years: tuple[Years, ...] = Field(
        (),
        description="Compare only with photos taken in these years: `2018`, or `2015-2018` for "
        "all from the first to the last; repeat the field. Photos without a date are left out.",
    )
    regions: tuple[Name, ...] = Field(
        (),
        description="Compare only with photos of encounters in these regions; repeat the field. "
        "Photos without a region are left out.",
    )
    new_share: NewShare | None = Field(
        None,
        description="The share of the photos that show new animals: probabilities depend on it. "
        "Without it the service's own; `GET /v1/calibration` estimates it for the queue.",
    )
    as_of: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="Ask the catalogue as it was at this revision: its individuals, photos and "
        "thresholds of then.",
    )
    animal_threshold: float | None = Field(
        None, ge=0, le=1, description=ANIMAL_THRESHOLD_DESCRIPTION
    )
    box: tuple[BoxText, ...] = Field(
        (),
        description="Which animal is meant, as `left top right bottom`: shares (0 to 1) of the "
        "photo's width and height, as `animals` has them. Send one for each photo, in their "
        "order; an empty one is found. Without any all are found.",
    )

    def boxes(self, photos: int) -> list[Box | None]:
        """The box of each photo; none at all where none was sent. Raises the `invalid` problem."""
        if self.box and len(self.box) != photos:
            reason = f"{len(self.box)} boxes for {photos} photos; send one for each photo, or none"
            raise invalid(Fault(field="box", reason=reason))
        return [parse_box(text, "box") for text in self.box]

    @property
    def scope(self) -> Scope:
        """The part of the catalogue to compare with."""
        years = frozenset(year for span in self.years for year in _years_of(span))
        names = (frozenset(self.individuals), frozenset(self.exclude), frozenset(self.species))
        return Scope(*names, years, frozenset(self.regions))

    @property
    def options(self) -> IdentifyOptions:
        """How each photo is to be identified."""
        return IdentifyOptions(
            self.k, self.max_fpir, self.threshold, self.animal_threshold, self.new_share
        )


class RankedMatch(BaseModel):
    """One individual that the photo may show."""

    rank: int = Field(description="From 1, nearest first.")
    individual: str = Field(description="Its id in the catalogue.")
    distance: float = Field(description="Cosine distance, 0 to 2, smaller is nearer.")
    probability: float = Field(
        description="Calibrated probability that this is the individual, 0 to 1."
    )
    photo: str = Field(description="The catalogue's photo of this individual that is nearest.")
    photo_url: str = Field(description="Where that photo's thumbnail is, on this service.")


class PhotoSpecies(BaseModel):
    """Which species is shown, by the nearest individuals whose species the catalogue knows."""

    name: str | None = Field(
        description="As the catalogue writes it. Null: no species is known; `reason` says why."
    )
    probability: float | None = Field(
        description="That it is this one of the catalogue's species, 0 to 1, calibrated on its "
        "own photos. Null: the catalogue has one species alone, or too few photos to calibrate "
        "by."
    )
    reason: str = Field(description="By which individual, or why not, in a sentence.")


class DecidingDistances(BaseModel):
    """Two cosine distances; between them the decision is `review`.

    A negative `known` means that nothing is known without review: the catalogue is too small to
    promise a rate, or photos of one individual don't find each other in it.
    """

    known: float = Field(description="Up to this distance the decision is `known`.")
    new_whale: float = Field(description="Beyond this distance the decision is `new_whale`.")


class PhotoAnimal(BaseModel):
    """How surely an animal of the kinds that the checkpoint was made for is shown."""

    score: float = Field(description="From 0 to 1; dogs, pages and blank pictures are near 0.")
    threshold: float = Field(description="Below it the decision is `no_animal`.")


class QualityAnswer(BaseModel):
    """How well a photo shows its animal; each number from 0 (bad) to 1 (good)."""

    score: float = Field(description="All parts together.")
    sharpness: float = Field(description="Of the edges in the animal's box.")
    size: float = Field(description="Of the animal in pixels, against what the network sees.")
    light: float = Field(description="Less where it is over-exposed, or without contrast.")
    wholeness: float = Field(description="Less where the animal's box touches the border.")


class FoundAnimal(BaseModel):
    """An animal that was found in a photo."""

    box: list[float] = Field(
        min_length=4,
        max_length=4,
        description="Left, top, right and bottom, as shares (0 to 1) of the width and height of "
        "the photo as it is shown, upright by its EXIF.",
    )
    score: float = Field(
        description="How sure it is that an animal is there, 0 to 1. It is 1 where the checkpoint "
        "has no detector, which takes every photo for one of a single animal."
    )


class PhotoAnswer(BaseModel):
    """Who one photo shows."""

    photo: str = Field(description="The file name as it was sent.")
    decision: Decision = Field(
        description="`known`: so near that no more unknown animals than promised come as near, and "
        "the match is probably right; `review`: a person should look; `new_whale`: nobody known; "
        "`no_animal`: nothing here that the checkpoint was made for."
    )
    probability: float = Field(description="The first match's probability; 0 without a match.")
    reason: str = Field(description="Why this decision, and how often such answers are right.")
    new_probability: float = Field(
        description="That the catalogue lacks the animal, 0 to 1: calibrated, as the probabilities "
        "of matches, for the share of new animals that is set."
    )
    calibrated_on: str = Field(
        description="Whose thresholds and probabilities these are: a species' (and viewpoint's), "
        "or all species together where the species has too few photos for its own."
    )
    thresholds: DecidingDistances = Field(description="The distances that decided here.")
    species: PhotoSpecies = Field(description="What it is, whoever it is.")
    animal: PhotoAnimal | None = Field(
        description="Whether it shows an animal. Null: the checkpoint has no screening head."
    )
    quarter_turns: int = Field(
        ge=0,
        le=3,
        description="How many quarter turns to the left put the photo upright before it was "
        "compared; 0: it was not turned.",
    )
    quality: QualityAnswer | None = Field(description="How well it shows the animal.")
    animals: list[FoundAnimal] | None = Field(
        description="All animals found in the photo, the surest first: the answer is about that "
        "one. Null: none were looked for, since a `box` was sent."
    )
    matches: list[RankedMatch] = Field(
        description="Nearest first; fewer than k where fewer are known."
    )


class EncounterAnswer(BaseModel):
    """Whom all photos of the request show together.

    The mean of the photos' distances to each individual decides. A stranger may resemble somebody
    by chance in one photo, but hardly in the next. So the thresholds and probabilities are those of
    encounters of so many photos, where the catalogue has enough such individuals to try.
    """

    photos: int = Field(description="How many photos were taken together.")
    decision: Decision = Field(description="As of one photo, from the first match's mean distance.")
    probability: float = Field(description="The first match's probability; 0 without a match.")
    reason: str = Field(description="Why this decision, and how often such answers are right.")
    new_probability: float = Field(
        description="That the catalogue lacks the animal, 0 to 1: calibrated, as the probabilities "
        "of matches, for the share of new animals that is set."
    )
    calibrated_on: str = Field(
        description="Whose thresholds and probabilities these are: a species' (and viewpoint's), "
        "or all species together where the species has too few photos for its own."
    )
    thresholds: DecidingDistances = Field(description="The distances that decided here.")
    species: PhotoSpecies = Field(description="What it is, by the individuals nearest on average.")
    animal: PhotoAnimal | None = Field(description="That of the photo with the best score.")
    matches: list[RankedMatch] = Field(
        description="Nearest first. `distance` is the mean over the photos, `photo` the one "
        "nearest to any of them."
    )


class TimingsMs(BaseModel):
    """Wall time in milliseconds, waiting included; decode and identify: the slowest photo's."""

    decode: Milliseconds = Field(description="From the file to pixels.")
    identify: Milliseconds = Field(description="From pixels to ranked individuals.")
    total: Milliseconds = Field(description="The whole request, the upload included.")


class IdentifyAnswer(BaseModel):
    """One result for each photo, in the order in which they were sent, and its source."""

    results: list[PhotoAnswer] = Field(description="One for each photo.")
    encounter: EncounterAnswer | None = Field(
        description="All photos together, where `encounter` was sent."
    )
    catalogue_revision: int = Field(description="The state of the catalogue that was searched.")
    fingerprint: str = Field(
        description="SHA-256 of the checkpoint that embedded the catalogue and these photos."
    )
    individuals_searched: int = Field(
        description="How many known individuals the photos were compared with."
    )
    photos_searched: int = Field(description="How many photos of theirs.")
    thresholds: DecidingDistances = Field(description="The distances that decided.")
    timings_ms: TimingsMs = Field(description="How long it took.")


IDENTIFY_EXAMPLE: dict[str, object] = {
    "results": [
        {
            "photo": "fluke.jpg",
            "decision": "known",
            "probability": 0.97,
            "reason": "w_1a2b3c4 (distance 0.182; known up to 0.310). About 97 of 100 such "
            "answers are right.",
            "new_probability": 0.02,
            "calibrated_on": "humpback_whale",
            "thresholds": {"known": 0.31, "new_whale": 0.46},
            "species": {
                "name": "humpback_whale",
                "probability": 0.99,
                "reason": "w_1a2b3c4, at distance 0.182, is the nearest individual with a "
                "species; the probability is among the catalogue's 3 species, after 400 trials.",
            },
            "animal": {"score": 0.998, "threshold": 0.31},
            "quarter_turns": 0,
            "quality": {
                "score": 0.86,
                "sharpness": 0.91,
                "size": 1.0,
                "light": 0.95,
                "wholeness": 1.0,
            },
            "animals": [{"box": [0.21, 0.3, 0.83, 0.71], "score": 0.94}],
            "matches": [
                {
                    "rank": 1,
                    "individual": "w_1a2b3c4",
                    "distance": 0.182,
                    "probability": 0.97,
                    "photo": "2018/0f3a.jpg",
                    "photo_url": "/v1/photos/2018/0f3a.jpg",
                }
            ],
        }
    ],
    "encounter": None,
    "catalogue_revision": 3,
    "fingerprint": "5f0c" * 16,
    "individuals_searched": 2346,
    "photos_searched": 8112,
    "thresholds": {"known": 0.31, "new_whale": 0.46},
    "timings_ms": {"decode": 6.1, "identify": 11.8, "total": 18.2},
}


class Alive(BaseModel):
    """The process runs."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """The catalogue is loaded and photos can be sent."""

    status: Literal["ready"] = "ready"
    catalogue_revision: int = Field(description="The state of the catalogue that is searched.")
    individuals: int = Field(description="Known individuals.")
    photos: int = Field(description="Photos of known individuals that are searched.")
    fingerprint: str = Field(description="SHA-256 of the loaded checkpoint.")
    is_calibrated: bool = Field(
        description="False: the catalogue is too small to calibrate, so the best decision is "
        "`review`."
    )
    damaged_vectors: int | None = Field(
        None,
        description="Photos that are not searched because their vectors are damaged; "
        "`flukeprint index update` embeds them again. Absent where there are none.",
    )


def photo_url(name: str, content_hash: str | None = None) -> str:
    """Where a catalogue photo's thumbnail is; with its content's hash it never changes."""
    return f"/v1/photos/{quote(name)}" + (f"?content={content_hash[:32]}" if content_hash else "")


def photo_answer(photo: str, identification: Identification) -> PhotoAnswer:
    """Put one photo's identification into the words of the API."""
    return PhotoAnswer(
        photo=photo,
        decision=identification.decision,
        probability=identification.probability,
        reason=identification.reason,
        new_probability=identification.new_probability,
        calibrated_on=identification.calibrated_on,
        thresholds=deciding_distances(identification.thresholds),
        species=photo_species(identification),
        animal=_animal(identification),
        quarter_turns=identification.quarter_turns,
        quality=_quality(identification),
        animals=None if identification.animals is None else found_animals(identification.animals),
        matches=_matches(identification),
    )


def found_animals(animals: Sequence[Animal]) -> list[FoundAnimal]:
    """Put found animals into the words of the API."""
    return [FoundAnimal(box=[*animal.box], score=animal.score) for animal in animals]


def photo_species(identification: Identification) -> PhotoSpecies:
    """Put an identification's species into the words of the API."""
    species = identification.species
    return PhotoSpecies(name=species.name, probability=species.probability, reason=species.reason)


def timings_of(timings: Sequence[PhotoTimings], started: float) -> TimingsMs:
    """The slowest photo's times, and the time since `started` (`time.perf_counter`)."""
    return TimingsMs(
        decode=max(each.decode_ms for each in timings),
        identify=max(each.identify_ms for each in timings),
        total=(time.perf_counter() - started) * 1000,
    )


def encounter_answer(photos: int, identification: Identification) -> EncounterAnswer:
    """Put the identification of several photos together into the words of the API."""
    return EncounterAnswer(
        photos=photos,
        decision=identification.decision,
        probability=identification.probability,
        reason=identification.reason,
        new_probability=identification.new_probability,
        calibrated_on=identification.calibrated_on,
        thresholds=deciding_distances(identification.thresholds),
        species=photo_species(identification),
        animal=_animal(identification),
        matches=_matches(identification),
    )


def deciding_distances(thresholds: Thresholds) -> DecidingDistances:
    """Put thresholds into the words of the API."""
    return DecidingDistances(known=thresholds.known, new_whale=thresholds.new_whale)


def _animal(identification: Identification) -> PhotoAnimal | None:
    animal = identification.animal
    return None if animal is None else PhotoAnimal(score=animal.score, threshold=animal.threshold)


def _quality(identification: Identification) -> QualityAnswer | None:
    quality = identification.quality
    return None if quality is None else QualityAnswer(**asdict(quality))


def _matches(identification: Identification) -> list[RankedMatch]:
    return [
        RankedMatch(
            rank=rank,
            individual=match.individual,
            distance=match.distance,
            probability=match.probability,
            photo=match.photo,
            photo_url=photo_url(match.photo),
        )
        for rank, match in enumerate(identification.matches, start=1)
    ]
