"""Clusters of unknown photos as JSON, with the example that /docs shows."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from index.curation.clusters import Cluster
from service.schemas.identify import photo_url


def _showing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


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


def cluster_answer(cluster: Cluster) -> ClusterAnswer:
    """Put photos that look like each other into the words of the API."""
    photos = [ClusteredPhoto(name=name, url=photo_url(name)) for name in cluster.photos]
    return ClusterAnswer(photos=photos, distance=cluster.distance)
