"""POST /v1/locate: photos in, the animals of each out."""

from __future__ import annotations

import time

from fastapi import APIRouter
from starlette.requests import Request

from service.http.multipart import PHOTOS_FIELD, read_form, request_body, sent_form, uploads_in
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
from service.schemas.identify import found_animals, timings_of
from service.schemas.openapi import problem_responses
from service.schemas.verify import LocateAnswer, LocatedPhoto, LocateForm
from service.serving.service import service_of

router = APIRouter(dependencies=[requires("read")])


@router.post(
    "/v1/locate",
    summary="Where are the animals?",
    tags=["identify"],
    response_description="Every photo's animals.",
    responses=problem_responses(
        BAD_REQUEST, TOO_LARGE, NOT_MULTIPART, INVALID, BAD_PHOTOS, BUSY, NOT_READY
    ),
    openapi_extra=request_body("LocateRequest", LocateForm, PHOTOS_FIELD),
)
async def locate(request: Request) -> LocateAnswer:
    """Find the animals in each photo: any number, each with its box and a score.

    The catalogue is not read, and nothing is stored. Send an animal's box to `identify` as `box`
    to learn who it is. A checkpoint without a detector answers with one animal for each photo.
    """
    started = time.perf_counter()
    service = service_of(request)
    serving = service.ready()
    async with sent_form(request) as sent:
        uploads = uploads_in(sent, PHOTOS_FIELD, service.settings.max_photos)
        read_form(sent, LocateForm, PHOTOS_FIELD)
        located = await service.locate(serving, uploads)
    return LocateAnswer(
        results=[
            LocatedPhoto(photo=upload.name, animals=found_animals(each.animals))
            for upload, each in zip(uploads, located, strict=True)
        ],
        fingerprint=serving.identifier.embedder.fingerprint,
        timings_ms=timings_of([each.timings for each in located], started),
    )
