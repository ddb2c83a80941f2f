"""/v1/jobs: jobs are listed, watched, cancelled, resumed and removed."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from index.jobs.records import JobState
from service.http.own_paths import hiding_paths
from service.http.problems import BUSY, FORBIDDEN, INVALID, NOT_FOUND, NOT_READY, WRONG_STATE
from service.http.required_roles import requires
from service.jobs.events import counted, job_events, refuse_too_many
from service.jobs.permissions import changeable_queue
from service.jobs.queue import job_queue_of
from service.schemas.job_queries import JobCursor, JobLimit, JobNumber, row_before
from service.schemas.jobs import Job, Jobs, job_answer, jobs_answer
from service.schemas.openapi import problem_responses

_EVENTS_DESCRIPTION = (
    "Server-sent events: `job` with the job as JSON whenever it has changed, `end` with the same "
    "when nothing more happens of itself. Every 15 seconds without an event brings a comment."
)
_READS = [requires("read")]
_CONTRIBUTES = [requires("contribute")]

router = APIRouter(tags=["jobs"])


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
    limit: JobLimit = 50,
    cursor: JobCursor = None,
) -> Jobs:
    """List jobs with their progress, the newest first."""
    job_queue = job_queue_of(request)
    page = await asyncio.to_thread(
        job_queue.page, limit=limit, cursor=row_before(cursor), state=state
    )
    return jobs_answer(page, hiding_paths(request))


@router.get(
    "/v1/jobs/{id}",
    dependencies=_READS,
    summary="One job.",
    response_description="The job as it is now.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
)
async def get_job(request: Request, id: JobNumber) -> Job:
    """Describe a job: its state, progress, rate and remaining time."""
    job = await asyncio.to_thread(job_queue_of(request).runner.get, id)
    return job_answer(job, hiding_paths(request))


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
    """Remove a job that has ended, with its zip and its result.

    What it did to the catalogue stays.
    """
    await asyncio.to_thread(job_queue_of(request).delete, id)
    return Response(status_code=204)


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
    job_queue = await changeable_queue(request, id)
    job = await asyncio.to_thread(job_queue.runner.cancel, id)
    return job_answer(job, hiding_paths(request))


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
    job_queue = await changeable_queue(request, id)
    job = await asyncio.to_thread(job_queue.resume, id)
    return job_answer(job, hiding_paths(request))


@router.get(
    "/v1/jobs/{id}/events",
    dependencies=_READS,
    summary="A job's progress as it happens.",
    response_class=Response,
    responses={
        200: {
            "description": _EVENTS_DESCRIPTION,
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
    },
)
async def watch_job(request: Request, id: JobNumber) -> Response:
    """Send a job's changes until it ends.

    The stream also ends when the service stops: connect again, as browsers do.
    """
    job_queue = job_queue_of(request)
    await asyncio.to_thread(job_queue.store.get, id)
    refuse_too_many(request.app.state)
    is_stopping = getattr(request.app.state, "is_stopping", lambda: False)
    hide = hiding_paths(request)
    events = counted(
        request.app.state,
        job_events(lambda: job_answer(job_queue.runner.get(id), hide), is_stopping),
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventSourceResponse(events, headers=headers)
