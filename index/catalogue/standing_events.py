"""Which past events stand: those that no later one undid. Part of SQLAlchemy's door."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from index.storage.schema import MOST_BOUND, ChangeRow, RevisionRow

EDIT = "edit"
"""The kind of an event in which a person noted something of an individual, encounter or photo."""


_FEW_BOUND = 400  # with MOST_BOUND others in one query; SQLite takes 999


@dataclass(frozen=True, slots=True)
class PastEvent:
    """One revision, as undoing looks at it."""

    revision: int
    kind: str
    undoes: int | None
    fingerprint: str


def live_revisions(past: Sequence[PastEvent]) -> set[int]:
    """The revisions that stand: those that no standing one undoes.

    `past` in the order of revisions.
    """
    live = {event.revision for event in past}
    for event in sorted(past, key=lambda event: event.revision, reverse=True):
        if event.revision in live and event.undoes is not None:
            live.discard(event.undoes)
    return live


def past_events(session: Session, *, since: int = 0) -> list[PastEvent]:
    """All revisions from `since` on, oldest first."""
    columns = (RevisionRow.revision, RevisionRow.kind, RevisionRow.undoes, RevisionRow.fingerprint)
    return [
        PastEvent(*row)
        for row in session.execute(
            select(*columns).where(RevisionRow.revision >= since).order_by(RevisionRow.revision)
        )
    ]


class Author(NamedTuple):
    """Who noted something, and when (UTC, ISO 8601)."""

    name: str | None
    at: str


def edit_lines(session: Session, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines of one kind in events of the kind `edit` that stand, oldest first.

    Each with its subject and detail.
    """
    lines = _lines_of_edits(session, ChangeRow.kind == kind)
    live = live_revisions(past_events(session)) if lines else set[int]()
    return ((line.photo, line.detail) for line in lines if line.revision in live)


def note_authors(session: Session, table: str, subjects: Collection[str]) -> dict[int, Author]:
    """Who wrote the notes of a table's rows that stand now, by the rows' keys.

    `subjects`: the names that the rows have or had.
    """
    wanted = set(subjects)
    condition = ChangeRow.kind == EDIT
    if len(wanted) <= _FEW_BOUND:  # else the lines of others are read too, and left out here
        condition &= ChangeRow.photo.in_(sorted(wanted))
    lines = [line for line in _lines_of_edits(session, condition) if line.photo in wanted]
    live = live_revisions(past_events(session)) if lines else set[int]()
    authors: dict[int, Author] = {}
    for line in lines:
        for row in line.detail.get("rows", ()) if line.revision in live else ():
            if row["table"] == table and "notes" in (row["after"] or ()):
                authors[row["key"]] = Author(line.made_by, line.at)
    return authors


def _lines_of_edits(session: Session, condition: Any) -> list[Any]:
    """The lines of the events of the kind `edit` that meet a condition, oldest first.

    Each with its revision, subject and detail, and the event's person and time. The events are
    looked up first: a join would read every line of the log, of which few are edits.
    """
    edits = session.scalars(
        select(RevisionRow.revision).where(RevisionRow.kind == EDIT).order_by(RevisionRow.revision)
    ).all()
    query = (
        select(
            *(ChangeRow.revision, ChangeRow.photo, ChangeRow.detail),
            *(RevisionRow.made_by, RevisionRow.at),
        )
        .join(RevisionRow, RevisionRow.revision == ChangeRow.revision)
        .where(condition)
        .order_by(ChangeRow.id)
    )
    return [
        line
        for start in range(0, len(edits), MOST_BOUND)
        for line in session.execute(
            query.where(ChangeRow.revision.in_(edits[start : start + MOST_BOUND]))
        )
    ]
