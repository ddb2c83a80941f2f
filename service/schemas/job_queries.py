"""How jobs are named in paths, and how their lists are paged."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

JobNumber = Annotated[int, Path(ge=1, lt=2**31, description="The job's number.")]
JobLimit = Annotated[int, Query(ge=1, le=500, description="The most in one answer.")]
JobCursor = Annotated[
    str | None,
    Query(
        pattern="^[0-9]{1,9}$",
        description="The `next_cursor` of the answer before; absent: the first.",
    ),
]


def row_before(cursor: str | None) -> int | None:
    """The number of the last row of the page before; None for the first page."""
    return None if cursor is None else int(cursor)
