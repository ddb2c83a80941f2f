"""/v1/changes: the catalogue's history, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from index.curation.past_events import HistoryFilter
from service.catalogue.writer import writer_of
from service.http.authorization import principal_of
from service.http.paging import page_of
from service.http.problems import BUSY, CONFLICT, INVALID, NOT_FOUND, NOT_READY, NOT_WRITABLE
from service.http.required_roles import requires
from service.schemas.curation import (
    ChangeChoices,
    Changes,
    EventAnswer,
    change_answer,
    event_answer,
)
from service.schemas.curation_requests import (
    ListCursor,
    ListLimit,
    RevisionPath,
    may_see_places,
    number_after,
)
from service.schemas.openapi import problem_responses

router = APIRouter(tags=["changes"])


@dataclass(frozen=True)
class ChangesQuery:
    """What the history is narrowed to."""

    subject: Annotated[
        str | None,
        Query(
            max_length=1000, description="Only what concerned this photo, individual or encounter."
        ),
    ] = None
    made_by: Annotated[
        str | None, Query(max_length=64, description="Only what this person or key did.")
    ] = None
    kind: Annotated[
        str | None, Query(max_length=64, description="Only events of this kind, as `confirm`.")
    ] = None
    since: Annotated[
        datetime | None,
        Query(description="Only events from this moment on, ISO 8601; UTC where it names no zone."),
    ] = None
    until: Annotated[
        datetime | None, Query(description="Only events before this moment, given likewise.")
    ] = None


@router.get(
    "/v1/changes",
    dependencies=[requires("read")],
    summary="What was done?",
    response_description="A page of events.",
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_changes(
    request: Request,
    asked: Annotated[ChangesQuery, Depends()],
    limit: ListLimit = 50,
    cursor: ListCursor = None,
) -> Changes:
    """List the events: who did what, when, and by which answer, the newest first."""
    only = HistoryFilter(asked.made_by, asked.kind, asked.since, asked.until)
    listing = f"changes {asked.subject!r} {only}"
    before = number_after(cursor, listing)
    found = await writer_of(request).read(
        lambda directory: directory.history(
            before=before, limit=limit + 1, subject=asked.subject, only=only
        )
    )
    page = page_of(found, limit, listing=listing, position=lambda one: (one.revision,))
    is_place_told = may_see_places(request)
    changes = [change_answer(one, is_place_told=is_place_told) for one in page.rows]
    return Changes(changes=changes, next=page.next_cursor)


@router.get(
    "/v1/changes/choices",
    dependencies=[requires("read")],
    summary="Whose changes are there?",
    response_description="Whom and what the history can be narrowed to.",
    responses=problem_responses(BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_choices(request: Request) -> ChangeChoices:
    """List who ever changed the catalogue, and the kinds of changes that there are."""
    found = await writer_of(request).read(lambda directory: directory.history_choices())
    return ChangeChoices(people=found.people, kinds=found.kinds)


@router.post(
    "/v1/changes/{revision}/undo",
    dependencies=[requires("curate")],
    summary="Take something back.",
    response_description="What was done.",
    responses=problem_responses(NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def undo_change(request: Request, revision: RevisionPath) -> EventAnswer:
    """Undo an event, as a new event; undoing that one does it again.

    Where later events depend on it, nothing is done, and the `conflict` problem names them.
    """
    made_by = principal_of(request)
    return event_answer(await writer_of(request).undo(revision, made_by=made_by))
