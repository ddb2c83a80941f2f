"""What goes in and out as JSON: the form's fields and the answers, with the examples that /docs shows."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from index.matching import Decision, Identification

DEFAULT_K = 5
MAX_K = 50

Milliseconds = Annotated[float, PlainSerializer(lambda value: round(value, 2), return_type=float)]


class IdentifyForm(BaseModel):
    """What may be asked beside the photos; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="How many individuals to rank.")
    max_fpir: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="The share of unknown animals that may pass as `known`; the calibration turns it into a distance.",
    )
    threshold: float | None = Field(
        None, ge=0, le=2, description="The distance beyond which the answer is `new_whale`. Not together with max_fpir."
    )

    @model_validator(mode="after")
    def _one_way_to_decide(self) -> IdentifyForm:
        if self.max_fpir is not None and self.threshold is not None:
            raise ValueError("give either max_fpir or threshold, not both: each sets the distance that decides")
        return self


class RankedMatch(BaseModel):
    """One individual that the photo may show."""

    rank: int = Field(description="From 1, nearest first.")
    individual: str = Field(description="Its id in the catalogue.")
    distance: float = Field(description="Cosine distance, 0 to 2, smaller is nearer.")
    probability: float = Field(description="Calibrated probability that this is the individual, 0 to 1.")
    photo: str = Field(description="The catalogue's photo of this individual that is nearest.")
    photo_url: str = Field(description="Where that photo's thumbnail is, on this service.")


class PhotoAnswer(BaseModel):
    """Who one photo shows."""

    photo: str = Field(description="The file name as it was sent.")
    decision: Decision = Field(description="`known`: sure; `review`: a person should look; `new_whale`: nobody known.")
    probability: float = Field(description="The first match's probability; 0 without a match.")
    reason: str = Field(description="Why this decision, in a sentence.")
    matches: list[RankedMatch] = Field(description="Nearest first; fewer than k where fewer are known.")


class DecidingDistances(BaseModel):
    """Two cosine distances; between them the decision is `review`.

    A negative `known` means that the catalogue is too small to call any match sure.
    """

    known: float = Field(description="Up to this distance the decision is `known`.")
    new_whale: float = Field(description="Beyond this distance the decision is `new_whale`.")


class TimingsMs(BaseModel):
    """Wall time in milliseconds, waiting included; `decode` and `identify` are those of the slowest photo."""

    decode: Milliseconds = Field(description="From the file to pixels.")
    identify: Milliseconds = Field(description="From pixels to ranked individuals.")
    total: Milliseconds = Field(description="The whole request, the upload included.")


class IdentifyAnswer(BaseModel):
    """One result for each photo, in the order in which they were sent, and what the answer came from."""

    results: list[PhotoAnswer] = Field(description="One for each photo.")
    catalogue_revision: int = Field(description="The state of the catalogue that was searched.")
    fingerprint: str = Field(description="SHA-256 of the checkpoint that embedded the catalogue and these photos.")
    individuals_searched: int = Field(description="How many known individuals the photos were compared with.")
    thresholds: DecidingDistances = Field(description="The distances that decided.")
    timings_ms: TimingsMs = Field(description="How long it took.")


IDENTIFY_EXAMPLE: dict[str, object] = {
    "results": [
        {
            "photo": "fluke.jpg",
            "decision": "known",
            "probability": 0.97,
            "reason": "w_1a2b3c4 is nearest, at distance 0.182, within the 0.310 that makes a match sure.",
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
    "catalogue_revision": 3,
    "fingerprint": "5f0c" * 16,
    "individuals_searched": 2346,
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
        description="False: the catalogue is too small to calibrate, so the best decision is `review`."
    )


def photo_url(name: str) -> str:
    """Where a catalogue photo's thumbnail is."""
    return f"/v1/photos/{quote(name)}"


def photo_answer(photo: str, identification: Identification) -> PhotoAnswer:
    """Put one photo's identification into the words of the API."""
    return PhotoAnswer(
        photo=photo,
        decision=identification.decision,
        probability=identification.probability,
        reason=identification.reason,
        matches=[
            RankedMatch(
                rank=rank,
                individual=match.individual,
                distance=match.distance,
                probability=match.probability,
                photo=match.photo,
                photo_url=photo_url(match.photo),
            )
            for rank, match in enumerate(identification.matches, start=1)
        ],
    )
