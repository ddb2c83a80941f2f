"""Two photos of the catalogue compared, with the examples that /docs shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from index.snapshots.served_photo import ServedPhoto
from service.schemas.identify import photo_url
from service.schemas.pairs.individuals import PairOfIndividuals
from service.serving.inference import PairHeat, PhotoHeat
from service.serving.service import PhotoView

PhotoName = Annotated[
    str, Query(min_length=1, max_length=1024, description="A photo's name in the catalogue.")
]
_HEAT_DECIMALS = 4


class PairedIndividuals(PairOfIndividuals):
    """The individuals of the two photos, where they are two."""

    is_marked_different: bool = Field(
        description="Whether somebody marked the two as different animals."
    )
    fitted_to: str = Field(description="What the probability was fitted to, or why there is none.")


class PairedPhotoAnswer(BaseModel):
    """One photo of the two, and where its animal is."""

    name: str = Field(description="Its name in the catalogue.")
    url: str = Field(description="Where its thumbnail is, on this service.")
    individual: str | None = Field(description="Whose it is; null for nobody known.")
    state: str = Field(description="`catalogued`, `waiting` or `rejected`.")
    taken_at: str | None = Field(description="When it was taken, ISO 8601.")
    box: tuple[float, float, float, float] | None = Field(
        description="The animal's box: left, top, right, bottom, as shares of the photo as it "
        "came; null for the whole photo."
    )
    is_box_found: bool = Field(description="Whether the locator found the box.")
    quarter_turns: int = Field(
        description="How many quarter turns to the left put the photo upright."
    )


class PhotoPair(BaseModel):
    """Two photos of the catalogue, how far they are from each other, and whose they are."""

    one: PairedPhotoAnswer = Field(description="One photo.")
    other: PairedPhotoAnswer = Field(description="The other photo.")
    distance: float | None = Field(
        description="Cosine distance of the two, 0 to 2; null where a photo has no vector of the "
        "checkpoint that is served."
    )
    individuals: PairedIndividuals | None = Field(
        description="The two individuals, each by all its photos; null where the photos are of "
        "one individual or of nobody known."
    )


class HeatAnswer(BaseModel):
    """The heat that lies over one photo."""

    values: list[list[float]] = Field(
        description="Rows from the top, -1 to 1: above 0 a region speaks for the same animal, "
        "below 0 against it. 1 is the strongest heat of both photos."
    )
    region: tuple[float, float, float, float] = Field(
        description="Where the rows lie: left, top, right, bottom, as shares of the photo as it "
        "came. They may reach beyond it."
    )


class PairHeatAnswer(BaseModel):
    """What makes two photos similar, region by region."""

    one: HeatAnswer = Field(description="Over one photo.")
    other: HeatAnswer = Field(description="Over the other photo.")
    distance: float = Field(description="Cosine distance of the two.")


def paired_photo(name: str, photo: ServedPhoto, view: PhotoView) -> PairedPhotoAnswer:
    """Put one photo of a pair into the words of the API."""
    return PairedPhotoAnswer(
        name=name,
        url=photo_url(name, photo.content_hash),
        individual=photo.individual,
        state=photo.state,
        taken_at=photo.taken_at,
        box=view.box,
        is_box_found=view.is_found and view.box is not None,
        quarter_turns=view.quarter_turns,
    )


def heat_answer(found: PairHeat) -> PairHeatAnswer:
    """Put the heat of two photos into the words of the API."""
    return PairHeatAnswer(
        one=_of_photo(found.query), other=_of_photo(found.reference), distance=found.distance
    )


def _of_photo(heat: PhotoHeat) -> HeatAnswer:
    values: list[list[float]] = heat.values.astype(float).round(_HEAT_DECIMALS).tolist()
    return HeatAnswer(values=values, region=heat.region)
