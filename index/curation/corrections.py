"""Curators' decisions that label files don't know: merges, moves, edits and deletions.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from embedding.photos.box import Box
from index.catalogue.catalogue import Catalogue, CataloguePhoto
from index.catalogue.standing_events import live_revisions, past_events
from index.labels.reader import LabelledPhoto
from index.storage.connection import translating_errors
from index.storage.schema import (
    DELETED,
    MOST_BOUND,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
)

Fact = str | Box | None
Replaced = Mapping[str, Mapping[str, frozenset[Fact]]]

_ACTS = (
    "move",
    "split",
    "edit",
)  # after which a photo has other facts than a label file was written with
_FACT_OF = {
    "individual_id": "individual",
    "species": "species",
    "taken_at": "taken_at",
    "box": "box",
}
_ENCOUNTER_FACT_OF = {"name": "encounter", "region": "region"}


@dataclass(frozen=True, slots=True)
class Corrections:
    """Who is called otherwise now, which photos are gone, and which have other facts.

    `names`: ids that individuals had before, and merged ones', with the id now. `deleted`: names of
    deleted photos. `replaced`: by photo and fact (individual, species, encounter, region,
    taken_at, box), what a curator put something else in place of; individuals by their names now,
    None for new_whale and for nothing noted. `deleted_contents`: the content hashes of deleted
    photos, by which an export's labels name them; not of those that another photo still shows.
    """

    names: Mapping[str, str] = field(default_factory=dict[str, str])
    deleted: frozenset[str] = frozenset()
    replaced: Replaced = field(default_factory=dict[str, Mapping[str, frozenset[Fact]]])
    deleted_contents: frozenset[str] = frozenset()

    def is_deleted(self, photo: LabelledPhoto) -> bool:
        """Whether a curator deleted the photo of this name, or of the content that it is of."""
        return photo.name in self.deleted or photo.content_hash in self.deleted_contents

    def name_now(self, individual: str | None) -> str | None:
        """What an individual is called now, whatever it was called when a label was written."""
        return individual if individual is None else self.names.get(individual, individual)

    def apply_to(self, photo: LabelledPhoto, old: CataloguePhoto) -> LabelledPhoto:
        """Replace in a known photo's label what a curator corrected.

        The label's individual is called as it is now.

        What else it says is newer than anything that was decided.
        """
        replaced = self.replaced.get(photo.name)
        if not replaced:
            return photo
        corrected = {
            fact: getattr(old, fact)
            for fact, values in replaced.items()
            if getattr(photo, fact) in values
        }
        return replace(photo, **corrected)


def read_corrections(catalogue: Catalogue) -> Corrections:
    """Read it. Raises BadCatalogue."""
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        return read_corrections_within(session)


def read_corrections_within(session: Session) -> Corrections:
    """Read it in a transaction that is open."""
    rows = session.scalars(select(IndividualRow)).all()
    name_of = {row.id: row.name for row in rows}
    now = {row.id: name_of[row.merged_into or row.id] for row in rows}
    deleted = _deleted_photos(session)
    return Corrections(
        _names(rows, now),
        frozenset(deleted),
        _replaced_facts(session, now),
        frozenset(deleted.values()) - _live_contents(session, deleted.values()),
    )


def _names(rows: Sequence[IndividualRow], now: Mapping[int, str]) -> dict[str, str]:
    others: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        for other in row.other_names or ():
            others[other].add(now[row.id])
    # A name that different individuals had is nobody's, and one that somebody has is theirs.
    names = {other: min(whose) for other, whose in others.items() if len(whose) == 1}
    names |= {row.name: now[row.id] for row in rows}
    return {name: now_called for name, now_called in names.items() if name != now_called}


def _deleted_photos(session: Session) -> dict[str, str]:
    """Photos that a curator deleted, with their content hashes.

    Not those that an update took out, nor those whose taking in was undone.
    """
    query = (
        select(ChangeRow.photo, ChangeRow.kind, ChangeRow.revision, PhotoRow.content_hash)
        .join(PhotoRow, PhotoRow.name == ChangeRow.photo)
        .where(PhotoRow.state == DELETED, ChangeRow.kind.in_(("add", "delete", "remove")))
        .order_by(ChangeRow.id)
    )
    lines = session.execute(query).all()
    if not any(line.kind == "delete" for line in lines):
        return {}
    live = live_revisions(past_events(session))
    last = {line.photo: line for line in lines if line.revision in live}
    return {name: line.content_hash for name, line in last.items() if line.kind == "delete"}


def _live_contents(session: Session, hashes: Collection[str]) -> set[str]:
    """Which of these contents a photo has that is not deleted, as that of another animal in it."""
    ordered, found = sorted(hashes), set[str]()
    for start in range(0, len(ordered), MOST_BOUND):
        some = PhotoRow.content_hash.in_(ordered[start : start + MOST_BOUND])
        query = select(PhotoRow.content_hash).where(some, PhotoRow.state != DELETED)
        found.update(session.scalars(query))
    return found


def _replaced_facts(session: Session, now: Mapping[int, str]) -> Replaced:
    """What curators' standing acts put something else in place of."""
    found: defaultdict[str, defaultdict[str, set[Fact]]] = defaultdict(lambda: defaultdict(set))
    met: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for photo, row in _changed_rows(session):
        before: dict[str, Any] = row["before"]
        if row["table"] == EncounterRow.__tablename__:
            # A label without a region says nothing of it.
            met[row["key"]] += [
                (fact, before[of]) for of, fact in _ENCOUNTER_FACT_OF.items() if before.get(of)
            ]
        elif row["table"] == PhotoRow.__tablename__:
            for column, fact in _FACT_OF.items():
                if column in before:
                    found[photo][fact].add(_fact(column, before[column], now))
    keys = sorted(met)
    for start in range(0, len(keys), MOST_BOUND):
        of_these = PhotoRow.encounter_id.in_(keys[start : start + MOST_BOUND])
        for photo, key in session.execute(
            select(PhotoRow.name, PhotoRow.encounter_id).where(of_these)
        ):
            for fact, value in met[key or 0]:
                found[photo][fact].add(value)
    return {
        photo: {fact: frozenset(values) for fact, values in facts.items()}
        for photo, facts in found.items()
    }


def _fact(column: str, value: Any, now: Mapping[int, str]) -> Fact:
    if column == "individual_id":
        return now.get(value)
    return Box(*value) if column == "box" and value is not None else value


def _changed_rows(session: Session) -> Generator[tuple[str, dict[str, Any]]]:
    """The rows that curators' standing acts changed, each with the subject of its line.

    Not those that were made.
    """
    query = select(ChangeRow.photo, ChangeRow.detail, ChangeRow.revision).where(
        ChangeRow.kind.in_(_ACTS)
    )
    lines = session.execute(query.order_by(ChangeRow.id)).all()
    live = live_revisions(past_events(session)) if lines else set[int]()
    for photo, detail, revision in lines:
        if revision in live:
            yield from (
                (photo, row) for row in detail.get("rows", ()) if row["before"] and row["after"]
            )
