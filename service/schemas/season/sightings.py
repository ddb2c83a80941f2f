"""Sightings as JSON, and the parameters that select them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from index.sightings.disclosure import DisclosedPlace, disclose
from index.sightings.reading import Sighting
from index.sightings.selection import BadSelection, Selection
from index.sightings.summary import SightingSummary
from service.http.problems import Fault, invalid
from service.schemas.identify import photo_url

_SIGHTING: dict[str, Any] = {
    "individual": "w_0007",
    "encounter": "2026-05-28 a",
    "encounter_key": 311,
    "at": "2026-05-28T09:40:00",
    "place": "Stellwagen Bank, 42.36, -70.31",
    "region": "Gulf of Maine",
    "position": {"latitude": 42.36, "longitude": -70.31, "uncertainty_m": None},
    "observer": "Ana",
    "notes": "With a calf.",
    "notes_by": "Ana",
    "notes_at": "2026-05-30T18:02:11Z",
    "species": "humpback_whale",
    "photos": 3,
    "cover": "may/fluke.jpg",
    "cover_url": "/v1/photos/may/fluke.jpg",
}
_SUMMARY: dict[str, Any] = {
    "sightings": 14,
    "photos": 31,
    "years": 9,
    "first_at": "2011-06-03",
    "last_at": "2026-05-28T09:40:00",
    "last_region": "Gulf of Maine",
    "days_before_last": 212,
}


class PositionAnswer(BaseModel):
    """A position in degrees (WGS 84)."""

    latitude: float = Field(description="North is positive.")
    longitude: float = Field(description="East is positive.")
    uncertainty_m: int | None = Field(
        description="How far from it the sighting may have been, in metres, where it was made "
        "coarse on purpose."
    )


class SightingAnswer(BaseModel):
    """One meeting with one animal: an encounter, or a day's photos that name no encounter."""

    individual: str | None = Field(description="Who it was; null where nobody knows the animal.")
    encounter: str | None = Field(description="The encounter's name.")
    encounter_key: int | None = Field(description="The encounter's number.")
    at: str | None = Field(description="When it was, ISO 8601.")
    place: str | None = Field(
        None, description="Where it was; only curators see it, it is absent for others."
    )
    region: str | None = Field(description="The wide area that it was in.")
    position: PositionAnswer | None = Field(
        description="Read out of the place's text for curators, out of the region's for others."
    )
    observer: str | None = Field(description="Who saw the animal.")
    notes: str | None = Field(description="What is noted of it.")
    notes_by: str | None = Field(description="Who wrote the notes, where the history has it.")
    notes_at: str | None = Field(description="When they were written, UTC.")
    species: str | None = Field(description="Its species.")
    photos: int = Field(description="How many catalogued photos it has.")
    cover: str = Field(description="The name of one of them.")
    cover_url: str = Field(description="Where that photo's thumbnail is, on this service.")


class SummaryAnswer(BaseModel):
    """One individual's sightings in figures."""

    sightings: int = Field(description="How many.")
    photos: int = Field(description="Their photos.")
    years: int = Field(description="In how many different years.")
    first_at: str | None = Field(description="When the first one was.")
    last_at: str | None = Field(description="When the last one was.")
    last_region: str | None = Field(description="Where the last one was: its region.")
    days_before_last: int | None = Field(
        description="Days between the last day with a sighting and the one before it."
    )


class SightingsAnswer(BaseModel):
    """A page of sightings, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"sightings": [_SIGHTING], "summary": _SUMMARY, "next": None}}
    )

    sightings: list[SightingAnswer] = Field(description="The sightings.")
    summary: SummaryAnswer | None = Field(
        description="All of them in figures, where they are one individual's."
    )
    next: str | None = Field(
        description="Give it as `cursor` to get the older ones; null at the end."
    )


def _selection(
    since: Annotated[
        str | None,
        Query(max_length=40, description="Only from then on: a year, a month or a day."),
    ] = None,
    until: Annotated[
        str | None, Query(max_length=40, description="Only up to the end of that time.")
    ] = None,
    species: Annotated[
        str | None, Query(max_length=200, description="Only of this species.")
    ] = None,
    region: Annotated[str | None, Query(max_length=200, description="Only in this region.")] = None,
    individual: Annotated[
        str | None, Query(max_length=200, description="Only of this individual.")
    ] = None,
) -> Selection:
    try:
        return Selection.checked(
            since=since, until=until, species=species, region=region, individual=individual
        )
    except BadSelection as error:
        raise invalid(Fault(field="since", reason=str(error))) from error


SelectionQuery = Annotated[Selection, Depends(_selection)]
"""The parameters of a selection of sightings."""


def sighting_answer(one: Sighting, *, is_place_told: bool) -> SightingAnswer:
    """Put a sighting into the words of the API; the place only where allowed."""
    where = disclose(one, "exact" if is_place_told else "regions")
    fields: dict[str, Any] = {"place": where.place} if is_place_told else {}
    names = ("individual", "encounter", "encounter_key", "at", "region", "observer")
    fields |= {name: getattr(one, name) for name in (*names, "notes", "notes_by", "notes_at")}
    return SightingAnswer(
        **fields,
        position=_position(where),
        species=one.species,
        photos=len(one.photos),
        cover=one.photos[0],
        cover_url=photo_url(one.photos[0]),
    )


def summary_answer(summary: SightingSummary) -> SummaryAnswer:
    """Put a summary into the words of the API."""
    return SummaryAnswer(**{name: getattr(summary, name) for name in SummaryAnswer.model_fields})


def _position(where: DisclosedPlace) -> PositionAnswer | None:
    if where.position is None:
        return None
    latitude, longitude = where.position
    return PositionAnswer(latitude=latitude, longitude=longitude, uncertainty_m=where.uncertainty_m)
