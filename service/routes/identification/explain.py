"""POST /v1/explain: a picture of what makes two photos similar."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from service.http.multipart import (
    PHOTOS_FIELD,
    REFERENCE_FIELD,
    Upload,
    read_form,
    request_body,
    sent_form,
    uploads_in,
)
from service.http.problems import (
    BAD_PHOTOS,
    BAD_REQUEST,
    BUSY,
    INVALID,
    NO_HEAT,
    NOT_FOUND,
    NOT_MULTIPART,
    NOT_READY,
    TOO_LARGE,
    Fault,
    invalid,
)
from service.http.required_roles import requires
from service.schemas.openapi import problem_responses
from service.schemas.verify import ExplainForm
from service.serving.scopes import unknown_name
from service.serving.service import Serving, service_of

PNG = "image/png"
DISTANCE_HEADER = "X-Distance"
_QUERY_FIELD = PHOTOS_FIELD._replace(description="The photo in question, as one file.", most=1)
_FILES = (_QUERY_FIELD, REFERENCE_FIELD)
_ANSWER = {
    "description": "The picture.",
    "content": {PNG: {"schema": {"type": "string", "format": "binary"}}},
    "headers": {
        DISTANCE_HEADER: {
            "description": "The photos' cosine distance.",
            "schema": {"type": "number"},
        }
    },
}
_PROBLEMS = (
    BAD_REQUEST,
    NOT_FOUND,
    NO_HEAT,
    TOO_LARGE,
    NOT_MULTIPART,
    INVALID,
    BAD_PHOTOS,
    BUSY,
    NOT_READY,
)

router = APIRouter(dependencies=[requires("read")])


@router.post(
    "/v1/explain",
    summary="What makes these two photos similar?",
    tags=["identify"],
    response_class=Response,
    responses={200: _ANSWER, **problem_responses(*_PROBLEMS)},
    openapi_extra=request_body("ExplainRequest", ExplainForm, *_FILES),
)
async def explain(request: Request) -> Response:
    """Draw a photo next to another one, plain and with heat.

    The other one is a `catalogue_photo`, or a `reference` that is sent with it.

    Red regions speak for the same animal, blue ones against; all heat of a photo adds up to 1 -
    distance. A catalogue photo is seen in the box that the catalogue has for it, every other where
    the locator finds the fluke.
    """
    service = service_of(request)
    serving = service.ready()
    async with sent_form(request) as sent:
        (query,) = uploads_in(sent, _QUERY_FIELD, 1)
        reference = _reference(serving, sent)
        drawn = await service.explain(serving, query, reference)
    headers = {DISTANCE_HEADER: f"{drawn.distance:.6f}", "Cache-Control": "no-store"}
    return Response(drawn.png, media_type=PNG, headers=headers)


def _reference(serving: Serving, sent: FormData) -> Upload | str:
    file = next(iter(uploads_in(sent, REFERENCE_FIELD, 1)), None)
    name = read_form(sent, ExplainForm, *_FILES).catalogue_photo
    if (file is None) == (name is None):
        reason = "give a catalogue photo's name or a reference, one of them"
        raise invalid(Fault(field="catalogue_photo, reference", reason=reason))
    if name is not None and name not in serving.photos:
        raise invalid(
            Fault(field="catalogue_photo", reason=unknown_name(name, serving.photo_names))
        )
    return file or name or ""
