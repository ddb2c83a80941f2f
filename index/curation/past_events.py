"""What stays true of past events, read once: the log is append-only. Part of SQLAlchemy's door."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.catalogue.standing_events import live_revisions, past_events
from index.storage.schema import ChangeRow, RevisionRow

_MOST_CACHED = 5000
_MOST_SUBJECTS = 5


@dataclass(frozen=True, slots=True)
class EventSummary:
    """How many changes an event made, by their kinds, and the first few that it was about."""

    counts: dict[str, int]
    subjects: tuple[str, ...]


class PastEvents:
    """Reads past events of one catalogue; safe from several threads.

    Counting the changes of an import takes long, and each page of the history would count again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._summaries: OrderedDict[tuple[int, str], EventSummary] = OrderedDict()
        self._live: tuple[int, frozenset[int]] = (0, frozenset())

    def live(self, session: Session) -> Set[int]:
        """The revisions that no standing one undoes."""
        last = session.scalar(select(func.max(RevisionRow.revision))) or 0
        known, live = self._live
        if known != last:
            live = frozenset(live_revisions(past_events(session)))
            self._live = last, live
        return live

    def summary(self, session: Session, row: RevisionRow) -> EventSummary:
        """What an event changed."""
        key = row.revision, row.at  # a catalogue that was put in the place of another has others
        with self._lock:
            found = self._summaries.get(key)
        if found is None:
            found = _read_summary(session, row.revision)
            with self._lock:
                self._summaries[key] = found
                while len(self._summaries) > _MOST_CACHED:
                    self._summaries.popitem(last=False)
        return found


def _read_summary(session: Session, revision: int) -> EventSummary:
    of_revision = ChangeRow.revision == revision
    subjects = (
        select(ChangeRow.photo).where(of_revision).order_by(ChangeRow.id).limit(_MOST_SUBJECTS)
    )
    counted = (
        select(ChangeRow.kind, func.count())
        .where(of_revision)
        .group_by(ChangeRow.kind)
        .order_by(ChangeRow.kind)
    )
    counts = {str(kind): int(count) for kind, count in session.execute(counted)}
    return EventSummary(counts, tuple(session.scalars(subjects)))


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Only events by one person or program, of one kind, from a moment on, before another.

    A moment without a time zone is in UTC.
    """

    made_by: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[Any]:
        """The same for a query of `RevisionRow`."""
        found: list[Any] = []
        if self.made_by is not None:
            found.append(RevisionRow.made_by == self.made_by)
        if self.kind is not None:
            found.append(RevisionRow.kind == self.kind)
        if self.since is not None:
            found.append(RevisionRow.at >= _as_stored(self.since))
        if self.until is not None:
            found.append(RevisionRow.at < _as_stored(self.until))
        return found


EVERY_EVENT = HistoryFilter()


class HistoryChoices(NamedTuple):
    """Whom and what a history can be narrowed to."""

    people: list[str]
    kinds: list[str]


def _as_stored(moment: datetime) -> str:
    # Texts of one form, in UTC, sort as their moments do.
    try:
        known = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # at either end of the calendar
        known = moment.replace(tzinfo=UTC)
    return known.isoformat(timespec="seconds").replace("+00:00", "Z")
