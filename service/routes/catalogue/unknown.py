"""/v1/unknown: photos of unknown animals, by groups of similar ones."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from service.catalogue.writer import writer_of
from service.http.paging import Position, decode_cursor, page_of
from service.http.problems import BUSY, INVALID, NOT_READY
from service.http.required_roles import requires
from service.schemas.curation_requests import ListCursor, ListLimit
from service.schemas.openapi import problem_responses
from service.schemas.season.unknown import UnknownGroups, unknown_group
from service.serving.service import service_of

_LISTING = "unknown"

router = APIRouter(tags=["work lists"], dependencies=[requires("read")])


@router.get(
    "/v1/unknown",
    summary="Which animals does nobody know?",
    response_description="A page of groups of photos.",
    responses=problem_responses(INVALID, BUSY, NOT_READY),
)
async def list_unknown(
    request: Request, limit: ListLimit = 50, cursor: ListCursor = None
) -> UnknownGroups:
    """List all photos of unknown animals, catalogued or waiting, similar ones together.

    The largest groups come first, then those whose photos are nearest to each other. POST
    /v1/catalogue/photos/assign makes a group one individual. Photos that show no animal are left
    out. In a large catalogue the groups take a while; then the answer is the `busy` problem: ask
    again.
    """
    like: Position = (0, 0.0, "")
    after = decode_cursor(cursor, listing=_LISTING, like=like)
    serving = service_of(request).ready()
    found = await writer_of(request).work_lists.unknown(serving)

    def answered() -> UnknownGroups:
        groups = [
            *((each.photos, each.distance) for each in found.similar),
            *(((name,), None) for name in found.single),
        ]
        groups.sort(key=_position)
        remaining = (
            groups if after is None else [each for each in groups if _position(each) > after]
        )
        page = page_of(remaining[: limit + 1], limit, listing=_LISTING, position=_position)
        return UnknownGroups(
            groups=[
                unknown_group(names, distance, serving.photos) for names, distance in page.rows
            ],
            photos=sum(len(names) for names, _ in groups),
            next=page.next_cursor,
        )

    # Sorting takes a while in a large catalogue, and others wait for the event loop.
    return await writer_of(request).read(lambda _: answered())


def _position(group: tuple[tuple[str, ...], float | None]) -> tuple[int, float, str]:
    names, distance = group
    return -len(names), 2.0 if distance is None else distance, names[0]
