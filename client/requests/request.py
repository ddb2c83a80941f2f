"""One request, described once: how it goes out and how its answer is read, for whoever sends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast
from urllib.parse import quote

import httpx

from client.records.parsing import read_json, read_record
from client.records.photos import Page
from client.requests.uploads import SentFile

Answer = TypeVar("Answer")
Record = TypeVar("Record")

Sending = Literal["safe", "kept", "once"]
"""How often a request may be sent: `safe` changes nothing, `kept` is carried out once however often
it comes (the service keeps the answer by its Idempotency-Key), `once` is never repeated."""


@dataclass(frozen=True, slots=True)
class Ask(Generic[Answer]):
    """A request to the service, and how to read what is answered with success."""

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    sending: Sending
    query: Mapping[str, object] = field(default_factory=dict[str, object])
    json: Mapping[str, object] | None = None
    form: Mapping[str, object] = field(default_factory=dict[str, object])
    files: tuple[SentFile, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def given(**values: object) -> dict[str, object]:
    """What a caller has given: what was left out (None, empty) is not sent."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and value not in ((), [], "")
    }


def get(path: str, read: Callable[[httpx.Response], Answer], **query: object) -> Ask[Answer]:
    """Describe a GET; a query value of None is left out."""
    return Ask("GET", path, read, "safe", query=given(**query))


def act(
    path: str, read: Callable[[httpx.Response], Answer], json: Mapping[str, object] | None = None
) -> Ask[Answer]:
    """Describe a POST that changes something, and that the service keeps the answer of."""
    return Ask("POST", path, read, "kept", json=json)


def record_of(kind: type[Record]) -> Callable[[httpx.Response], Record]:
    """Read an answer as one record."""
    return lambda response: read_record(kind, read_json(response.content, "the answer"))


def record_with_etag(kind: type[Record]) -> Callable[[httpx.Response], Record]:
    """Read an answer as one record that has an `etag`, from the header."""

    def read(response: httpx.Response) -> Record:
        told = read_json(response.content, "the answer")
        values = cast("dict[str, object]", told) if isinstance(told, dict) else {}
        return read_record(kind, {**values, "etag": response.headers.get("etag")})

    return read


def page_of(
    kind: type[Record], rows: str, cursor: str = "next"
) -> Callable[[httpx.Response], Page[Record]]:
    """Read an answer as a page: its rows are in one field, the next page's cursor in another."""

    def read(response: httpx.Response) -> Page[Record]:
        told = read_json(response.content, "the answer")
        values = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        listed = enumerate(values.get(rows, ()))
        return Page(
            tuple(read_record(kind, row, f"the answer.{rows}[{at}]") for at, row in listed),
            values.get(cursor),
        )

    return read


def rows_of(kind: type[Record], rows: str) -> Callable[[httpx.Response], tuple[Record, ...]]:
    """Read an answer as the rows in one of its fields."""
    page = page_of(kind, rows)
    return lambda response: page(response).rows


def in_path(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="/")
