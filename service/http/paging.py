"""Lists page by page, with opaque cursors that name the last row of a page."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, cast

from fastapi import Query

from service.http.problems import INVALID, Fault, ProblemError

Row = TypeVar("Row")
Position = tuple[str | int | float | None, ...]

PageLimit = Annotated[int, Query(ge=1, le=500, description="How many to answer at most.")]
PageCursor = Annotated[
    str | None,
    Query(
        max_length=2048, description="`next_cursor` of the page before; without it the first page."
    ),
]


class Page(NamedTuple, Generic[Row]):
    """The rows of one page, and the cursor of the next one where there is one."""

    rows: list[Row]
    next_cursor: str | None


def page_of(
    rows: Sequence[Row], limit: int, *, listing: str, position: Callable[[Row], Position]
) -> Page[Row]:
    """Cut one page off `limit` + 1 rows: the last row says whether there is a next page.

    `position` gives a row's place in the order: all columns that the rows are sorted by. `listing`
    names the list with its order and filters, so that no cursor of another list is accepted.
    """
    shown = list(rows[:limit])
    is_last = len(rows) <= limit
    return Page(
        shown, None if is_last or not shown else encode_cursor(position(shown[-1]), listing=listing)
    )


def encode_cursor(position: Position, *, listing: str) -> str:
    """Write a position as a text that clients send back."""
    text = json.dumps([listing, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, *, listing: str, like: Position) -> Position | None:
    """The position in a cursor, None for the first page.

    `like` is any position of this list; what comes back has as many values of the same types (a
    None in either fits). Raises ProblemError (`invalid`) for a cursor that is not one of this
    listing's.
    """
    if cursor is None:
        return None
    try:
        read: Any = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
    except (ValueError, RecursionError) as error:
        raise _foreign() from error
    if not isinstance(read, list) or read[:1] != [listing]:
        raise _foreign()
    position = tuple(cast("list[Any]", read)[1:])
    if len(position) != len(like) or not all(map(_is_same_type, position, like)):
        raise _foreign()
    return position


def _is_same_type(one: object, other: object) -> bool:
    return (
        one is None
        or (other is None and isinstance(one, str | int | float))
        or type(one) is type(other)
    )


def _foreign() -> ProblemError:
    reason = "not a cursor of this list; send the last page's `next_cursor` with the same filters"
    return ProblemError(
        INVALID, f"cursor: {reason}.", errors=[Fault(field="cursor", reason=reason)]
    )
