"""/v1/jobs: long work is asked for, watched, stopped, taken up again, and its result fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from index.access.roles import allows
from index.jobs.records import BadJobs, JobsBusy, JobState, NoSuchJob, WrongState
from index.jobs.records import Job as StoredJob
from service.declared import requires
from service.forms import invalid
from service.job_events import job_events
from service.job_photos import BadSource
from service.job_requests import AskedJob, read_request, request_body
from service.job_schemas import Job, JobErrors, Jobs, errors_answer, job_answer, jobs_answer
from service.jobs import ROLES, JobDesk
from service.openapi import problem_responses
from service.problems import (
    BAD_REQUEST,
    BUSY,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    NOT_MULTIPART,
    NOT_READY,
    TOO_LARGE,
    WRONG_STATE,
    Fault,
    ProblemError,
)

JobNumber = Annotated[int, Path(ge=1, lt=2**31, description="The job's number.")]
Limit = Annotated[int, Query(ge=1, le=500, description="The most in one answer.")]
Cursor = Annotated[
    str | None, Query(pattern="^[0-9]{1,9}$", description="The `next_cursor` of the answer before; absent: the first.")
]
_CHUNK_BYTES = 2**16
_EVENT_STREAM = "text/event-stream"
_EVENTS_TOLD = (
    "Server-sent events: `job` with the job as JSON whenever it has changed, `end` with the same when nothing more "
    "happens of itself, and a comment every 15 seconds in between."
)
_RESULT_TOLD = "The rows of `identify`, or another kind's result as JSON."
_Found = TypeVar("_Found")

router = APIRouter(tags=["jobs"])
_READS = [requires("read")]
_CONTRIBUTES = [requires("contribute")]


@router.post(
    "/v1/jobs",
    status_code=202,
    dependencies=_CONTRIBUTES,
    summary="Start a job.",
    response_description="The job, queued.",
    responses=problem_responses(BAD_REQUEST, FORBIDDEN, TOO_LARGE, NOT_MULTIPART, INVALID, BUSY, NOT_READY),
    openapi_extra=request_body(),
)
async def create_job(request: Request, response: Response) -> Job:
    """Queue a job; jobs run one after the other, and go on where they were when the service is stopped or dies.

    `identify` answers who is in each photo of a folder (`parameters.folder`, on the service's machine) or of a zip
    (sent as multipart/form-data in the field `archive`) and leaves a CSV. `reindex` brings the catalogue up to date
    with its photos' files; it needs the role `curate`.
    """
    desk = _desk(request)
    async with read_request(request) as asked:
        _check_role(request, asked)
        job = await asyncio.to_thread(_queue, desk, asked, _asker(request))
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job_answer(job)


@router.get(
    "/v1/jobs",
    dependencies=_READS,
    summary="All jobs.",
    response_description="A page of jobs, newest first.",
    responses=problem_responses(INVALID, BUSY, NOT_READY),
)
async def list_jobs(
    request: Request,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Jobs:
    """List jobs with their progress, the newest first."""
    desk = _desk(request)
    page = await _asked(lambda: desk.page(limit=limit, cursor=_number(cursor), state=state))
    return jobs_answer(page)


@router.get(
    "/v1/jobs/{id}",
    dependencies=_READS,
    summary="One job.",
    response_description="The job as it is now.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
)
async def get_job(request: Request, id: JobNumber) -> Job:
    """Tell a job's state, progress, rate and the time it still needs."""
    return job_answer(await _asked(lambda: _desk(request).runner.get(id)))


@router.get(
    "/v1/jobs/{id}/errors",
    dependencies=_READS,
    summary="The files that a job could not use.",
    response_description="A page of files, each with its reason.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
)
async def get_job_errors(request: Request, id: JobNumber, limit: Limit = 100, cursor: Cursor = None) -> JobErrors:
    """List every file that could not be used, up to the job's last checkpoint; none is left out silently."""
    store = _desk(request).store
    return errors_answer(await _asked(lambda: store.faults(id, limit=limit, cursor=_number(cursor))))


@router.get(
    "/v1/jobs/{id}/result",
    dependencies=_READS,
    summary="What a job made.",
    response_class=Response,
    responses={
        200: {
            "description": _RESULT_TOLD,
            "content": {"text/csv": {"schema": {"type": "string"}}, "application/json": {"schema": {"type": "object"}}},
        },
        **problem_responses(NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
    },
)
async def get_job_result(request: Request, id: JobNumber) -> Response:
    """Answer the result of a job that has succeeded: of `identify` a CSV with a row for each photo."""
    desk = _desk(request)
    job = await _asked(lambda: desk.store.get(id))
    if job.state != "succeeded":
        raise ProblemError(WRONG_STATE, f"Job {id} is {job.state}: only one that has succeeded has a result.")
    if job.kind != "identify":
        return JSONResponse(job.result)
    path = desk.folder.result(id)
    if not path.is_file():
        raise ProblemError(NOT_FOUND, f"The result of job {id} was removed from the service's disk.")
    headers = {
        "Content-Disposition": f'attachment; filename="identify-{id}.csv"',
        "Content-Length": str(path.stat().st_size),
    }
    return StreamingResponse(_chunks(path), headers=headers, media_type="text/csv")


@router.post(
    "/v1/jobs/{id}/cancel",
    dependencies=_CONTRIBUTES,
    summary="Cancel a job.",
    response_description="The job, cancelled or about to be.",
    responses=problem_responses(FORBIDDEN, NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
)
async def cancel_job(request: Request, id: JobNumber) -> Job:
    """End a job: at once where it waits, at its next checkpoint where it runs. It can be resumed from there."""
    return job_answer(await _asked(lambda: _desk(request).runner.cancel(id)))


@router.post(
    "/v1/jobs/{id}/resume",
    dependencies=_CONTRIBUTES,
    summary="Resume a job.",
    response_description="The job, queued again.",
    responses=problem_responses(FORBIDDEN, NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
)
async def resume_job(request: Request, id: JobNumber) -> Job:
    """Queue a failed, cancelled or interrupted job again; it goes on from its last checkpoint."""
    return job_answer(await _asked(lambda: _desk(request).resume(id)))


@router.get(
    "/v1/jobs/{id}/events",
    dependencies=_READS,
    summary="A job's progress as it happens.",
    response_class=Response,
    responses={
        200: {"description": _EVENTS_TOLD, "content": {_EVENT_STREAM: {"schema": {"type": "string"}}}},
        **problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
    },
)
async def watch_job(request: Request, id: JobNumber) -> Response:
    """Tell a job's changes until it ends. The stream also ends when the service stops: ask again, as browsers do."""
    desk = _desk(request)
    await _asked(lambda: desk.store.get(id))
    is_stopping = getattr(request.app.state, "is_stopping", lambda: False)
    events = job_events(lambda: job_answer(desk.runner.get(id)), is_stopping)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, headers=headers, media_type=_EVENT_STREAM)


def _desk(request: Request) -> JobDesk:
    desk = request.app.state.jobs
    if desk is None:
        raise ProblemError(
            NOT_READY, "The jobs are not open: still being loaded, or the catalogue can't be written (see the log)."
        )
    assert isinstance(desk, JobDesk)
    return desk


def _asker(request: Request) -> str | None:
    return getattr(request.scope["state"].get("principal"), "name", None)


def _check_role(request: Request, asked: AskedJob) -> None:
    principal, needed = request.scope["state"].get("principal"), ROLES[asked.kind]
    if not allows(principal.role, needed):
        raise ProblemError(FORBIDDEN, f"A job of the kind {asked.kind} needs a key with the role {needed}.")


def _queue(desk: JobDesk, asked: AskedJob, asked_by: str | None) -> StoredJob:
    with _telling():
        try:
            return desk.ask(asked.kind, asked.parameters, archive=asked.archive, asked_by=asked_by)
        except BadSource as error:
            raise invalid(Fault(field="folder", reason=str(error))) from error


async def _asked(question: Callable[[], _Found]) -> _Found:
    """Ask the record beside the event loop."""

    def ask() -> _Found:
        with _telling():
            return question()

    return await asyncio.to_thread(ask)


@contextmanager
def _telling() -> Generator[None]:
    try:
        yield
    except NoSuchJob as error:
        raise ProblemError(NOT_FOUND, f"{error}; GET /v1/jobs lists them.") from error
    except WrongState as error:
        raise ProblemError(WRONG_STATE, f"{error}.") from error
    except JobsBusy as error:
        raise ProblemError(BUSY, f"{error}.", headers={"Retry-After": "1"}) from error
    except BadJobs as error:
        raise ProblemError(NOT_READY, f"{error}.") from error


def _number(cursor: str | None) -> int | None:
    return None if cursor is None else int(cursor)


def _chunks(path: FilePath) -> Generator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
