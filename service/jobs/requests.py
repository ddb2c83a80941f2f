"""What POST /v1/jobs takes: JSON, or a form where a zip comes with it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, NamedTuple, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from service.http.multipart import Form, invalid
from service.http.problems import BAD_REQUEST, NOT_MULTIPART, Fault, ProblemError
from service.jobs.queue import PARAMETERS, WITH_ZIP
from service.schemas.jobs import JobRequest

ARCHIVE = "archive"
_JSON, _FORM = "application/json", "multipart/form-data"
_NO_TOKEN = "0" * 32  # stands in for the upload while the parameters beside it are checked
_Model = TypeVar("_Model", bound=BaseModel)


class JobForm(Form):
    """The fields of a form beside its zip."""

    kind: str = Field(
        max_length=64, description="`identify` or `import`: the kinds that take a zip."
    )
    parameters: str = Field("{}", description='The parameters as JSON, such as `{"k": 3}`.')


class NewJob(NamedTuple):
    """A job that is asked for, its parameters checked, and its zip if one came."""

    kind: str
    parameters: BaseModel
    archive: BinaryIO | None


def request_body() -> dict[str, Any]:
    """Describe both forms of the body for the OpenAPI document."""
    form = JobForm.model_json_schema()
    archive_description = (
        "A zip of photos, folders within it allowed; for `import` with labels, or what "
        "`export` wrote."
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
async def read_request(request: Request) -> AsyncGenerator[NewJob]:
    """Read the body by its type and hold what was sent; raises a problem that names everything
    wrong with it.
    """
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent == _JSON:
        yield _checked_job(_valid(JobRequest, _json(await request.body())), None)
    elif sent == _FORM:
        async with request.form() as form:
            archives = [file for file in form.getlist(ARCHIVE) if isinstance(file, UploadFile)]
            if len(archives) != 1:
                raise invalid(
                    Fault(
                        field=ARCHIVE,
                        reason="send one zip in this field (with curl: -F archive=@a.zip)",
                    )
                )
            repeated = [
                name
                for name in dict.fromkeys(form)
                if name != ARCHIVE and len(form.getlist(name)) > 1
            ]
            if repeated:
                raise invalid(
                    *(
                        Fault(field=name, reason="given more than once; give it once")
                        for name in repeated
                    )
                )
            fields = {name: form.getlist(name)[-1] for name in form if name != ARCHIVE}
            read = _valid(JobForm, fields)
            job = _valid(
                JobRequest, {"kind": read.kind, "parameters": _json(read.parameters.encode())}
            )
            new_job = _checked_job(job, archives[0].file)
            if not archives[0].size:
                raise invalid(
                    Fault(
                        field=ARCHIVE,
                        reason="the zip has 0 bytes; look at the file and send it again",
                    )
                )
            yield new_job
    else:
        raise ProblemError(
            NOT_MULTIPART,
            f"The body is {sent or 'of no stated type'}; send {_JSON}, or {_FORM} with a zip in "
            f"the field `{ARCHIVE}`.",
            headers={"Accept-Post": f"{_JSON}, {_FORM}"},
        )


def _checked_job(job: JobRequest, archive: BinaryIO | None) -> NewJob:
    if job.kind not in PARAMETERS:
        raise invalid(
            Fault(field="kind", reason=f"{job.kind!r} is none of {', '.join(PARAMETERS)}")
        )
    if "upload" in job.parameters:
        raise invalid(
            Fault(
                field="upload", reason=f"set by the service; send the zip in the field `{ARCHIVE}`"
            )
        )
    if archive is not None and job.kind not in WITH_ZIP:
        raise invalid(Fault(field=ARCHIVE, reason=f"a job of the kind {job.kind} takes no zip"))
    if archive is not None and "dry_run" in job.parameters:
        raise invalid(
            Fault(
                field="dry_run",
                reason="send either a zip, to be looked at, or the job that looked at it",
            )
        )
    parameters = job.parameters if archive is None else {**job.parameters, "upload": _NO_TOKEN}
    return NewJob(job.kind, _valid(PARAMETERS[job.kind], parameters), archive)


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
