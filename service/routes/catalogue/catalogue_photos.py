"""/v1/catalogue/photos: photos are listed, moved, deleted and edited."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request

from service.catalogue.writer import acted, writer_of
from service.http.paging import page_of
from service.http.problems import BUSY, CONFLICT, INVALID, NOT_FOUND, NOT_READY, NOT_WRITABLE
from service.http.required_roles import requires
from service.schemas.curation import CataloguedPhotos, EventAnswer, photo_card
from service.schemas.curation_requests import (
    LARGEST_KEY,
    Assign,
    ListCursor,
    ListLimit,
    Move,
    PhotoEdit,
    PhotoPath,
    text_after,
)
from service.schemas.openapi import problem_responses

_CURATES = [requires("curate")]
_ACTING = (NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY)

router = APIRouter(tags=["photos"])


@router.get(
    "/v1/catalogue/photos",
    dependencies=[requires("read")],
    summary="Which photos are there?",
    response_description="A page of photos.",
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_photos(
    request: Request,
    individual: Annotated[
        str | None, Query(max_length=200, description="Only of this individual.")
    ] = None,
    encounter: Annotated[
        int | None, Query(ge=1, le=LARGEST_KEY, description="Only of the encounter of this key.")
    ] = None,
    state: Annotated[
        Literal["waiting", "catalogued", "rejected", "deleted"] | None,
        Query(description="Only in this state."),
    ] = None,
    limit: ListLimit = 50,
    cursor: ListCursor = None,
) -> CataloguedPhotos:
    """List photos by name; deleted ones only with that `state`."""
    listing = f"photos {individual!r} {encounter} {state}"
    after = text_after(cursor, listing)
    found = await writer_of(request).read(
        lambda directory: directory.photos(
            individual=individual, encounter=encounter, state=state, after=after, limit=limit + 1
        )
    )
    page = page_of(found, limit, listing=listing, position=lambda one: (one.name,))
    return CataloguedPhotos(photos=[photo_card(one) for one in page.rows], next=page.next_cursor)


@router.post(
    "/v1/catalogue/photos/move",
    dependencies=_CURATES,
    summary="Give photos to another individual.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def move_photos(request: Request, body: Move) -> EventAnswer:
    """Make catalogued photos another individual's, or nobody's; nothing is embedded again."""
    return await acted(
        request,
        lambda curator: curator.move(body.photos, body.individual),
        new_name=body.individual,
    )


@router.post(
    "/v1/catalogue/photos/assign",
    dependencies=_CURATES,
    summary="Make photos one individual's.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def assign_photos(request: Request, body: Assign) -> EventAnswer:
    """Give waiting and catalogued photos to one individual, as one event with one undo."""
    return await acted(
        request,
        lambda curator: curator.assign(body.photos, body.individual, is_animal=body.is_animal),
        new_name=body.individual,
    )


@router.delete(
    "/v1/catalogue/photos/{name:path}",
    dependencies=_CURATES,
    summary="Delete a photo.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def delete_photo(
    request: Request,
    name: PhotoPath,
    reason: Annotated[
        str | None, Query(max_length=200, description="Why, for the history.")
    ] = None,
) -> EventAnswer:
    """Take a photo out of the catalogue and of every answer from now on. It can be undone."""
    return await acted(request, lambda curator: curator.delete(name, reason=reason))


@router.patch(
    "/v1/catalogue/photos/{name:path}",
    dependencies=_CURATES,
    summary="Note something of a photo.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def edit_photo(request: Request, name: PhotoPath, edit: PhotoEdit) -> EventAnswer:
    """Change what is noted of a photo."""
    return await acted(request, lambda curator: curator.edit_photo(name, edit.columns))
