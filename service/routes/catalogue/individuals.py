"""/v1/individuals: known animals are searched, read, renamed, merged, split and edited."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from index.curation.curator import IndividualNotes
from index.curation.listings import Individual
from service.catalogue.writer import acted, writer_of
from service.http.etags import check_if_match, etag_of
from service.http.paging import page_of
from service.http.problems import (
    BUSY,
    CHANGED_MEANWHILE,
    CONFLICT,
    INVALID,
    NOT_FOUND,
    NOT_READY,
    NOT_WRITABLE,
    ProblemError,
)
from service.http.required_roles import requires
from service.schemas.curation import (
    EventAnswer,
    IndividualAnswer,
    Individuals,
    NextId,
    individual_answer,
)
from service.schemas.curation_requests import (
    IfMatch,
    IndividualEdit,
    IndividualPath,
    ListCursor,
    ListLimit,
    Merge,
    Rename,
    Split,
    may_see_places,
    text_after,
)
from service.schemas.openapi import problem_responses

_READS = [requires("read")]
_CURATES = [requires("curate")]
_ACTING = (NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY)
_ETAG = {
    "headers": {
        "ETag": {"description": "Names this state of what is noted.", "schema": {"type": "string"}}
    }
}

router = APIRouter(tags=["individuals"])


@router.get(
    "/v1/individuals",
    dependencies=_READS,
    summary="Who is known?",
    response_description="A page of individuals.",
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_individuals(
    request: Request,
    search: Annotated[
        str,
        Query(
            max_length=200,
            description="Words that are each part of a name, also a former one, of the notes, of "
            "a region, or a year in which it was seen, in any case and accents. Curators find "
            "places, too.",
        ),
    ] = "",
    species: Annotated[
        str | None, Query(max_length=200, description="Only of this species.")
    ] = None,
    limit: ListLimit = 50,
    cursor: ListCursor = None,
) -> Individuals:
    """List the individuals by id; those that were merged into others are not listed."""
    listing = f"individuals {search!r} {species!r}"
    after, has_places = text_after(cursor, listing), may_see_places(request)
    found = await writer_of(request).read(
        lambda directory: directory.individuals(
            search=search,
            species=species,
            after=after,
            limit=limit + 1,
            has_places=has_places,
        )
    )
    page = page_of(found, limit, listing=listing, position=lambda one: (one.name,))
    return Individuals(
        individuals=[individual_answer(one) for one in page.rows], next=page.next_cursor
    )


@router.get(
    "/v1/individuals/next-id",
    dependencies=_READS,
    summary="The next free id.",
    response_description="An id that nobody has.",
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def next_id(
    request: Request,
    pattern: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            description="An id like which it is to look, such as `w_0000`.",
        ),
    ] = None,
) -> NextId:
    """Suggest an id for a new individual: one more than the greatest number so far.

    It is written as most ids are, or as `pattern` is.
    """
    return NextId(name=await writer_of(request).read(lambda directory: directory.next_id(pattern)))


@router.get(
    "/v1/individuals/{name:path}",
    dependencies=_READS,
    summary="One individual.",
    response_description="The individual.",
    responses={200: _ETAG, **problem_responses(NOT_FOUND, INVALID, BUSY, NOT_WRITABLE, NOT_READY)},
)
async def get_individual(
    request: Request, response: Response, name: IndividualPath
) -> IndividualAnswer:
    """Describe an individual; a merged one, too, with `merged_into`."""
    one = await _individual(request, name)
    response.headers["ETag"] = _etag(one)
    return individual_answer(one)


@router.patch(
    "/v1/individuals/{name:path}",
    dependencies=_CURATES,
    summary="Note something of an individual.",
    response_description="What was done; the ETag is that of the new state.",
    responses={200: _ETAG, **problem_responses(CHANGED_MEANWHILE, *_ACTING)},
)
async def edit_individual(
    request: Request,
    response: Response,
    name: IndividualPath,
    edit: IndividualEdit,
    if_match: IfMatch = None,
) -> EventAnswer:
    """Change what is noted of an individual.

    With If-Match, the ETag that came with it, nothing is changed where somebody else has changed it
    meanwhile.
    """
    del if_match

    def check(noted: IndividualNotes) -> None:
        check_if_match(request, etag_of(*noted))

    answer = await acted(request, lambda curator: curator.edit(name, edit.columns, check=check))
    response.headers["ETag"] = _etag(await _individual(request, name))
    return answer


@router.post(
    "/v1/individuals/{name:path}/rename",
    dependencies=_CURATES,
    summary="Give an individual another id.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def rename(request: Request, name: IndividualPath, body: Rename) -> EventAnswer:
    """Rename an individual; the old id is kept among its other names."""
    return await acted(request, lambda curator: curator.rename(name, body.new), new_name=body.new)


@router.post(
    "/v1/individuals/{name:path}/merge",
    dependencies=_CURATES,
    summary="Make two individuals one.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def merge(request: Request, name: IndividualPath, body: Merge) -> EventAnswer:
    """Give an individual's photos and encounters to another one; its id leads there from now on."""
    return await acted(request, lambda curator: curator.merge(name, body.into))


@router.post(
    "/v1/individuals/{name:path}/split",
    dependencies=_CURATES,
    summary="Make one individual two.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def split(request: Request, name: IndividualPath, body: Split) -> EventAnswer:
    """Give some of an individual's photos to a new individual."""
    return await acted(
        request, lambda curator: curator.split(name, body.photos, body.new), new_name=body.new
    )


async def _individual(request: Request, name: str) -> Individual:
    one = await writer_of(request).read(lambda directory: directory.individual(name))
    if one is None:
        raise ProblemError(
            NOT_FOUND, f"The catalogue has no individual {name!r}; GET /v1/individuals lists them."
        )
    return one


def _etag(one: Individual) -> str:
    return etag_of(
        *IndividualNotes(
            one.name,
            one.display_name,
            one.other_names,
            one.species,
            one.sex,
            one.notes,
            one.mother,
            one.born,
            one.age_class,
        )
    )
