"""What POST /v1/jobs takes: JSON, or a form where a zip comes with it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from service.http.multipart import Form
from service.http.problems import BAD_REQUEST, NOT_MULTIPART, Fault, ProblemError, invalid
from service.jobs.archive_form import received_form
from service.jobs.folder import ArrivingUpload, JobFolder
from service.jobs.queue import KINDS
from service.schemas.jobs import JobRequest

ARCHIVE = "archive"
_JSON, _FORM = "application/json", "multipart/form-data"
_NO_TOKEN = "0" * 32  # stands for the upload while the parameters are checked
_Model = TypeVar("_Model", bound=BaseModel)


class JobForm(Form):
    """The fields of a form with a zip."""

    kind: str = Field(
        max_length=64, description="`identify` or `import`: the kinds that take a zip."
    )
    parameters: str = Field("{}", description='The parameters as JSON, such as `{"k": 3}`.')


class NewJob(NamedTuple):
    """A job to queue: its checked parameters, and its zip if one was sent."""

    kind: str
    parameters: BaseModel
    archive: ArrivingUpload | None


def request_body() -> dict[str, Any]:
    """Describe both forms of the body for the OpenAPI document."""
    form = JobForm.model_json_schema()
    archive_description = (
        "A zip of photos, folders within it allowed; for `import` with labels, or what `export` "
        "wrote."
    )
    zipped = {"type": "string", "format": "binary", "description": archive_description}
    form["properties"] = {ARCHIVE: zipped, **form["properties"]}
    form["required"] = [ARCHIVE, "kind"]
    form["title"] = "JobForm"
    job = JobRequest.model_json_schema()
    example = {"kind": "identify", "parameters": {"folder": "2026/may", "k": 5}}
    content = {_JSON: {"schema": job, "example": example}, _FORM: {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


@asynccontextmanager
async def read_request(request: Request, folder: JobFolder) -> AsyncGenerator[NewJob]:
    """Read the body by its type, a zip straight into the folder of uploads.

    At the block's end the zip is removed unless it was kept. Raises a problem that names everything
    wrong with the body.
    """
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent == _JSON:
        yield _checked_job(_valid(JobRequest, _json(await request.body())), None)
    elif sent == _FORM:
        async with received_form(request, folder, ARCHIVE) as (form, archive):
            yield _job_in_form(form, archive)
    else:
        raise ProblemError(
            NOT_MULTIPART,
            f"The body is {sent or 'of no stated type'}; send {_JSON}, or {_FORM} with a zip in "
            f"the field `{ARCHIVE}`.",
            headers={"Accept-Post": f"{_JSON}, {_FORM}"},
        )


def _job_in_form(form: FormData, archive: ArrivingUpload) -> NewJob:
    archives = [file for file in form.getlist(ARCHIVE) if isinstance(file, UploadFile)]
    if len(archives) != 1:
        reason = "send one zip in this field (with curl: -F archive=@a.zip)"
        raise invalid(Fault(field=ARCHIVE, reason=reason))
    names = [name for name in dict.fromkeys(form) if name != ARCHIVE]
    repeated = [name for name in names if len(form.getlist(name)) > 1]
    if repeated:
        reason = "given more than once; give it once"
        raise invalid(*(Fault(field=name, reason=reason) for name in repeated))
    fields = _valid(JobForm, {name: form[name] for name in names})
    parameters = _json(fields.parameters.encode())
    job = _valid(JobRequest, {"kind": fields.kind, "parameters": parameters})
    new_job = _checked_job(job, archive)
    if not archives[0].size:
        reason = "the zip has 0 bytes; look at the file and send it again"
        raise invalid(Fault(field=ARCHIVE, reason=reason))
    return new_job


def _checked_job(job: JobRequest, archive: ArrivingUpload | None) -> NewJob:
    if job.kind not in KINDS:
        raise invalid(Fault(field="kind", reason=f"{job.kind!r} is none of {', '.join(KINDS)}"))
    if "upload" in job.parameters:
        raise invalid(
            Fault(
                field="upload", reason=f"set by the service; send the zip in the field `{ARCHIVE}`"
            )
        )
    if archive is not None and not KINDS[job.kind].takes_zip:
        raise invalid(Fault(field=ARCHIVE, reason=f"a job of the kind {job.kind} takes no zip"))
    for name in ("dry_run", "again"):
        if archive is not None and name in job.parameters:
            reason = "send either a zip for a dry run, or the number of its dry run"
            raise invalid(Fault(field=name, reason=reason))
    parameters = job.parameters if archive is None else {**job.parameters, "upload": _NO_TOKEN}
    return NewJob(job.kind, _valid(KINDS[job.kind].parameters, parameters), archive)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(BAD_REQUEST, f"This is no JSON: {error}.") from error


def _valid(model: type[_Model], parameters: Any) -> _Model:
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        faults = [
            Fault(
                field=str(part["loc"][0]) if part["loc"] else None,
                reason=part["msg"].removeprefix("Value error, "),
            )
            for part in error.errors()
        ]
        raise invalid(*faults) from error
