"""Multipart forms: what a route takes, read whole, or refused with every field that is wrong."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from service.http.problems import NOT_MULTIPART, Fault, ProblemError, invalid

PHOTOS = "photos"


class Form(BaseModel):
    """The fields of a form beside its files.

    An unknown field is an error; a tuple is a field that may be repeated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileField(NamedTuple):
    """A field that takes files, `most` of them (None: as many as the service's settings allow)."""

    name: str
    description: str
    most: int | None = None
    is_needed: bool = True


class Upload(NamedTuple):
    """One photo of a request, not yet read.

    `field` is set where the name and position don't identify the photo.
    """

    name: str
    file: BinaryIO
    field: str | None = None


_KINDS_TAKEN = "(JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF; HEIC where installed)"
PHOTOS_FIELD = FileField(PHOTOS, f"One photo or several, as files {_KINDS_TAKEN}.")
REFERENCE_FIELD = FileField(
    "reference", f"The photo to compare with, as a file {_KINDS_TAKEN}.", 1, is_needed=False
)

FormModel = TypeVar("FormModel", bound=Form)


def request_body(title: str, form: type[Form], *files: FileField) -> dict[str, Any]:
    """Describe a form for the OpenAPI document: the files first, then the form's own fields."""
    schema = form.model_json_schema()
    schema["properties"] = {
        **{each.name: _file_schema(each) for each in files},
        **schema.get("properties", {}),
    }
    schema["required"] = [each.name for each in files if each.is_needed] + schema.get(
        "required", []
    )
    schema["title"] = title
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


def _file_schema(field: FileField) -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    if field.most == 1:
        return {**file, "description": field.description}
    return {"type": "array", "items": file, "minItems": 1, "description": field.description}


@asynccontextmanager
async def sent_form(request: Request) -> AsyncGenerator[FormData]:
    """Hold what was sent, its files open; refuses a body that is no multipart form."""
    sent = request.headers.get("content-type", "")
    if sent.partition(";")[0].strip().lower() != "multipart/form-data":
        raise ProblemError(
            NOT_MULTIPART,
            f"The body is {sent or 'of no stated type'}; send multipart/form-data with the photos "
            f"in the field `{PHOTOS}`, as `curl -F photos=@fluke.jpg` does.",
            headers={"Accept-Post": "multipart/form-data"},
        )
    async with request.form() as form:
        yield form


def uploads_in(sent: FormData, field: FileField, max_photos: int) -> list[Upload]:
    """Return the files of one field.

    There may be `max_photos` where the field itself sets no limit.
    """
    photos = sent.getlist(field.name)
    most = max_photos if field.most is None else field.most
    if not photos and field.is_needed:
        raise invalid(
            Fault(
                field=field.name, reason="no photo was sent; send at least one file in this field"
            )
        )
    if len(photos) > most:
        reason = (
            f"{len(photos)} photos in one request; at most {most} are taken, so send several "
            "requests"
        )
        raise invalid(Fault(field=field.name, reason=reason))
    if not all(isinstance(photo, UploadFile) for photo in photos):
        example = f"-F {field.name}=@fluke.jpg"
        raise invalid(
            Fault(field=field.name, reason=f"holds text; send a file (with curl: {example})")
        )
    files = cast("list[UploadFile]", photos)
    named = None if field.name == PHOTOS else field.name
    return [
        Upload(file.filename or f"photo {at}", file.file, named) for at, file in enumerate(files)
    ]


def read_form(sent: FormData, form: type[FormModel], *files: FileField) -> FormModel:
    """Read the fields beside the files.

    Raises an `invalid` problem that names everything wrong with them.
    """
    faults = _misplaced(sent, form, files)
    fields: dict[str, Any] = {}
    for name in form.model_fields:
        values = [value for value in sent.getlist(name) if isinstance(value, str)]
        if values:
            fields[name] = values if _is_repeated(form, name) else values[-1]
    try:
        read = form.model_validate(fields)
    except ValidationError as error:
        faults += [
            Fault(field=_field(part["loc"]), reason=_reason(part["msg"])) for part in error.errors()
        ]
        raise invalid(*faults) from error
    if faults:
        raise invalid(*faults)
    return read


def _misplaced(sent: FormData, form: type[Form], files: Sequence[FileField]) -> list[Fault]:
    """Find fields that are unknown, repeated, or sent as files."""
    known = (*(each.name for each in files), *form.model_fields)
    faults = [
        Fault(field=name, reason=f"unknown; the fields are {', '.join(known)}")
        for name in dict.fromkeys(sent)
        if name not in known
    ]
    for name in form.model_fields:
        values = sent.getlist(name)
        if len(values) > 1 and not _is_repeated(form, name):
            faults.append(Fault(field=name, reason=f"given {len(values)} times; give it once"))
        elif not all(isinstance(value, str) for value in values):
            faults.append(Fault(field=name, reason="came as a file; send it as text"))
    return faults


def _is_repeated(form: type[Form], name: str) -> bool:
    return get_origin(form.model_fields[name].annotation) is tuple


def _field(location: tuple[int | str, ...]) -> str:
    return str(location[0]) if location else "max_fpir, threshold"


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")
