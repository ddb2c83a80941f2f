"""What curators decided that label files don't know: who turned out to be whom, and what was deleted.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue import Catalogue
from index.opening import telling
from index.schema import DELETED, ChangeRow, IndividualRow, PhotoRow
from index.undoing import live_revisions, past_events


@dataclass(frozen=True, slots=True)
class Decided:
    """Who is called otherwise now, and which photos are gone.

    `names`: ids that individuals had before, and merged ones', with the id now. `away`: names of deleted photos.
    """

    names: Mapping[str, str] = field(default_factory=dict[str, str])
    away: frozenset[str] = frozenset()

    def name_now(self, individual: str | None) -> str | None:
        """What an individual is called now, whatever it was called when a label was written."""
        return individual if individual is None else self.names.get(individual, individual)


def deleted_photos(catalogue: Catalogue) -> frozenset[str]:
    """The names of the photos that a curator deleted. Raises BadCatalogue."""
    with telling(catalogue.address), Session(catalogue.engine) as session:
        return _away(session)


def read_decided(session: Session) -> Decided:
    """Read it in a transaction that is open."""
    return Decided(_names(session), _away(session))


def _names(session: Session) -> dict[str, str]:
    rows = session.scalars(select(IndividualRow)).all()
    name_of = {row.id: row.name for row in rows}
    now = {row.id: name_of[row.merged_into or row.id] for row in rows}
    others: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        for other in row.other_names or ():
            others[other].add(now[row.id])
    # A name that different individuals had is nobody's, and one that somebody has is theirs.
    names = {other: min(whose) for other, whose in others.items() if len(whose) == 1}
    names |= {row.name: now[row.id] for row in rows}
    return {name: called for name, called in names.items() if name != called}


def _away(session: Session) -> frozenset[str]:
    """Photos that a curator deleted; not those that an update took out, nor those whose taking in was undone."""
    query = (
        select(ChangeRow.photo, ChangeRow.kind, ChangeRow.revision)
        .join(PhotoRow, PhotoRow.name == ChangeRow.photo)
        .where(PhotoRow.state == DELETED, ChangeRow.kind.in_(("add", "delete", "remove")))
        .order_by(ChangeRow.id)
    )
    lines = session.execute(query).all()
    if not any(line.kind == "delete" for line in lines):
        return frozenset()
    live = live_revisions(past_events(session))
    last = {line.photo: line.kind for line in lines if line.revision in live}
    return frozenset(name for name, kind in last.items() if kind == "delete")
