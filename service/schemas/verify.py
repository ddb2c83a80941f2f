"""What goes in and out of `verify`, `locate`, `embed` and `explain`, with examples for /docs."""

from __future__ import annotations

from pydantic import BaseModel, Field

from index.identification.verification import Verdict
from service.http.multipart import Form
from service.schemas.identify import (
    DecidingDistances,
    DecidingForm,
    FoundAnimal,
    Name,
    TimingsMs,
)


class VerifyForm(DecidingForm):
    """The fields of `verify` beside its files; an unknown field is an error."""

    individual: Name | None = Field(
        None,
        description="The id of the individual to compare with, by all its photos. Or send a "
        "`reference`.",
    )
    encounter: bool = Field(
        False,
        description="All photos of the request are of one animal met once: answer for them "
        "together, too. Needs `individual`.",
    )


class LocateForm(Form):
    """Nothing beside the photos; an unknown field is an error."""


class EmbedForm(Form):
    """Nothing beside the photos; an unknown field is an error."""


class ExplainForm(Form):
    """The photo to compare with, unless it is a `reference`; an unknown field is an error."""

    catalogue_photo: Name | None = Field(
        None,
        description="The name of the catalogue's photo to compare with, as answers give it. Or "
        "send a `reference`.",
    )


class ComparedPhoto(BaseModel):
    """A photo that was compared with."""

    photo: str = Field(
        description="Its name in the catalogue, or the reference's file name as it was sent."
    )
    photo_url: str | None = Field(
        description="Where a catalogue photo's thumbnail is, on this service."
    )
    distance: float = Field(description="Cosine distance, 0 to 2, smaller is nearer.")


class VerifiedEncounter(BaseModel):
    """Whether all photos together show the individual, by the mean of their distances."""

    verdict: Verdict = Field(
        description="`same`: near enough, and nobody is nearer; `review`: a person should look; "
        "`different`: another animal."
    )
    distance: float = Field(description="Cosine distance to the individual, or to the reference.")
    probability: float = Field(
        description="Calibrated probability that it is the same animal, 0 to 1."
    )
    reason: str = Field(description="Why this verdict, in a sentence.")
    rank: int | None = Field(
        description="The individual's place among all of the catalogue, from 1; null for photo "
        "against photo."
    )
    nearest_individual: str | None = Field(
        description="Who is first of all; null for photo against photo."
    )
    compared: list[ComparedPhoto] = Field(
        description="Every photo of the individual, nearest first; or the reference."
    )


class _OfPhoto(BaseModel):
    photo: str = Field(description="The file name as it was sent.")


class VerifiedPhoto(VerifiedEncounter, _OfPhoto):
    """Whether one photo shows the individual, or the same animal as the reference."""


class VerifyAnswer(BaseModel):
    """One result for each photo, in the order in which they were sent, and its source."""

    results: list[VerifiedPhoto] = Field(description="One for each photo.")
    encounter: VerifiedEncounter | None = Field(
        description="All photos together, where `encounter` was sent."
    )
    individual: str | None = Field(
        description="Who was compared with; null for photo against photo."
    )
    reference: str | None = Field(
        description="The reference's file name as it was sent; null without one."
    )
    catalogue_revision: int = Field(description="The state of the catalogue that was searched.")
    fingerprint: str = Field(
        description="SHA-256 of the checkpoint that embedded the catalogue and these photos."
    )
    thresholds: DecidingDistances = Field(description="The distances that decided.")
    timings_ms: TimingsMs = Field(description="How long it took.")


class LocatedPhoto(BaseModel):
    """Where the animals are in one photo."""

    photo: str = Field(description="The file name as it was sent.")
    animals: list[FoundAnimal] = Field(
        description="All that were found, the surest first; none where none is seen."
    )


class LocateAnswer(BaseModel):
    """The animals of each photo, in the order in which they were sent."""

    results: list[LocatedPhoto] = Field(description="One for each photo.")
    fingerprint: str = Field(description="SHA-256 of the checkpoint that found them.")
    timings_ms: TimingsMs = Field(description="How long it took.")


class EmbeddedPhoto(BaseModel):
    """One photo's vector."""

    photo: str = Field(description="The file name as it was sent.")
    vector: list[float] = Field(
        description="`dimension` numbers of unit length; 1 - the product of two is a distance."
    )


class EmbedAnswer(BaseModel):
    """One vector for each photo, in the order in which they were sent."""

    results: list[EmbeddedPhoto] = Field(description="One for each photo.")
    dimension: int = Field(description="How many numbers a vector has.")
    fingerprint: str = Field(
        description="SHA-256 of the checkpoint that made them: only vectors of one fingerprint "
        "can be compared."
    )
    timings_ms: TimingsMs = Field(description="How long it took.")


_TIMINGS = {"decode": 6.1, "identify": 11.8, "total": 18.2}

VERIFY_EXAMPLE: dict[str, object] = {
    "results": [
        {
            "photo": "fluke.jpg",
            "verdict": "same",
            "distance": 0.182,
            "probability": 0.97,
            "reason": "The same animal as w_1a2b3c4 (distance 0.182; same up to 0.310).",
            "rank": 1,
            "nearest_individual": "w_1a2b3c4",
            "compared": [
                {
                    "photo": "2018/0f3a.jpg",
                    "photo_url": "/v1/photos/2018/0f3a.jpg",
                    "distance": 0.182,
                },
                {
                    "photo": "2016/77b0.jpg",
                    "photo_url": "/v1/photos/2016/77b0.jpg",
                    "distance": 0.265,
                },
            ],
        }
    ],
    "encounter": None,
    "individual": "w_1a2b3c4",
    "reference": None,
    "catalogue_revision": 3,
    "fingerprint": "5f0c" * 16,
    "thresholds": {"known": 0.31, "new_whale": 0.46},
    "timings_ms": _TIMINGS,
}

LOCATE_EXAMPLE: dict[str, object] = {
    "results": [
        {
            "photo": "two.jpg",
            "animals": [
                {"box": [0.12, 0.4, 0.31, 0.52], "score": 0.91},
                {"box": [0.6, 0.38, 0.83, 0.5], "score": 0.77},
            ],
        }
    ],
    "fingerprint": "5f0c" * 16,
    "timings_ms": _TIMINGS,
}

EMBED_EXAMPLE: dict[str, object] = {
    "results": [{"photo": "fluke.jpg", "vector": [0.6, -0.64, 0.48]}],
    "dimension": 3,
    "fingerprint": "5f0c" * 16,
    "timings_ms": _TIMINGS,
}
