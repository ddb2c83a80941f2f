"""/v1/encounters: meetings with animals are listed, and what is noted of them edited."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from service.catalogue.writer import acted, writer_of
from service.http.paging import page_of
from service.http.problems import BUSY, CONFLICT, INVALID, NOT_FOUND, NOT_READY, NOT_WRITABLE
from service.http.required_roles import requires
from service.schemas.curation import Encounters, EventAnswer, encounter_card
from service.schemas.curation_requests import (
    EncounterEdit,
    KeyPath,
    ListCursor,
    ListLimit,
    may_see_places,
    number_after,
)
from service.schemas.openapi import problem_responses

router = APIRouter(tags=["encounters"])


@router.get(
    "/v1/encounters",
    dependencies=[requires("read")],
    summary="Who was met when?",
    response_description="A page of encounters.",
    response_model_exclude_unset=True,
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_encounters(
    request: Request,
    individual: Annotated[
        str | None, Query(max_length=200, description="Only with this individual.")
    ] = None,
    limit: ListLimit = 50,
    cursor: ListCursor = None,
) -> Encounters:
    """List the encounters that have photos.

    Only curators see their places.
    """
    listing = f"encounters {individual!r}"
    after = number_after(cursor, listing) or 0
    found = await writer_of(request).read(
        lambda directory: directory.encounters(individual=individual, after=after, limit=limit + 1)
    )
    page = page_of(found, limit, listing=listing, position=lambda one: (one.key,))
    is_place_told = may_see_places(request)
    cards = [encounter_card(one, is_place_told=is_place_told) for one in page.rows]
    return Encounters(encounters=cards, next=page.next_cursor)


@router.patch(
    "/v1/encounters/{key}",
    dependencies=[requires("curate")],
    summary="Note something of an encounter.",
    response_description="What was done.",
    responses=problem_responses(NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def edit_encounter(request: Request, key: KeyPath, edit: EncounterEdit) -> EventAnswer:
    """Change what is noted of an encounter, by its number."""
    return await acted(request, lambda curator: curator.edit_encounter(key, edit.columns))
