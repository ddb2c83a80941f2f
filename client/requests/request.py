"""One request to a service: what to send, and how to read the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, Literal, TypeVar
from urllib.parse import quote

import httpx

from client.records.catalogue import Event, Individual
from client.records.parsing import read_page, read_record
from client.records.photos import Page
from client.requests.uploads import Upload

Answer = TypeVar("Answer")
Record = TypeVar("Record")
Tagged = TypeVar("Tagged", Event, Individual)

RetryRule = Literal["safe", "keyed", "never"]
"""Whether a request may be sent again.

`safe`: it changes nothing, so yes. `keyed`: yes, with the same Idempotency-Key; the service carries
it out once and stores the answer. `never`: no."""


@dataclass(frozen=True, slots=True)
class ServiceRequest(Generic[Answer]):
    """A request to the service, and `read`, which reads its answer."""

    method: str
    path: str
    read: Callable[[httpx.Response], Answer]
    retry: RetryRule
    query: Mapping[str, object] = field(default_factory=dict[str, object])
    json: Mapping[str, object] | None = None
    form: Mapping[str, object] = field(default_factory=dict[str, object])
    files: tuple[Upload, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def without_empty(**values: object) -> dict[str, object]:
    """Leave out the values that are None or empty, as such are not sent."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and value not in ((), [], "")
    }


def get(
    path: str, read: Callable[[httpx.Response], Answer], **query: object
) -> ServiceRequest[Answer]:
    """Describe a GET; query values that are None or empty are left out."""
    return ServiceRequest("GET", path, read, "safe", query=without_empty(**query))


def post(
    path: str, read: Callable[[httpx.Response], Answer], json: Mapping[str, object] | None = None
) -> ServiceRequest[Answer]:
    """Describe a POST that changes something; the service stores its answer for retries."""
    return ServiceRequest("POST", path, read, "keyed", json=json)


def record_of(kind: type[Record]) -> Callable[[httpx.Response], Record]:
    """Make a reader of an answer that is one record."""
    return lambda response: read_record(kind, response.content)


def record_with_etag(kind: type[Tagged]) -> Callable[[httpx.Response], Tagged]:
    """Make a reader of an answer that is one record, whose `etag` is in a header."""

    def read(response: httpx.Response) -> Tagged:
        return replace(read_record(kind, response.content), etag=response.headers.get("etag"))

    return read


def page_of(
    kind: type[Record], rows: str, cursor: str = "next"
) -> Callable[[httpx.Response], Page[Record]]:
    """Make a reader of an answer that is a page.

    The field `rows` has its rows, the field `cursor` the next page's cursor.
    """
    return lambda response: read_page(kind, response.content, rows=rows, cursor=cursor)


def rows_of(kind: type[Record], rows: str) -> Callable[[httpx.Response], tuple[Record, ...]]:
    """Make a reader of an answer that is a whole list, in the field `rows`."""
    page = page_of(kind, rows)
    return lambda response: page(response).rows


def quote_name(name: str) -> str:
    """Quote a name for use in a path; slashes stay."""
    return quote(name, safe="/")
