"""Pairs of individuals that may be one animal, with the examples that /docs shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from index.calibration.curves.pair_curve import PairCurve, PairProbability
from index.pairs.similar_individuals import Resemblance
from service.schemas.identify import photo_url


def _showing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class PairOfIndividuals(BaseModel):
    """Two individuals: their two photos that are nearest to each other, and what that is worth."""

    one: str = Field(description="The id of one.")
    other: str = Field(description="The id of the other.")
    distance: float = Field(description="Cosine distance of the two photos.")
    probability: float | None = Field(
        description="How probable it is that the two are one animal, 0 to 1, as fitted to the "
        "catalogue's pairs; null where the catalogue can't tell."
    )
    probability_low: float | None = Field(
        description="What the probability is at least, with 95 % certainty."
    )
    probability_high: float | None = Field(
        description="What the probability is at most, with 95 % certainty."
    )
    photo_of_one: str = Field(description="The photo of one.")
    photo_of_other: str = Field(description="The photo of the other.")
    urls: list[str] = Field(description="Where the thumbnails of the two are, on this service.")


class MergeSuggestion(PairOfIndividuals):
    """Two individuals that may be one."""


class MergeSuggestions(BaseModel):
    """Similar individuals, nearest first."""

    model_config = _showing(
        {
            "suggestions": [
                {
                    "one": "w_0007",
                    "other": "w_0031",
                    "distance": 0.214,
                    "probability": 0.91,
                    "probability_low": 0.74,
                    "probability_high": 0.98,
                    "photo_of_one": "2018/0f3a.jpg",
                    "photo_of_other": "2026/11.jpg",
                    "urls": ["/v1/photos/2018/0f3a.jpg", "/v1/photos/2026/11.jpg"],
                }
            ],
            "fitted_to": "Fitted to 1,350 individuals split in two and to the 46,920 nearest "
            "pairs of 2,346 individuals. Of pairs that were reviewed, 12 are different and 3 were "
            "merged.",
            "duplicates": 15.1,
            "duplicates_low": 6.1,
            "duplicates_high": 24.1,
        }
    )

    suggestions: list[MergeSuggestion] = Field(
        description="Pairs that are probably enough one animal for a person to look at; without "
        "probabilities, those within the distance of review."
    )
    fitted_to: str = Field(
        description="What the probabilities were fitted to, or why there is none."
    )
    duplicates: float | None = Field(
        description="How many pairs of the catalogue are likely to be one animal in all; null "
        "without probabilities."
    )
    duplicates_low: float | None = Field(
        description="How many they are at least, with 95 % certainty."
    )
    duplicates_high: float | None = Field(
        description="How many they are at most, with 95 % certainty."
    )


def pair_fields(found: Resemblance, chance: PairProbability | None) -> dict[str, Any]:
    """The fields of two individuals, as far apart and as probably one as this."""
    return {
        "one": found.one,
        "other": found.other,
        "distance": found.distance,
        "probability": chance and chance.probability,
        "probability_low": chance and chance.low,
        "probability_high": chance and chance.high,
        "photo_of_one": found.photo_of_one,
        "photo_of_other": found.photo_of_other,
        "urls": [photo_url(found.photo_of_one), photo_url(found.photo_of_other)],
    }


def suggestion_answer(found: Resemblance) -> MergeSuggestion:
    """Put two similar individuals into the words of the API."""
    return MergeSuggestion(**pair_fields(found, found.chance))


def suggestions_answer(found: Sequence[Resemblance], curve: PairCurve) -> MergeSuggestions:
    """Put similar individuals, and what is known of all pairs, into the words of the API."""
    mean, low, high = curve.duplicates or (None, None, None)
    return MergeSuggestions(
        suggestions=[suggestion_answer(one) for one in found],
        fitted_to=curve.fitted_to,
        duplicates=mean,
        duplicates_low=low,
        duplicates_high=high,
    )
