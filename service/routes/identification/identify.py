"""POST /v1/identify: photos in, ranked individuals and a decision out."""

from __future__ import annotations

import time

from fastapi import APIRouter
from starlette.requests import Request

from service.catalogue.writer import writer_of
from service.http.multipart import (
    PHOTOS_FIELD,
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
    NOT_MULTIPART,
    NOT_READY,
    TOO_LARGE,
)
from service.http.required_roles import requires
from service.schemas.identify import (
    IdentifyAnswer,
    IdentifyForm,
    deciding_distances,
    encounter_answer,
    photo_answer,
    timings_of,
)
from service.schemas.openapi import problem_responses
from service.schemas.thresholds import chosen_thresholds
from service.serving.service import IdentifiedRequest, Serving, service_of

router = APIRouter(dependencies=[requires("read")])


@router.post(
    "/v1/identify",
    summary="Who is in these photos?",
    tags=["identify"],
    response_description="Every photo's answer.",
    responses=problem_responses(
        BAD_REQUEST, TOO_LARGE, NOT_MULTIPART, INVALID, BAD_PHOTOS, BUSY, NOT_READY
    ),
    openapi_extra=request_body("IdentifyRequest", IdentifyForm, PHOTOS_FIELD),
)
async def identify(request: Request) -> IdentifyAnswer:
    """Rank the catalogue's individuals for each photo and say who is in it.

    The decision is `known`, `review`, `new_whale`, or `no_animal` where a photo shows nothing that
    the checkpoint was made for. A photo that lies on its side is turned first.

    A request is answered whole or not at all. When a photo can't be read, the `bad-photos` problem
    names every such photo with its position and reason.

    `animals` says where each animal of a photo is. The answer is about the surest one; ask again
    with the `box` of another to have an answer about that.

    With `encounter` all photos are also answered for together, by the mean of their distances.
    `individuals`, `exclude`, `species`, `years` and `regions` narrow the search to a part of the
    catalogue, as if it held nothing else. A photo must meet all of them. The thresholds stay those
    of the whole catalogue, which is careful: among fewer individuals fewer strangers pass. `as_of`
    searches an earlier revision, which repeats a past answer.
    """
    started = time.perf_counter()
    service = service_of(request)
    service.ready()
    async with sent_form(request) as sent:
        uploads = uploads_in(sent, PHOTOS_FIELD, service.settings.max_photos)
        form = read_form(sent, IdentifyForm, PHOTOS_FIELD)
        serving = await _served_at(request, form.as_of)
        chosen_thresholds(serving, form)
        identified = await service.identify(
            uploads,
            form.options,
            form.scope,
            is_encounter=form.encounter,
            serving=serving,
            boxes=form.boxes(len(uploads)),
        )
    return _answer(uploads, identified, started)


async def _served_at(request: Request, revision: int | None) -> Serving:
    """What is served, or what was at an earlier revision."""
    service = service_of(request)
    now = service.ready()
    if revision in (None, now.identifier.gallery.revision):
        return now
    past = writer_of(request).past
    return await service.read_past(lambda: past.at(revision or 0, now))


def _answer(uploads: list[Upload], identified: IdentifiedRequest, started: float) -> IdentifyAnswer:
    answered, together, photos_searched = identified
    source = answered[0].identification
    return IdentifyAnswer(
        results=[
            photo_answer(upload.name, each.identification)
            for upload, each in zip(uploads, answered, strict=True)
        ],
        encounter=encounter_answer(len(uploads), together) if together else None,
        catalogue_revision=source.revision,
        fingerprint=source.fingerprint,
        individuals_searched=source.individuals_searched,
        photos_searched=photos_searched,
        thresholds=deciding_distances(source.thresholds),
        timings_ms=timings_of([each.timings for each in answered], started),
    )
