"""From a service's JSON to records: what is absent or of another kind is told, what is new is
passed over.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from client.errors import Problem, StrangeAnswer

Record = TypeVar("Record")
_TOLD_CHARACTERS = 200


def read_record(kind: type[Record], told: object, where: str = "the answer") -> Record:
    """Make a record of JSON values.

    Raises StrangeAnswer naming what doesn't fit; unknown names are ignored.
    """
    if not isinstance(told, dict):
        raise StrangeAnswer(f"{where} is {_short(told)}, not an object: {_ADVICE}")
    values = cast("dict[str, object]", told)
    given: dict[str, Any] = {}
    for name, (hint, is_needed) in _fields_of(kind).items():
        if name in values:
            given[name] = _read(hint, values[name], f"{where}.{name}")
        elif is_needed:
            raise StrangeAnswer(f"{where} has no {name}: {_ADVICE}")
    return kind(**given)


def read_json(body: bytes, where: str) -> object:
    """Read a body as JSON. Raises StrangeAnswer."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise StrangeAnswer(
            f"{where} is no JSON ({_short(body.decode('utf-8', 'replace'))}): {_ADVICE}"
        ) from error


def read_problem(body: bytes) -> Problem | None:
    """The problem document in a body; None where it holds none, as with a proxy's own error
    page.
    """
    try:
        return read_record(Problem, read_json(body, "the problem"), "the problem")
    except StrangeAnswer:
        return None


_ADVICE = "is this the address of a flukeprint service, and of a version as new as this client?"


@cache
def _fields_of(kind: type[Any]) -> Mapping[str, tuple[Any, bool]]:
    """The fields' names with their types, and whether an answer must have them."""
    hints = get_type_hints(kind)
    return {
        one.name: (hints[one.name], one.default is MISSING and one.default_factory is MISSING)
        for one in fields(kind)
    }


def _read(hint: Any, value: object, where: str) -> Any:
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        (wanted,) = (one for one in get_args(hint) if one is not type(None))
        return None if value is None else _read(wanted, value, where)
    if origin is tuple:
        if isinstance(value, list):
            rows = cast("list[object]", value)
            return tuple(
                _read(get_args(hint)[0], row, f"{where}[{at}]") for at, row in enumerate(rows)
            )
    elif is_dataclass(hint):
        return read_record(cast("type[Any]", hint), value, where)
    elif _is_plain(origin or hint, value):
        return float(cast("float", value)) if hint is float else value
    raise StrangeAnswer(f"{where} is {_short(value)}, which is unexpected: {_ADVICE}")


def _is_plain(hint: Any, value: object) -> bool:
    """Whether a value is of a plain kind; a new word of a Literal is let through, as a new field
    is.
    """
    if hint is Literal:
        return isinstance(value, str)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _TOLD_CHARACTERS else f"{text[:_TOLD_CHARACTERS]} ..."
