"""POST /v1/jobs: long work is queued."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.http.authorization import principal_of
from service.http.problems import (
    BAD_REQUEST,
    BUSY,
    FORBIDDEN,
    INVALID,
    NOT_MULTIPART,
    NOT_READY,
    NOT_WRITABLE,
    TOO_LARGE,
)
from service.http.required_roles import requires
from service.jobs.permissions import check_may_start
from service.jobs.queue import job_queue_of
from service.jobs.requests import read_request, request_body
from service.schemas.jobs import Job, job_answer
from service.schemas.openapi import problem_responses

router = APIRouter(tags=["jobs"], dependencies=[requires("contribute")])


@router.post(
    "/v1/jobs",
    status_code=202,
    summary="Start a job.",
    response_description="The job, queued.",
    responses=problem_responses(
        BAD_REQUEST, FORBIDDEN, TOO_LARGE, NOT_MULTIPART, INVALID, BUSY, NOT_READY, NOT_WRITABLE
    ),
    openapi_extra=request_body(),
)
async def create_job(request: Request, response: Response) -> Job:
    """Queue a job. Jobs run one after the other, and go on after the service was stopped.

    `identify` answers who is in each photo, and leaves a CSV. The photos are in a folder on the
    service's machine (`parameters.folder`), or in a zip (multipart/form-data, field `archive`).

    `import` reads a zip, and changes nothing: `/v1/jobs/{id}/report` lists file by file what it
    would change. A second job whose parameter `dry_run` names the first makes these changes.
    `export` leaves a zip that `import` reads back. Places are left out unless a curator sends
    `with_places`.

    `reindex` brings the catalogue up to date with its photos' files. `upgrade` brings it to another
    `checkpoint`. Meanwhile the service answers and curators go on. `import` and `reindex` need the
    role `curate`, `upgrade` needs `admin`.
    """
    job_queue = job_queue_of(request)
    async with read_request(request, job_queue.folder) as new_job:
        check_may_start(request, new_job.kind, new_job.parameters)
        job = await asyncio.to_thread(
            job_queue.submit,
            new_job.kind,
            new_job.parameters,
            archive=new_job.archive,
            asked_by=principal_of(request),
        )
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job_answer(job)
