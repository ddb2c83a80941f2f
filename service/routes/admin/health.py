"""GET /healthz and /readyz: is the process alive, can it answer."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter
from starlette.requests import Request

from index.access.tables import AccessUnavailable
from service.http.problems import NOT_READY, ProblemError
from service.http.required_roles import open_to_all
from service.schemas.identify import Alive, Ready
from service.schemas.openapi import problem_responses
from service.serving.service import service_of

_log = logging.getLogger("flukeprint.service")
router = APIRouter(tags=["health"], dependencies=[open_to_all()])


@router.get("/healthz", summary="Is the process alive?", response_description="It is.")
async def healthz() -> Alive:
    """Answer as long as the process runs, also while it is starting."""
    return Alive()


@router.get(
    "/readyz",
    summary="Can photos be sent?",
    response_description="They can.",
    response_model_exclude_none=True,
    responses=problem_responses(NOT_READY),
)
async def readyz(request: Request) -> Ready:
    """Name the loaded catalogue revision.

    While the catalogue is loaded, its database is away, or the thread that runs the jobs has died,
    the answer is a `not-ready` problem.
    """
    store = request.app.state.access
    if store is not None:
        try:
            await asyncio.to_thread(store.keys.has_any)
        except AccessUnavailable as error:
            _log.error("%s", error)
            detail = (
                "The catalogue's database can't be reached just now; the service's log says why."
            )
            raise ProblemError(NOT_READY, detail, headers={"Retry-After": "1"}) from error
    job_queue = request.app.state.jobs
    if job_queue is not None and job_queue.runner.has_died:
        detail = "The thread that runs the jobs has died; restart the service. Its log says why."
        raise ProblemError(NOT_READY, detail)
    serving = service_of(request).ready()
    identifier = serving.identifier
    gallery = identifier.gallery
    return Ready(
        catalogue_revision=gallery.revision,
        individuals=gallery.individual_count,
        photos=gallery.size,
        fingerprint=gallery.fingerprint,
        is_calibrated=identifier.calibration.is_fitted,
        damaged_vectors=len(serving.damaged) or None,
    )
