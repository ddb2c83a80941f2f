"""POST /v1/embed: photos in, vectors out."""

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
from service.schemas.identify import timings_of
from service.schemas.openapi import problem_responses
from service.schemas.verify import EmbedAnswer, EmbeddedPhoto, EmbedForm
from service.serving.service import service_of

router = APIRouter(dependencies=[requires("read")])


@router.post(
    "/v1/embed",
    summary="These photos as vectors.",
    tags=["identify"],
    response_description="Every photo's vector.",
    responses=problem_responses(
        BAD_REQUEST, TOO_LARGE, NOT_MULTIPART, INVALID, BAD_PHOTOS, BUSY, NOT_READY
    ),
    openapi_extra=request_body("EmbedRequest", EmbedForm, PHOTOS_FIELD),
)
async def embed(request: Request) -> EmbedAnswer:
    """Embed photos with the loaded checkpoint, as `identify` does it, for comparing them elsewhere.

    The catalogue is not read, and nothing is stored.
    """
    started = time.perf_counter()
    service = service_of(request)
    serving = service.ready()
    async with sent_form(request) as sent:
        uploads = uploads_in(sent, PHOTOS_FIELD, service.settings.max_photos)
        read_form(sent, EmbedForm, PHOTOS_FIELD)
        answered = await service.embed(serving, uploads)
    return EmbedAnswer(
        results=[
            EmbeddedPhoto(photo=upload.name, vector=each.result.vector.tolist())
            for upload, each in zip(uploads, answered, strict=True)
        ],
        dimension=len(answered[0].result.vector),
        fingerprint=serving.identifier.embedder.fingerprint,
        timings_ms=timings_of([each.timings for each in answered], started),
    )
