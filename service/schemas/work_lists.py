"""The work lists as JSON, with the examples that /docs shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from index.curation.suggestions import Cluster, Resemblance
from service.schemas.identify import photo_url


def _showing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class MergeSuggestion(BaseModel):
    """Two individuals that may be one: their two photos that are nearest to each other."""

    one: str = Field(description="The id of one.")
    other: str = Field(description="The id of the other.")
    distance: float = Field(description="Cosine distance of the two photos.")
    probability: float = Field(
        description="The probability of a match at this distance, if one photo were identified."
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
                    "photo_of_one": "2018/0f3a.jpg",
                    "photo_of_other": "2026/11.jpg",
                    "urls": ["/v1/photos/2018/0f3a.jpg", "/v1/photos/2026/11.jpg"],
                }
            ]
        }
    )

    suggestions: list[MergeSuggestion] = Field(
        description="Pairs within the distance that a person should look at."
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


def suggestion_answer(found: Resemblance, probability: float) -> MergeSuggestion:
    """Put two similar individuals into the words of the API."""
    urls = [photo_url(found.photo_of_one), photo_url(found.photo_of_other)]
    return MergeSuggestion(**asdict(found), probability=probability, urls=urls)


def cluster_answer(cluster: Cluster) -> ClusterAnswer:
    """Put photos that look like each other into the words of the API."""
    photos = [ClusteredPhoto(name=name, url=photo_url(name)) for name in cluster.photos]
    return ClusterAnswer(photos=photos, distance=cluster.distance)
