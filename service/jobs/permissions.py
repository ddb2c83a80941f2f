"""Who may start, stop and read a job."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from index.access.roles import Role, allows
from service.http.problems import FORBIDDEN, ProblemError
from service.jobs.queue import KINDS, JobQueue, job_queue_of


def needed_role(kind: str, parameters: BaseModel | Mapping[str, Any]) -> Role:
    """The role that may start a job and fetch its result: places are for curators."""
    sent = parameters.model_dump() if isinstance(parameters, BaseModel) else parameters
    return "curate" if kind == "export" and sent.get("with_places") else KINDS[kind].role


def check_role(request: Request, needed: Role, subject: str) -> None:
    """Raise a `forbidden` problem, which begins with `subject`, for a lower role."""
    if not allows(request.scope["state"]["principal"].role, needed):
        raise ProblemError(FORBIDDEN, f"{subject} needs the role {needed}.")


def check_may_start(request: Request, kind: str, parameters: BaseModel | Mapping[str, Any]) -> None:
    """Raise a `forbidden` problem unless the request's key may start such a job."""
    check_role(
        request,
        needed_role(kind, parameters),
        f"A job of the kind {kind} with these parameters",
    )


async def changeable_queue(request: Request, id: int) -> JobQueue:
    """The jobs, for a request that may start the job of this number.

    Raises ProblemError for others, and NoSuchJob.
    """
    job_queue = job_queue_of(request)
    job = await asyncio.to_thread(job_queue.store.get, id)
    check_may_start(request, job.kind, job.parameters)
    return job_queue
