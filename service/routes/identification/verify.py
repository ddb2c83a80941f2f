"""POST /v1/verify: is it this individual, or the animal of that photo?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from index.calibration.calibration import Calibration
from index.identification.verification import Verification, verify, verify_encounter, verify_pair
from index.search.matching import Thresholds, reason_with_damage
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
    NOT_MULTIPART,
    NOT_READY,
    TOO_LARGE,
    Fault,
    invalid,
)
from service.http.required_roles import requires
from service.schemas.identify import deciding_distances, photo_url, timings_of
from service.schemas.openapi import problem_responses
from service.schemas.thresholds import chosen_thresholds
from service.schemas.verify import (
    ComparedPhoto,
    VerifiedEncounter,
    VerifiedPhoto,
    VerifyAnswer,
    VerifyForm,
)
from service.serving.service import PhotoResult, Service, Serving, service_of, vectors_of

_FILES = (PHOTOS_FIELD, REFERENCE_FIELD)

router = APIRouter(dependencies=[requires("read")])


@router.post(
    "/v1/verify",
    summary="Is it this one?",
    tags=["identify"],
    response_description="Every photo's answer.",
    responses=problem_responses(
        BAD_REQUEST, TOO_LARGE, NOT_MULTIPART, INVALID, BAD_PHOTOS, BUSY, NOT_READY
    ),
    openapi_extra=request_body("VerifyRequest", VerifyForm, *_FILES),
)
async def verify_photos(request: Request) -> VerifyAnswer:
    """Compare photos with an `individual` by all its photos, or with one `reference` photo.

    The thresholds are those of `identify`: `same` within the one of `known`, `different` beyond the
    one of `new_whale`. They were fitted to the nearest of all individuals, so for one individual
    they are careful. An individual with a nearer rival is never `same`; it is for `review`.

    The probability of an individual is the one that `identify` answers. Photo against photo, it is
    that of a match at this distance, as if the reference were the nearest individual.
    """
    started = time.perf_counter()
    service = service_of(request)
    serving = service.ready()
    async with sent_form(request) as sent:
        uploads = uploads_in(sent, PHOTOS_FIELD, service.settings.max_photos)
        reference = next(iter(uploads_in(sent, REFERENCE_FIELD, 1)), None)
        form = read_form(sent, VerifyForm, *_FILES)
        form = _checked(serving, form, reference)
        thresholds = chosen_thresholds(serving, form)
        if form.individual is not None:
            _, thresholds = serving.identifier.judging(
                form.individual, max_fpir=form.max_fpir, threshold=form.threshold
            )
        answered = await service.embed(serving, [*uploads, reference] if reference else uploads)
    queries, together = answered[: len(uploads)], None
    if reference is None:
        found, together = await _with_individual(service, serving, queries, form)
    else:
        found = _with_reference(serving, queries, answered[-1], reference.name, thresholds)
    damage = None if reference is None else answered[-1].damage
    results = [
        VerifiedPhoto(
            photo=upload.name,
            **_fields(_with_damage(each, query.damage, damage), is_catalogued=reference is None),
        )
        for upload, each, query in zip(uploads, found, queries, strict=True)
    ]
    encounter = together and VerifiedEncounter(**_fields(together, is_catalogued=True))
    return VerifyAnswer(
        results=results,
        encounter=encounter,
        individual=form.individual,
        reference=None if reference is None else reference.name,
        catalogue_revision=serving.identifier.gallery.revision,
        fingerprint=serving.identifier.gallery.fingerprint,
        thresholds=deciding_distances(thresholds),
        timings_ms=timings_of([each.timings for each in answered], started),
    )


def _with_damage(
    verification: Verification, damage: str | None, damage_of_reference: str | None
) -> Verification:
    """Tell beside a verification what is damaged in its photo, and in the reference, if any."""
    reason = reason_with_damage(verification.reason, damage)
    reason = reason_with_damage(reason, damage_of_reference, "The reference")
    return replace(verification, reason=reason)


def _checked(serving: Serving, form: VerifyForm, reference: Upload | None) -> VerifyForm:
    """The form with its individual as the catalogue writes it. Raises an `invalid` problem."""
    if (form.individual is None) == (reference is None):
        raise invalid(
            Fault(
                field="individual, reference",
                reason="give an individual or a reference, one of them",
            )
        )
    if form.encounter and reference is not None:
        raise invalid(Fault(field="encounter", reason="goes with an individual only; take it out"))
    if form.individual is None:
        return form
    name = serving.scopes.check_individual(form.individual)
    return form.model_copy(update={"individual": name})


def _with_reference(
    serving: Serving,
    queries: Sequence[PhotoResult],
    reference: PhotoResult,
    name: str,
    thresholds: Thresholds,
) -> list[Verification]:
    calibration = serving.identifier.calibration
    return [
        verify_pair(calibration, each.result.vector, reference.result.vector, name, thresholds)
        for each in queries
    ]


async def _with_individual(
    service: Service,
    serving: Serving,
    queries: Sequence[PhotoResult],
    form: VerifyForm,
) -> tuple[list[Verification], Verification | None]:
    identifier = serving.identifier
    gallery, vectors, individual = identifier.gallery, vectors_of(queries), form.individual or ""

    def judging(photos: int) -> tuple[Calibration, Thresholds]:
        return identifier.judging(
            individual, photos, max_fpir=form.max_fpir, threshold=form.threshold
        )

    def compared() -> tuple[list[Verification], Verification | None]:
        together = None
        if form.encounter:
            calibration, thresholds = judging(len(vectors))
            together = verify_encounter(gallery, calibration, vectors, individual, thresholds)
        calibration, thresholds = judging(1)
        return verify(gallery, calibration, vectors, individual, thresholds), together

    return await service.searched(compared)


def _fields(verification: Verification, *, is_catalogued: bool) -> dict[str, Any]:
    """A verification in the words of the API; photos of the catalogue have a URL."""
    return {
        "verdict": verification.verdict,
        "distance": verification.distance,
        "probability": verification.probability,
        "reason": verification.reason,
        "rank": verification.rank,
        "nearest_individual": verification.nearest,
        "compared": [
            ComparedPhoto(
                photo=each.photo,
                photo_url=photo_url(each.photo) if is_catalogued else None,
                distance=each.distance,
            )
            for each in verification.compared
        ],
    }
