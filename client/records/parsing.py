"""Reads a service's JSON as records. Unknown fields are ignored, so that a newer service is read
too.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError, create_model

from client.errors import Problem, StrangeAnswer
from client.records.photos import Page

Record = TypeVar("Record")
_SHOWN_CHARACTERS = 200
_ADVICE = "is this the address of a flukeprint service, and of a version as new as this client?"


def read_record(kind: type[Record], body: bytes | str, where: str = "the answer") -> Record:
    """Read a JSON body as a record.

    Raises StrangeAnswer, naming the first field that is absent or of the wrong type.
    """
    return _read(_adapter(kind), body, where)


def read_page(kind: type[Record], body: bytes, *, rows: str, cursor: str) -> Page[Record]:
    """Read a JSON body as a page: its rows from one field, the next page's cursor from another.

    Raises StrangeAnswer as `read_record`.
    """
    page = _read(_page_adapter(kind, rows, cursor), body, "the answer")
    return Page(page.rows, page.cursor)


def read_problem(body: bytes) -> Problem | None:
    """Read a body as a problem document; None for any other, such as a proxy's error page."""
    try:
        return read_record(Problem, body)
    except StrangeAnswer:
        return None


@cache
def _adapter(kind: type[Record]) -> TypeAdapter[Record]:
    return TypeAdapter(kind)


@cache
def _page_adapter(kind: type[Any], rows: str, cursor: str) -> TypeAdapter[Any]:
    fields: dict[str, Any] = {
        "rows": (tuple[kind, ...], Field((), alias=rows)),
        "cursor": (str | None, Field(None, alias=cursor)),
    }
    return TypeAdapter(create_model("PageAnswer", **fields))


def _read(adapter: TypeAdapter[Record], body: bytes | str, where: str) -> Record:
    try:
        return adapter.validate_json(body, strict=True)
    except ValidationError as error:
        raise StrangeAnswer(f"{_fault(error, where)}: {_ADVICE}") from error


def _fault(error: ValidationError, where: str) -> str:
    """The first fault in one clause, naming the field."""
    first = error.errors(include_url=False)[0]
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]]
    field, value = where + "".join(steps), _shortened(first["input"])
    match first["type"]:
        case "json_invalid":
            return f"{field} is no JSON ({value})"
        case "missing":
            return f"{where}{''.join(steps[:-1])} has no {first['loc'][-1]}"
        case "dataclass_type" | "model_type":
            return f"{field} is {value}, not an object"
        case _:
            return f"{field} is {value}, which is unexpected"


def _shortened(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    text = text if isinstance(text, str) else repr(text)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} ..."
