"""Photos of unknown animals as JSON, by groups of similar ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from index.snapshots.served_photo import ServedPhoto
from service.schemas.identify import photo_url

MOST_IN_GROUP = 100

_PHOTO: dict[str, Any] = {
    "name": "may/17.jpg",
    "state": "catalogued",
    "taken_at": "2026-05-17",
    "encounter": "2026-05-17 c",
    "region": "Gulf of Maine",
    "species": "humpback_whale",
    "url": "/v1/photos/may/17.jpg?content=" + "9e1a" * 8,
}


class UnknownPhoto(BaseModel):
    """A photo whose animal nobody knows."""

    name: str = Field(description="Its name in the catalogue.")
    state: str = Field(description="`catalogued`, or `waiting` for review.")
    taken_at: str | None = Field(description="When it was taken, ISO 8601.")
    encounter: str | None = Field(description="The name of its encounter.")
    region: str | None = Field(description="The wide area that the encounter was in.")
    species: str | None = Field(description="The species on it.")
    url: str = Field(description="Where its thumbnail is, on this service.")


class UnknownGroup(BaseModel):
    """Similar photos, which may be of one animal; a photo that is similar to no other is alone."""

    photos: list[UnknownPhoto] = Field(description=f"The photos, the first {MOST_IN_GROUP}.")
    photo_count: int = Field(description="How many they are altogether.")
    distance: float | None = Field(
        description="Cosine distance of the two that are nearest; null for a photo alone."
    )


class UnknownGroups(BaseModel):
    """A page of groups, the largest first; photos alone come last, by name."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "groups": [{"photos": [_PHOTO], "photo_count": 1, "distance": None}],
                "photos": 1,
                "next": None,
            }
        }
    )

    groups: list[UnknownGroup] = Field(description="The groups.")
    photos: int = Field(description="How many photos of unknown animals there are altogether.")
    next: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


def unknown_group(
    names: tuple[str, ...], distance: float | None, served: Mapping[str, ServedPhoto]
) -> UnknownGroup:
    """Put a group into the words of the API."""
    photos = [_photo(name, served[name]) for name in names[:MOST_IN_GROUP] if name in served]
    return UnknownGroup(photos=photos, photo_count=len(names), distance=distance)


def _photo(name: str, served: ServedPhoto) -> UnknownPhoto:
    return UnknownPhoto(
        name=name,
        state=served.state,
        taken_at=served.taken_at,
        encounter=served.encounter,
        region=served.region,
        species=served.species,
        url=photo_url(name, served.content_hash),
    )
