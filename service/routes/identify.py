"""POST /v1/identify: photos in, ranked individuals and a decision out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from embedding.errors import FlukeprintError
from service.openapi import problem_responses
from service.problems import (
    BAD_PHOTOS,
    BAD_REQUEST,
    BUSY,
    INVALID,
    NOT_MULTIPART,
    NOT_READY,
    TOO_LARGE,
    Fault,
    ProblemError,
    in_one_line,
)
from service.schemas import DecidingDistances, IdentifyAnswer, IdentifyForm, TimingsMs, photo_answer
from service.serving import Answered, Service, Upload, service_of

PHOTOS = "photos"
_FORM_FIELDS = tuple(IdentifyForm.model_fields)

router = APIRouter()


def _request_body() -> dict[str, Any]:
    """The form, for the OpenAPI document: IdentifyForm's own schema and the photos."""
    schema = IdentifyForm.model_json_schema()
    photos = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "minItems": 1,
        "description": "One photo or several, as files (JPEG, PNG, WebP, TIFF, BMP, GIF; HEIC where installed).",
    }
    schema["properties"] = {PHOTOS: photos, **schema["properties"]}
    schema["required"] = [PHOTOS]
    schema["title"] = "IdentifyRequest"
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


@router.post(
    "/v1/identify",
    summary="Who is in these photos?",
    tags=["identify"],
    response_description="Every photo's answer.",
    responses=problem_responses(BAD_REQUEST, TOO_LARGE, NOT_MULTIPART, INVALID, BAD_PHOTOS, BUSY, NOT_READY),
    openapi_extra={"requestBody": _request_body()},
)
async def identify(request: Request) -> IdentifyAnswer:
    """Rank the catalogue's individuals for each photo and decide `known`, `review` or `new_whale`.

    A request is answered whole or not at all: when one photo can't be read, nothing is, and the `bad-photos`
    problem names every such photo with its position and reason.
    """
    started = time.perf_counter()
    service = service_of(request)
    service.ready()
    _check_content_type(request)
    async with request.form() as sent:
        uploads, form = _uploads(sent, service.settings.max_photos), _form(sent)
        _check_thresholds(service, form)
        answered = await service.identify(uploads, form)
    return _answer(uploads, answered, started)


def _check_content_type(request: Request) -> None:
    sent = request.headers.get("content-type", "")
    if sent.partition(";")[0].strip().lower() != "multipart/form-data":
        raise ProblemError(
            NOT_MULTIPART,
            f"The body is {sent or 'of no stated type'}; send multipart/form-data with the photos in the field "
            f"`{PHOTOS}`, as `curl -F photos=@fluke.jpg` does.",
            headers={"Accept-Post": "multipart/form-data"},
        )


def _uploads(sent: FormData, max_photos: int) -> list[Upload]:
    photos = sent.getlist(PHOTOS)
    if not photos:
        raise _invalid(Fault(field=PHOTOS, reason="no photo was sent; send at least one file in this field"))
    if len(photos) > max_photos:
        reason = f"{len(photos)} photos in one request; at most {max_photos} are taken, so send several requests"
        raise _invalid(Fault(field=PHOTOS, reason=reason))
    if not all(isinstance(photo, UploadFile) for photo in photos):
        raise _invalid(Fault(field=PHOTOS, reason="holds text; send a file (with curl: -F photos=@fluke.jpg)"))
    files = cast("list[UploadFile]", photos)
    return [Upload(file.filename or f"photo {at}", file.file) for at, file in enumerate(files)]


def _form(sent: FormData) -> IdentifyForm:
    faults = _misplaced(sent)
    fields = {name: value for name, value in sent.items() if name in _FORM_FIELDS and isinstance(value, str)}
    try:
        form = IdentifyForm.model_validate(fields)
    except ValidationError as error:
        faults += [Fault(field=_field(part["loc"]), reason=_reason(part["msg"])) for part in error.errors()]
        raise _invalid(*faults) from error
    if faults:
        raise _invalid(*faults)
    return form


def _misplaced(sent: FormData) -> list[Fault]:
    """Fields that nobody reads, that came twice, or that came as files: each would be overlooked silently."""
    known = (PHOTOS, *_FORM_FIELDS)
    faults = [
        Fault(field=name, reason=f"unknown; the fields are {', '.join(known)}")
        for name in dict.fromkeys(sent)
        if name not in known
    ]
    for name in _FORM_FIELDS:
        values = sent.getlist(name)
        if len(values) > 1:
            faults.append(Fault(field=name, reason=f"given {len(values)} times; give it once"))
        elif values and not isinstance(values[0], str):
            faults.append(Fault(field=name, reason="came as a file; send it as text"))
    return faults


def _field(location: tuple[int | str, ...]) -> str:
    return str(location[0]) if location else "max_fpir, threshold"


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")


def _check_thresholds(service: Service, form: IdentifyForm) -> None:
    """Refuse a rate or distance that the calibration can't serve before any photo is decoded."""
    try:
        service.ready().identifier.calibration.thresholds(max_fpir=form.max_fpir, threshold=form.threshold)
    except FlukeprintError as error:
        raise _invalid(Fault(field=_field(()), reason=str(error))) from error


def _invalid(*faults: Fault) -> ProblemError:
    return ProblemError(INVALID, in_one_line(faults), errors=faults)


def _answer(uploads: Sequence[Upload], answered: Sequence[Answered], started: float) -> IdentifyAnswer:
    source = answered[0].identification
    return IdentifyAnswer(
        results=[
            photo_answer(upload.name, each.identification) for upload, each in zip(uploads, answered, strict=True)
        ],
        catalogue_revision=source.revision,
        fingerprint=source.fingerprint,
        individuals_searched=source.individuals_searched,
        thresholds=DecidingDistances(known=source.thresholds.known, new_whale=source.thresholds.new_whale),
        timings_ms=TimingsMs(
            decode=max(each.timings.decode_ms for each in answered),
            identify=max(each.timings.identify_ms for each in answered),
            total=(time.perf_counter() - started) * 1000,
        ),
    )
