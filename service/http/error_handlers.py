"""Which problem answers which error: one table, and the handlers that use it."""

from __future__ import annotations

import errno

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from embedding.errors import FlukeprintError
from index.access.tables import AccessUnavailable
from index.catalogue.catalogue import BadCatalogue
from index.curation.curator import BadCuration, CurationConflict, UnknownSubject
from index.jobs.records import BadJobs, JobsBusy, NoSuchJob, WrongState
from index.objects.photo_store import BadStore
from index.storage.address import CatalogueAway, CatalogueBusy
from index.storage.originals import BadMedia
from service.http.own_paths import hiding_paths
from service.http.problems import (
    BAD_REQUEST,
    BUSY,
    CONFLICT,
    INTERNAL,
    INVALID,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    NOT_MULTIPART,
    NOT_READY,
    NOT_WRITABLE,
    TOO_LARGE,
    WRONG_STATE,
    Fault,
    ProblemError,
    ProblemKind,
    in_one_line,
    problem_response,
)
from service.jobs.folder import BadJobFolder

# A subclass without a row of its own is answered as its nearest base class is.
PROBLEM_KINDS: dict[type[FlukeprintError], ProblemKind] = {
    AccessUnavailable: BUSY,
    BadCatalogue: NOT_WRITABLE,
    BadCuration: INVALID,
    BadJobFolder: NOT_WRITABLE,
    BadJobs: NOT_READY,
    BadMedia: NOT_WRITABLE,
    BadStore: NOT_WRITABLE,
    CatalogueAway: BUSY,
    CatalogueBusy: BUSY,
    CurationConflict: CONFLICT,
    JobsBusy: BUSY,
    NoSuchJob: NOT_FOUND,
    UnknownSubject: NOT_FOUND,
    WrongState: WRONG_STATE,
}
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
_BY_STATUS = {
    kind.status: kind
    for kind in (BAD_REQUEST, NOT_FOUND, METHOD_NOT_ALLOWED, TOO_LARGE, NOT_MULTIPART, INVALID)
}


def problem_of(error: Exception) -> ProblemError:
    """Make the problem that answers an error of the table; its text is the error's own."""
    kind = next(PROBLEM_KINDS[each] for each in type(error).__mro__ if each in PROBLEM_KINDS)
    hint = "; GET /v1/jobs lists the jobs" if isinstance(error, NoSuchJob) else ""
    headers = {"Retry-After": "1"} if kind in (BUSY, NOT_READY) else None
    return ProblemError(kind, f"{error}{hint}.", headers=headers)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every HTTP, validation and catalogued error of the application with a problem."""
    for kind in PROBLEM_KINDS:
        app.add_exception_handler(kind, _answer_error)
    app.add_exception_handler(OSError, _answer_disk_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)


async def _answer_error(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    problem.detail = hiding_paths(request)(problem.detail)
    return _answer_problem(request, problem)


async def _answer_disk_error(request: Request, error: Exception) -> Response:
    """Answer a full or failing disk, such as that of the uploads; other errors are faults."""
    if not isinstance(error, OSError) or error.errno not in _DISK_ERRORS:
        raise error
    detail = f"The service's disk can't be written ({error.strerror}). Tell its operator."
    return _answer_problem(request, ProblemError(NOT_WRITABLE, detail))


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, ProblemError):
        return _answer_problem(request, error)
    kind = _BY_STATUS.get(error.status_code, INTERNAL)
    return problem_response(request.scope, kind, _detail(request, error), headers=error.headers)


def _detail(request: Request, error: HTTPException) -> str:
    path = request.scope["path"]
    if error.status_code == NOT_FOUND.status:
        return f"Nothing is at {path}; /docs lists what there is."
    if error.status_code == METHOD_NOT_ALLOWED.status:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.method} is not possible on {path}; use {allowed}."
    return error.detail


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [Fault(field=str(part["loc"][-1]), reason=part["msg"]) for part in error.errors()]
    return problem_response(request.scope, INVALID, in_one_line(faults), errors=faults)


def _answer_problem(request: Request, problem: ProblemError) -> Response:
    return problem_response(
        request.scope,
        problem.kind,
        problem.detail,
        errors=problem.errors,
        headers=problem.headers,
    )
