"""Where in the log of changes something was derived, and what has changed since then.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.storage.schema import (
    MOST_BOUND,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
)

_LINES = 100  # of the log, and revisions, that a digest covers
_NAMED = ("name", "region")  # columns of individuals and encounters that photos are served with


@dataclass(frozen=True, slots=True)
class LogPosition:
    """A revision, and the digest of the log up to it."""

    revision: int
    digest: str


NOWHERE = LogPosition(0, "")
"""In no catalogue's log."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The photos and individuals, by name, that revisions since another one have changed.

    Individuals by their names now and before.
    """

    photos: tuple[str, ...]
    individuals: tuple[str, ...]


def log_position(session: Session, revision: int) -> LogPosition:
    """A position with the SHA-256 of the revision's last lines, and of the revisions before it.

    It tells a catalogue's past from that of another, and from a copy's that has since gone on by
    itself. Of a revision that there never was it is another one too.
    """
    row = RevisionRow
    revisions = select(row.revision, row.at, row.fingerprint, row.kind, row.made_by, row.detail)
    revisions = revisions.where(row.revision <= revision).order_by(row.revision.desc())
    lines = select(ChangeRow.id, ChangeRow.kind, ChangeRow.photo, ChangeRow.detail)
    lines = lines.where(ChangeRow.revision == revision).order_by(ChangeRow.id.desc())
    told = [
        [list(each) for each in session.execute(query.limit(_LINES))]
        for query in (revisions, lines)
    ]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return LogPosition(revision, digest)


def lines_since(session: Session, revision: int) -> int:
    """How many lines the log has after a revision."""
    return session.scalar(select(func.count()).where(ChangeRow.revision > revision)) or 0


def touched_since(session: Session, revision: int, fingerprint: str, most: int) -> Touched | None:
    """Find what has changed after a revision that searched `fingerprint`'s vectors.

    None where the log doesn't tell it: more than `most` lines, another checkpoint in between, or
    lines of an older flukeprint, which name no rows.
    """
    later = RevisionRow.revision > revision
    others = later & (RevisionRow.fingerprint != fingerprint)
    if session.scalar(select(RevisionRow.revision).where(others).limit(1)) is not None:
        return None
    if lines_since(session, revision) > most:
        return None
    changed = ChangeRow.revision > revision
    photos, individuals = set[str](), set[str]()
    animals = set[int]()
    keys: defaultdict[str, set[int]] = defaultdict(set)
    for name, detail in session.execute(select(ChangeRow.photo, ChangeRow.detail).where(changed)):
        if "rows" not in detail:
            return None
        photos.add(name)  # or of an individual, which is then looked up in vain
        for row in detail["rows"]:
            table: str = row["table"]
            columns: set[str] = {*(row["before"] or ()), *(row["after"] or ())}
            if table == IndividualRow.__tablename__:
                individuals.update(
                    each["name"]
                    for each in (row["before"], row["after"])
                    if each and "name" in each
                )
                animals.add(row["key"])
            if table == PhotoRow.__tablename__ or any(column in columns for column in _NAMED):
                keys[table].add(row["key"])
    photos.update(_names(session, PhotoRow.name, PhotoRow.id, keys[PhotoRow.__tablename__]))
    photos.update(
        _names(session, PhotoRow.name, PhotoRow.individual_id, keys[IndividualRow.__tablename__])
    )
    photos.update(
        _names(session, PhotoRow.name, PhotoRow.encounter_id, keys[EncounterRow.__tablename__])
    )
    individuals.update(_names(session, IndividualRow.name, IndividualRow.id, animals))
    return Touched(tuple(sorted(photos)), tuple(sorted(individuals)))


def _names(session: Session, name: Any, column: Any, keys: set[int]) -> list[str]:
    ordered, found = sorted(keys), list[str]()
    for start in range(0, len(ordered), MOST_BOUND):
        is_touched = column.in_(ordered[start : start + MOST_BOUND])
        found += session.scalars(select(name).where(is_touched))
    return found
