"""/v1/sightings: who was met when and where."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from index.sightings.reading import Sighting
from index.sightings.summary import summarise
from service.catalogue.sightings import served_sightings
from service.catalogue.writer import writer_of
from service.http.paging import Position, decode_cursor, page_of
from service.http.problems import BUSY, INVALID, NOT_READY, NOT_WRITABLE
from service.http.required_roles import requires
from service.schemas.curation_requests import ListCursor, ListLimit, may_see_places
from service.schemas.openapi import problem_responses
from service.schemas.season.sightings import (
    SelectionQuery,
    SightingsAnswer,
    sighting_answer,
    summary_answer,
)

router = APIRouter(tags=["sightings"], dependencies=[requires("read")])


@router.get(
    "/v1/sightings",
    summary="Who was met when and where?",
    response_description="A page of sightings.",
    response_model_exclude_unset=True,
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_sightings(
    request: Request, selection: SelectionQuery, limit: ListLimit = 50, cursor: ListCursor = None
) -> SightingsAnswer:
    """List sightings, the newest first; those without a time come last.

    A sighting is an encounter with its catalogued photos. Photos that name no encounter make one
    for each individual and day. Only curators see places. Of one individual, the answer also has
    who wrote the notes, and a summary.
    """
    listing = f"sightings {selection!r}"
    like: Position = ("", "")
    after = decode_cursor(cursor, listing=listing, like=like)
    read = await served_sightings(request, selection.individual)
    is_place_told = may_see_places(request)

    def answered() -> SightingsAnswer:
        found = read.selected(selection)
        newest = sorted(found, key=_position)
        remaining = newest if after is None else [one for one in newest if _position(one) > after]
        page = page_of(remaining[: limit + 1], limit, listing=listing, position=_position)
        return SightingsAnswer(
            sightings=[sighting_answer(one, is_place_told=is_place_told) for one in page.rows],
            summary=None if selection.individual is None else summary_answer(summarise(found)),
            next=page.next_cursor,
        )

    # Selecting and sorting takes a while in a large catalogue, and others wait for the event loop.
    return await writer_of(request).read(lambda _: answered())


def _position(one: Sighting) -> tuple[str, str]:
    """A sighting's place in the list: texts, in which a later time comes first."""
    turned = "".join(chr(0x7E - ord(sign)) for sign in one.at or "" if sign.isascii())
    return turned or "~", one.photos[0]
