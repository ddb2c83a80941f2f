"""Sightings read from a catalogue. Part of SQLAlchemy's door.

A sighting is one meeting with one animal: an encounter with its catalogued photos. Photos without
an encounter make one sighting for each individual and day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.catalogue.life_history import LifeHistories, read_life_histories
from index.catalogue.rows import last_revision
from index.catalogue.standing_events import note_authors
from index.labels.fields import spellings_of
from index.sightings.selection import Selection
from index.storage.connection import translating_errors
from index.storage.schema import CATALOGUED, EncounterRow, IndividualRow, PhotoRow


@dataclass(frozen=True, slots=True)
class Sighting:
    """One meeting with one animal; `individual` None: nobody knows it.

    `encounter_key` and `encounter` are None where its photos name no encounter. `at` is the
    encounter's time, else that of its first photo. `place` is private. `photos` are the names of
    its catalogued photos. `notes_by` wrote the notes at `notes_at`, where the log tells it.
    """

    individual: str | None
    encounter_key: int | None
    encounter: str | None
    at: str | None
    place: str | None
    region: str | None
    observer: str | None
    notes: str | None
    species: str | None
    sex: str | None
    photos: tuple[str, ...]
    notes_by: str | None = None
    notes_at: str | None = None

    @property
    def year(self) -> int | None:
        """The year it was in; None where that isn't known."""
        return int(self.at[:4]) if self.at else None


@dataclass(frozen=True, slots=True)
class Sightings:
    """Sightings as they were at one revision, the oldest first, those without a time at the end.

    `lives` are the life histories of all individuals.
    """

    revision: int
    sightings: tuple[Sighting, ...]
    lives: LifeHistories

    def selected(self, selection: Selection) -> tuple[Sighting, ...]:
        """Those of them that are selected."""
        return tuple(
            one
            for one in self.sightings
            if selection.individual in (None, one.individual)
            and selection.has(one.at, one.species, one.region)
        )


def read_sightings(
    catalogue: Catalogue, individual: str | None = None, *, has_authors: bool = False
) -> Sightings:
    """Read all sightings, or those of one individual, in one transaction. Raises BadCatalogue.

    `has_authors`: read who wrote the notes, too.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = last_revision(session)
        rows = cast("Iterable[Any]", session.execute(_query(individual)))
        found = list(_sightings(rows))
        if has_authors:
            found = _with_authors(session, found)
        lives = read_life_histories(session)
    # Strings, so that what has no time comes last.
    found.sort(key=lambda one: (one.at is None, one.at or "", one.individual or "", one.photos[0]))
    return Sightings(last.revision if last else 0, tuple(found), lives)


def _query(individual: str | None) -> Any:
    query = (
        select(
            PhotoRow.name,
            PhotoRow.taken_at,
            PhotoRow.species,
            PhotoRow.individual_id,
            IndividualRow.name,
            IndividualRow.species,
            IndividualRow.sex,
            EncounterRow.id,
            EncounterRow.name,
            EncounterRow.at,
            EncounterRow.place,
            EncounterRow.region,
            EncounterRow.observer,
            EncounterRow.notes,
        )
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(PhotoRow.state == CATALOGUED)
        .order_by(PhotoRow.name)
    )
    if individual is None:
        return query
    return query.where(IndividualRow.name.in_(spellings_of(individual)))


def _sightings(rows: Iterable[Any]) -> Iterator[Sighting]:
    """Put photos together: their rows are those of `_query`, by name."""
    together: dict[tuple[object, ...], list[Any]] = {}
    for row in rows:
        name, taken_at, _, individual_id, *_ = row
        encounter = row[7]
        if encounter is not None:
            group: tuple[object, ...] = (individual_id, "encounter", encounter)
        elif individual_id is None:
            group = (None, "photo", name)  # two of nobody known may show two animals
        else:
            group = (individual_id, "day", (taken_at or "")[:10])
        together.setdefault(group, []).append(row)
    for own in together.values():
        yield _sighting(own)


def _sighting(rows: list[Any]) -> Sighting:
    _, _, _, _, individual, species, sex, key, encounter, at, *noted = rows[0]
    times = sorted(row[1] for row in rows if row[1])
    of_photos = next((row[2] for row in rows if row[2]), None)
    place, region, observer, notes = noted
    return Sighting(
        individual=individual,
        encounter_key=key,
        encounter=encounter,
        at=at or (times[0] if times else None),
        place=place,
        region=region,
        observer=observer,
        notes=notes,
        species=species or of_photos,
        sex=sex,
        photos=tuple(row[0] for row in rows),
    )


def _with_authors(session: Session, sightings: list[Sighting]) -> list[Sighting]:
    names = {one.encounter for one in sightings if one.notes and one.encounter}
    authors = note_authors(session, EncounterRow.__tablename__, names) if names else {}
    return [
        replace(one, notes_by=author.name, notes_at=author.at)
        if one.notes and (author := authors.get(one.encounter_key or 0)) is not None
        else one
        for one in sightings
    ]
