"""/v1/jobs/{id}/report, errors and result: what a job has made."""

from __future__ import annotations

import asyncio
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from index.exchange.importing.plan import Status
from index.jobs.records import Job as StoredJob
from service.http.own_paths import hiding_paths
from service.http.problems import (
    BUSY,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    NOT_READY,
    WRONG_STATE,
    ProblemError,
)
from service.http.required_roles import requires
from service.jobs.kinds.importing import PREVIEW
from service.jobs.permissions import check_role, needed_role
from service.jobs.queue import JobQueue, job_queue_of
from service.jobs.report import report_page
from service.schemas.job_queries import JobCursor, JobLimit, JobNumber, row_before
from service.schemas.jobs import ImportReport, JobErrors, TablePreview, errors_answer
from service.schemas.openapi import problem_responses

_RESULT_DESCRIPTION = (
    "The rows of `identify` and `import`, the zip of `export`, or another kind's result as JSON."
)
_FILES = {
    "identify": (".csv", "text/csv"),
    "import": (".csv", "text/csv"),
    "export": (".zip", "application/zip"),
}

router = APIRouter(tags=["jobs"], dependencies=[requires("read")])


@router.get(
    "/v1/jobs/{id}/report",
    summary="What an import does, file by file.",
    response_description="A page of files and labels.",
    responses=problem_responses(NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
)
async def get_job_report(
    request: Request,
    id: JobNumber,
    status: Annotated[Status | None, Query(description="Only files with this status.")] = None,
    limit: JobLimit = 100,
    cursor: JobCursor = None,
) -> ImportReport:
    """List what an import did with each file and label or, of a dry run, what it would do."""
    job_queue = job_queue_of(request)
    job = await asyncio.to_thread(job_queue.store.get, id)
    if job.kind != "import":
        raise ProblemError(NOT_FOUND, f"Job {id} is no import; only those have a report.")
    path = await asyncio.to_thread(_result_of, job_queue, job, ".csv")
    return await asyncio.to_thread(
        report_page, path, status=status, limit=limit, after=row_before(cursor) or 0
    )


@router.get(
    "/v1/jobs/{id}/table",
    summary="The head of an import's table whose columns aren't known.",
    response_description="Its columns and first rows.",
    responses=problem_responses(FORBIDDEN, NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
    dependencies=[requires("curate")],
)
async def get_job_table(request: Request, id: JobNumber) -> TablePreview:
    """Show the first rows of a table that a dry run couldn't read by its columns' names.

    Send a job `import` with `again`, this job's number, and `columns`. Rows may hold places, so
    only curators see them.
    """
    job_queue = job_queue_of(request)
    job = await asyncio.to_thread(job_queue.store.get, id)
    if job.kind != "import" or not (job.result or {}).get("table"):
        raise ProblemError(NOT_FOUND, f"Job {id} has no table whose columns aren't known.")
    path = await asyncio.to_thread(_result_of, job_queue, job, PREVIEW)
    return TablePreview.model_validate_json(await asyncio.to_thread(path.read_bytes))


@router.get(
    "/v1/jobs/{id}/errors",
    summary="The files that a job could not use.",
    response_description="A page of files, each with its reason.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
)
async def get_job_errors(
    request: Request, id: JobNumber, limit: JobLimit = 100, cursor: JobCursor = None
) -> JobErrors:
    """List every file that could not be used, up to the job's last checkpoint."""
    store = job_queue_of(request).store
    page = await asyncio.to_thread(store.faults, id, limit=limit, cursor=row_before(cursor))
    return errors_answer(page, hiding_paths(request))


@router.get(
    "/v1/jobs/{id}/result",
    summary="What a job made.",
    response_class=Response,
    responses={
        200: {
            "description": _RESULT_DESCRIPTION,
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"type": "object"}},
            },
        },
        **problem_responses(FORBIDDEN, NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
    },
)
async def get_job_result(request: Request, id: JobNumber) -> Response:
    """Answer the result of a job that has succeeded.

    `identify` leaves a CSV with a row for each photo, `import` one with a row for each file and
    label. `export` leaves a zip; one with places is for curators only. Other kinds leave JSON.
    Files are removed after the number of days that the service's settings name.
    """
    job_queue = job_queue_of(request)
    job = await asyncio.to_thread(job_queue.store.get, id)
    if job.parameters.get("with_places"):
        check_role(
            request, needed_role(job.kind, job.parameters), "This export holds places, so it"
        )
    suffix, media_type = _FILES.get(job.kind, ("", "application/json"))
    path = await asyncio.to_thread(_result_of, job_queue, job, suffix)
    if not suffix:
        return JSONResponse(hiding_paths(request)(job.result))
    return FileResponse(path, filename=f"{job.kind}-{id}{suffix}", media_type=media_type)


def _result_of(job_queue: JobQueue, job: StoredJob, suffix: str) -> FilePath:
    """The file that a job has left. Raises ProblemError where there is none, or no longer."""
    if job.state != "succeeded":
        raise ProblemError(
            WRONG_STATE, f"Job {job.id} is {job.state}: only one that has succeeded has a result."
        )
    path = job_queue.folder.result(job.id, suffix)
    if suffix and not path.is_file():
        raise ProblemError(
            NOT_FOUND, f"The result of job {job.id} is no longer on the service's disk."
        )
    if suffix and job_queue.folder.is_damaged_result(job.id, suffix):
        raise ProblemError(
            NOT_FOUND,
            f"The result of job {job.id} was damaged on the service's disk: its bytes differ from "
            "their checksum. Start the job again, and have the operator look at the disk.",
        )
    return path
