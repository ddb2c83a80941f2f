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

from index.access.roles import Role, allows
from index.exchange.importing.plan import Status
from index.jobs.records import BadJobs, JobsBusy, JobState, NoSuchJob, WrongState
from index.jobs.records import Job as StoredJob
from service.http.multipart import invalid
from service.http.problems import (
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
from service.http.required_roles import requires
from service.jobs.events import job_events
from service.jobs.kinds.photos import BadSource
from service.jobs.queue import BadParameter, JobQueue, needed_role
from service.jobs.report import report_page
from service.jobs.requests import NewJob, read_request, request_body
from service.schemas.jobs import (
    ImportReport,
    Job,
    JobErrors,
    Jobs,
    errors_answer,
    job_answer,
    jobs_answer,
)
from service.schemas.openapi import problem_responses

JobNumber = Annotated[int, Path(ge=1, lt=2**31, description="The job's number.")]
Limit = Annotated[int, Query(ge=1, le=500, description="The most in one answer.")]
Cursor = Annotated[
    str | None,
    Query(
        pattern="^[0-9]{1,9}$",
        description="The `next_cursor` of the answer before; absent: the first.",
    ),
]
_CHUNK_BYTES = 2**16
_EVENT_STREAM = "text/event-stream"
_EVENTS_DESCRIPTION = (
    "Server-sent events: `job` with the job as JSON whenever it has changed, `end` with the "
    "same when nothing more "
    "happens of itself, and a comment every 15 seconds in between."
)
_RESULT_DESCRIPTION = (
    "The rows of `identify` and `import`, the zip of `export`, or another kind's result as JSON."
)
_FILES = {
    "identify": (".csv", "text/csv"),
    "import": (".csv", "text/csv"),
    "export": (".zip", "application/zip"),
}
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
    responses=problem_responses(
        BAD_REQUEST, FORBIDDEN, TOO_LARGE, NOT_MULTIPART, INVALID, BUSY, NOT_READY
    ),
    openapi_extra=request_body(),
)
async def create_job(request: Request, response: Response) -> Job:
    """Queue a job; jobs run one after the other, and go on where they were when the service is
    stopped or dies.

    `identify` answers who is in each photo of a folder (`parameters.folder`, on the service's
    machine) or of a zip (sent as multipart/form-data in the field `archive`) and leaves a CSV.

    `import` looks at a zip, and changes nothing: `/v1/jobs/{id}/report` says file by file what
    would be done. A second job whose parameter `dry_run` names the first does it. `export` leaves a
    zip that `import` reads back, without places unless a curator asks for `with_places`.

    `reindex` brings the catalogue up to date with its photos' files, `upgrade` brings it to another
    `checkpoint`; both leave the service answering meanwhile, and let curators act. `import` and
    `reindex` need the role `curate`, `upgrade` needs `admin`.
    """
    job_queue = _job_queue(request)
    async with read_request(request) as new_job:
        _check_role(request, new_job)
        job = await asyncio.to_thread(_queue, job_queue, new_job, _asker(request))
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
    job_queue = _job_queue(request)
    page = await _read(lambda: job_queue.page(limit=limit, cursor=_number(cursor), state=state))
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
    return job_answer(await _read(lambda: _job_queue(request).runner.get(id)))


