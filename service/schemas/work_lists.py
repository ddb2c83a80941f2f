"""The work lists as JSON, with the examples that /docs shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from index.calibration.curves.pair_curve import PairCurve
from index.curation.clusters import Cluster
from index.pairs.similar_individuals import Resemblance
from service.schemas.identify import photo_url


def _showing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class MergeSuggestion(BaseModel):
    """Two individuals that may be one: their two photos that are nearest to each other."""

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
            "pairs of 2,346 individuals; 12 of them were reviewed as different, 3 others were "
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


class ClusteredPhoto(BaseModel):
    """A photo of nobody known."""

    name: str = Field(description="Its name in the catalogue.")
    url: str = Field(description="Where its thumbnail is, on this service.")


class ClusterAnswer(BaseModel):
    """Photos that may be of one animal that nobody has named."""

    photos: list[ClusteredPhoto] = Field(description="Each is near another one of them.")
    distance: float = Field(description="Cosine distance of the two that are nearest.")


class Clusters(BaseModel):
    """Unknown photos that look like each other, nearest first."""

    model_config = _showing(
        {
            "clusters": [
                {
                    "photos": [
                        {"name": "may/17.jpg", "url": "/v1/photos/may/17.jpg"},
                        {"name": "may/21.jpg", "url": "/v1/photos/may/21.jpg"},
                    ],
                    "distance": 0.127,
                }
            ]
        }
    )

    clusters: list[ClusterAnswer] = Field(
        description="Two photos or more each, within the distance of a known match."
    )


def suggestion_answer(found: Resemblance) -> MergeSuggestion:
    """Put two similar individuals into the words of the API."""
    chance = found.chance
    return MergeSuggestion(
        one=found.one,
        other=found.other,
        distance=found.distance,
        probability=chance and chance.probability,
        probability_low=chance and chance.low,
        probability_high=chance and chance.high,
        photo_of_one=found.photo_of_one,
        photo_of_other=found.photo_of_other,
        urls=[photo_url(found.photo_of_one), photo_url(found.photo_of_other)],
    )


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


def cluster_answer(cluster: Cluster) -> ClusterAnswer:
    """Put photos that look like each other into the words of the API."""
    photos = [ClusteredPhoto(name=name, url=photo_url(name)) for name in cluster.photos]
    return ClusterAnswer(photos=photos, distance=cluster.distance)
