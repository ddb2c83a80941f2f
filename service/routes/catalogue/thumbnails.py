"""GET /v1/photos/{name}: a catalogue photo's thumbnail."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from embedding.photos.photo import BadPhoto
from service.catalogue.thumbnails import thumbnails_of
from service.http.etags import is_unchanged
from service.http.problems import INVALID, NOT_FOUND, NOT_READY, ProblemError
from service.http.required_roles import requires
from service.schemas.openapi import problem_responses
from service.serving.service import service_of

JPEG = "image/jpeg"
_HASH_SIGNS = 32  # of a content hash, where it names a photo's content
_FOR_GOOD = "private, max-age=31536000, immutable"
_ASKED = "private, no-cache"
_FOR_AN_HOUR = "private, max-age=3600"  # of a name: another content may come under it

router = APIRouter(tags=["photos"], dependencies=[requires("read")])


@router.get(
    "/v1/photos/{name:path}",
    summary="A catalogue photo's thumbnail.",
    response_class=Response,
    responses={
        200: {
            "description": "The thumbnail.",
            "content": {JPEG: {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "The client's copy (If-None-Match) is the current one."},
        **problem_responses(NOT_FOUND, INVALID, NOT_READY),
    },
)
async def photo(
    request: Request,
    name: str,
    size_px: Annotated[int, Query(ge=16, le=2048, description="The longer side at most.")] = 512,
    content: Annotated[
        str | None,
        Query(
            max_length=64,
            description="The start of the photo's content hash, as a photo's `url` has it. Such "
            "an answer never changes, so clients may cache it for good.",
        ),
    ] = None,
) -> Response:
    """Answer the photo as an upright JPEG without EXIF and GPS position."""
    service = service_of(request)
    served = service.ready().photos.get(name)
    if served is None:
        raise ProblemError(
            NOT_FOUND, f"The catalogue has no photo {name!r}; answers name photos as `photo`."
        )
    named = served.content_hash[:_HASH_SIGNS]
    headers = {
        "ETag": f'"{named}-{size_px}"',
        "Cache-Control": _FOR_GOOD if content == named else _FOR_AN_HOUR,
    }
    if is_unchanged(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        made = await asyncio.get_running_loop().run_in_executor(
            service.thumbnailers, thumbnails_of(request.app).of, served, size_px, service.limits
        )
    except BadPhoto as error:
        raise ProblemError(
            NOT_FOUND,
            f"The catalogue knows the photo {name!r}, but its file can't be read any more.",
        ) from error
    # What lies in the file's place is not what its hash names, and nobody may keep it as that.
    return Response(
        made.jpeg,
        media_type=JPEG,
        headers=headers if made.is_as_catalogued else {"Cache-Control": _ASKED},
    )