@router.delete(
    "/v1/jobs/{id}",
    status_code=204,
    dependencies=[requires("curate")],
    summary="Remove a job.",
    response_description="It is gone.",
    response_class=Response,
    responses=problem_responses(FORBIDDEN, NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
)
async def delete_job(request: Request, id: JobNumber) -> Response:
    """Remove a job that has ended, with its zip and its result; what it did to the catalogue
    stays.
    """
    await _read(lambda: _job_queue(request).delete(id))
    return Response(status_code=204)


@router.get(
    "/v1/jobs/{id}/report",
    dependencies=_READS,
    summary="What an import does, file by file.",
    response_description="A page of files and labels.",
    responses=problem_responses(NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
)
async def get_job_report(
    request: Request,
    id: JobNumber,
    status: Annotated[Status | None, Query(description="Only files that this becomes of.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ImportReport:
    """List what an import did with each file and label or, of a dry run, what it would do."""
    job_queue = _job_queue(request)
    job = await _read(lambda: job_queue.store.get(id))
    if job.kind != "import":
        raise ProblemError(NOT_FOUND, f"Job {id} is no import; only those have a report.")
    path = _result_of(job_queue, job, ".csv")
    return await asyncio.to_thread(
        report_page, path, status=status, limit=limit, after=_number(cursor) or 0
    )


@router.get(
    "/v1/jobs/{id}/errors",
    dependencies=_READS,
    summary="The files that a job could not use.",
    response_description="A page of files, each with its reason.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
)
async def get_job_errors(
    request: Request, id: JobNumber, limit: Limit = 100, cursor: Cursor = None
) -> JobErrors:
    """List every file that could not be used, up to the job's last checkpoint; none is left out
    silently.
    """
    store = _job_queue(request).store
    return errors_answer(await _read(lambda: store.faults(id, limit=limit, cursor=_number(cursor))))


@router.get(
    "/v1/jobs/{id}/result",
    dependencies=_READS,
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
    label, `export` a zip (one with places for curators alone), the others JSON. Files are removed
    once they are older than the service keeps them.
    """
    job_queue = _job_queue(request)
    job = await _read(lambda: job_queue.store.get(id))
    if job.parameters.get("with_places"):
        _refuse_role(
            request, needed_role(job.kind, job.parameters), "This export tells places, and"
        )
    suffix, media_type = _FILES.get(job.kind, ("", "application/json"))
    path = _result_of(job_queue, job, suffix)
    if not suffix:
        return JSONResponse(job.result)
    headers = {
        "Content-Disposition": f'attachment; filename="{job.kind}-{id}{suffix}"',
        "Content-Length": str(path.stat().st_size),
    }
    return StreamingResponse(_chunks(path), headers=headers, media_type=media_type)


@router.post(
    "/v1/jobs/{id}/cancel",
    dependencies=_CONTRIBUTES,
    summary="Cancel a job.",
    response_description="The job, cancelled or about to be.",
    responses=problem_responses(FORBIDDEN, NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
)
async def cancel_job(request: Request, id: JobNumber) -> Job:
    """End a job: at once where it waits, at its next checkpoint where it runs.

    It can be resumed from there.

    That needs the role that starting it needs.
    """
    job_queue = await _permitted_queue(request, id)
    return job_answer(await _read(lambda: job_queue.runner.cancel(id)))


@router.post(
    "/v1/jobs/{id}/resume",
    dependencies=_CONTRIBUTES,
    summary="Resume a job.",
    response_description="The job, queued again.",
    responses=problem_responses(FORBIDDEN, NOT_FOUND, WRONG_STATE, INVALID, BUSY, NOT_READY),
)
async def resume_job(request: Request, id: JobNumber) -> Job:
    """Queue a failed, cancelled or interrupted job again; it goes on from its last checkpoint.

    That needs the role that starting it needs.
    """
    job_queue = await _permitted_queue(request, id)
    return job_answer(await _read(lambda: job_queue.resume(id)))


@router.get(
    "/v1/jobs/{id}/events",
    dependencies=_READS,
    summary="A job's progress as it happens.",
    response_class=Response,
    responses={
        200: {
            "description": _EVENTS_DESCRIPTION,
            "content": {_EVENT_STREAM: {"schema": {"type": "string"}}},
        },
        **problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
    },
)
async def watch_job(request: Request, id: JobNumber) -> Response:
    """Tell a job's changes until it ends.

    The stream also ends when the service stops: ask again, as browsers do.
    """
    job_queue = _job_queue(request)
    await _read(lambda: job_queue.store.get(id))
    is_stopping = getattr(request.app.state, "is_stopping", lambda: False)
    events = job_events(lambda: job_answer(job_queue.runner.get(id)), is_stopping)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, headers=headers, media_type=_EVENT_STREAM)


def _job_queue(request: Request) -> JobQueue:
    job_queue = request.app.state.jobs
    if job_queue is None:
        raise ProblemError(
            NOT_READY,
            "The jobs are not open: still being loaded, or the catalogue can't be written (see "
            "the log).",
        )
    assert isinstance(job_queue, JobQueue)
    return job_queue


async def _permitted_queue(request: Request, id: int) -> JobQueue:
    """The desk, for who might have started the job.

    Raises ProblemError for others, and where there is no such job.
    """
    job_queue = _job_queue(request)
    job = await _read(lambda: job_queue.store.get(id))
    _refuse_role(
        request,
        needed_role(job.kind, job.parameters),
        f"A job of the kind {job.kind}, so asked for,",
    )
    return job_queue


def _asker(request: Request) -> str | None:
    return getattr(request.scope["state"].get("principal"), "name", None)


def _check_role(request: Request, new_job: NewJob) -> None:
    _refuse_role(
        request,
        needed_role(new_job.kind, new_job.parameters),
        f"A job of the kind {new_job.kind}, so asked for,",
    )


def _refuse_role(request: Request, needed: Role, what: str) -> None:
    if not allows(request.scope["state"]["principal"].role, needed):
        raise ProblemError(FORBIDDEN, f"{what} needs a key with the role {needed}.")


def _result_of(job_queue: JobQueue, job: StoredJob, suffix: str) -> FilePath:
    """The file that a job has left. Raises ProblemError where there is none, or no longer."""
    if job.state != "succeeded":
        raise ProblemError(
            WRONG_STATE, f"Job {job.id} is {job.state}: only one that has succeeded has a result."
        )
    path = job_queue.folder.result(job.id, suffix)
    if suffix and not path.is_file():
        raise ProblemError(
            NOT_FOUND, f"The result of job {job.id} is no longer kept on the service's disk."
        )
    return path


def _queue(job_queue: JobQueue, new_job: NewJob, asked_by: str | None) -> StoredJob:
    with _translating_errors():
        try:
            return job_queue.submit(
                new_job.kind, new_job.parameters, archive=new_job.archive, asked_by=asked_by
            )
        except BadSource as error:
            raise invalid(Fault(field="folder", reason=str(error))) from error
        except BadParameter as error:
            raise invalid(Fault(field=error.field, reason=str(error))) from error


async def _read(question: Callable[[], _Found]) -> _Found:
    """Ask the record beside the event loop."""

    def read() -> _Found:
        with _translating_errors():
            return question()

    return await asyncio.to_thread(read)


@contextmanager
def _translating_errors() -> Generator[None]:
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
