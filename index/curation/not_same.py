"""Individuals that a curator looked at and told apart: they are not suggested as one again.

Part of SQLAlchemy's door.

The log alone remembers it, so that telling apart is undone, redone and merged over as every other
event is.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import open_revision
from index.catalogue.standing_events import live_revisions, past_events
from index.curation.curator import BadCuration, CurationConflict, Event, individual_of
from index.storage.connection import translating_errors
from index.storage.schema import ChangeRow, IndividualRow, RevisionRow

_KIND = "tell apart"

Pair = tuple[str, str]


def mark_not_same(catalogue: Catalogue, one: str, other: str, *, made_by: str) -> Event:
    """Note that two individuals are not the same, as one event.

    Raises UnknownSubject for one that isn't there, CurationConflict for a merged one and for what
    is noted already.
    """
    with open_revision(catalogue, kind=_KIND, made_by=made_by) as act:
        rows = sorted((individual_of(act, one), individual_of(act, other)), key=lambda row: row.id)
        keys = (rows[0].id, rows[1].id)
        if keys[0] == keys[1]:
            raise BadCuration(f"{one} and {other} are one id; name two different individuals")
        if keys in _not_same_keys(act.session):
            raise CurationConflict(f"{one} and {other} are told apart already")
        # A line for each, so that the history of either tells it.
        act.log(_KIND, one, {}, {"individual": other, "keys": keys})
        act.log(_KIND, other, {}, {"individual": one, "keys": keys})
        act.finish(act.last_fingerprint or "", detail={"individual": one, "other": other})
        return Event(act.number, _KIND, (), ())


def not_same_pairs(catalogue: Catalogue) -> frozenset[Pair]:
    """The pairs of ids, as they are called now, that were told apart; each pair sorted.

    Raises BadCatalogue.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        keys = _not_same_keys(session)
        rows = session.execute(select(IndividualRow.id, IndividualRow.name))
        names: dict[int, str] = {row.id: row.name for row in rows}
    # An individual that an undoing took out is nobody's until redoing brings it back.
    pairs = [(names[one], names[other]) for one, other in keys if one in names and other in names]
    return frozenset((min(pair), max(pair)) for pair in pairs)


def _not_same_keys(session: Session) -> set[tuple[int, int]]:
    """Pairs of keys that standing events tell apart.

    A merged individual's goes on for who it turned out to be.
    """
    query = select(ChangeRow.revision, ChangeRow.detail).join(
        RevisionRow, RevisionRow.revision == ChangeRow.revision
    )
    lines = session.execute(query.where(RevisionRow.kind == _KIND)).all()
    if not lines:
        return set()
    live = live_revisions(past_events(session))
    led_on = select(IndividualRow.id, IndividualRow.merged_into).where(
        IndividualRow.merged_into.is_not(None)
    )
    merged: dict[int, int] = {row.id: row.merged_into for row in session.execute(led_on)}
    standing: list[list[int]] = [
        detail["after"]["keys"] for revision, detail in lines if revision in live
    ]
    pairs = [sorted(merged.get(key, key) for key in keys) for keys in standing]
    return {(one, other) for one, other in pairs if one != other}
