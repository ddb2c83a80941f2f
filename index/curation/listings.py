"""Reading what curators look at: individuals, encounters, photos, the queue, the history.

Part of SQLAlchemy's door.

Lists come in pages: `after` is the last key of the page before, `limit` the most of one page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from embedding.photos.photo import Box
from index.catalogue.catalogue import Catalogue
from index.catalogue.life_history import LifeHistories, read_life_histories
from index.catalogue.standing_events import note_authors
from index.curation.names.known_names import KnownNames
from index.curation.past_events import (
    EVERY_EVENT,
    EventSummary,
    HistoryChoices,
    HistoryFilter,
    PastEvents,
)
from index.labels.fields import spellings_of
from index.labels.near_names import describe_similar_names
from index.labels.nobody import describe_resembling
from index.storage.connection import translating_errors
from index.storage.schema import (
    CATALOGUED,
    DELETED,
    WAITING,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
    unindexed,
)


@dataclass(frozen=True, slots=True)
class Individual:
    """A known animal; first and last seen on its catalogued photos.

    `merged_into` is who it turned out to be. `notes_by` wrote its notes at `notes_at`, where it is
    read alone and the log tells it.
    """

    name: str
    display_name: str | None
    other_names: tuple[str, ...]
    species: str | None
    sex: str | None
    notes: str | None
    photos: int
    first_seen: str | None
    last_seen: str | None
    cover: str | None  # the name of one of its photos
    merged_into: str | None
    mother: str | None = None
    born: str | None = None
    age_class: str | None = None
    calves: tuple[str, ...] = ()
    notes_by: str | None = None
    notes_at: str | None = None


@dataclass(frozen=True, slots=True)
class Encounter:
    """One meeting with one animal.

    `place` is private: only who may curate sees it; `region` is for everybody.
    """

    key: int
    name: str
    individual: str | None
    at: str | None
    place: str | None
    region: str | None
    observer: str | None
    notes: str | None
    photos: int


@dataclass(frozen=True, slots=True)
class PhotoCard:
    """A photo as a person works with it."""

    name: str
    individual: str | None
    state: str
    encounter: str | None
    encounter_key: int | None
    species: str | None
    taken_at: str | None
    box: Box | None
    viewpoint: str | None
    quality: str | None
    content_hash: str
    answer: dict[str, Any] | None
    key: int


@dataclass(frozen=True, slots=True)
class Act:
    """One event of the history; `is_undone` where a later one took it back."""

    revision: int
    at: str
    kind: str
    made_by: str | None
    detail: dict[str, Any]
    fingerprint: str
    undoes: int | None
    is_undone: bool
    changes: int
    subjects: tuple[str, ...]  # the first few that it was about
    counts: Mapping[str, int]  # of its changes, by their kinds


class Directory:
    """Reads one catalogue; every method is one consistent look."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._past = PastEvents()
        self._names = KnownNames()
        self._lives: tuple[int, LifeHistories] = (0, LifeHistories())

    def individuals(
        self,
        *,
        search: str = "",
        species: str | None = None,
        after: str = "",
        limit: int = 50,
        has_places: bool = False,
    ) -> list[Individual]:
        """Individuals by name; merged ones aren't listed.

        `search` finds them as `index.curation.names.known_names` does; by places, which are
        private, only where `has_places`.
        """
        query = _individuals().where(
            IndividualRow.merged_into.is_(None), IndividualRow.name > after
        )
        if species is not None:
            query = query.where(IndividualRow.species == species)
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            if search:
                found = self._names.find(
                    session, search, species=species, after=after, has_places=has_places
                )
                query = query.where(IndividualRow.name.in_(found[:limit]))
            rows = session.execute(query.order_by(IndividualRow.name).limit(limit)).all()
            lives = self._life_histories(session)
            return [_individual(session, row, lives) for row in rows]

    def _life_histories(self, session: Session) -> LifeHistories:
        """Those of the last revision, read once for it."""
        last = session.scalar(select(func.max(RevisionRow.revision))) or 0
        known, lives = self._lives
        if known != last:
            lives = read_life_histories(session)
            self._lives = last, lives
        return lives

    def individual(self, name: str) -> Individual | None:
        """One individual by its id, also a merged one; None where nobody has it."""
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            row = session.execute(
                _individuals()
                .where(IndividualRow.name.in_(spellings_of(name)))
                .order_by(IndividualRow.name != name)
            ).first()
            if row is None:
                return None
            found = _individual(session, row, self._life_histories(session))
            names = (found.name, *found.other_names)
            author = note_authors(session, IndividualRow.__tablename__, names).get(row[0].id)
            if author is None or found.notes is None:
                return found
            return replace(found, notes_by=author.name, notes_at=author.at)

    def photos(
        self,
        *,
        individual: str | None = None,
        encounter: int | None = None,
        state: str | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[PhotoCard]:
        """Photos by name, deleted ones only where `state` asks for them."""
        query = _photos().where(PhotoRow.name > after)
        query = (
            query.where(PhotoRow.state == state)
            if state
            else query.where(PhotoRow.state != DELETED)
        )
        if individual is not None:
            query = query.where(IndividualRow.name.in_(spellings_of(individual)))
        if encounter is not None:
            query = query.where(PhotoRow.encounter_id == encounter)
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            return [
                _photo(row) for row in session.execute(query.order_by(PhotoRow.name).limit(limit))
            ]

    def waiting(self, *, after: int = 0, limit: int = 50) -> list[PhotoCard]:
        """Photos that wait for a person's word, by key: the oldest first."""
        query = _photos().where(PhotoRow.state == WAITING, PhotoRow.id > after)
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            return [
                _photo(row) for row in session.execute(query.order_by(PhotoRow.id).limit(limit))
            ]

    def waiting_count(self) -> int:
        """How many photos wait."""
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            return session.scalar(select(func.count()).where(PhotoRow.state == WAITING)) or 0

    def queued_distances(self, limit: int = 2000) -> list[list[float]]:
        """The distances of the matches that photos got which wait, the newest of them, by key."""
        query = select(PhotoRow.answer).where(PhotoRow.state == WAITING)
        query = query.order_by(PhotoRow.id.desc()).limit(limit)
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            answers = list(session.scalars(query))
        return [
            [float(match["distance"]) for match in (answer or {}).get("matches", ())]
            for answer in answers
        ]

    def with_content(self, hashes: Sequence[str]) -> dict[str, PhotoCard]:
        """Of these content hashes those that are there, each with its photo.

        Deleted photos don't count.
        """
        query = _photos().where(PhotoRow.content_hash.in_(hashes), PhotoRow.state != DELETED)
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            cards = [_photo(row) for row in session.execute(query.order_by(PhotoRow.name.desc()))]
        return {card.content_hash: card for card in cards}

    def same_pictures(self, photos: Sequence[PhotoCard]) -> list[PhotoCard]:
        """Other photos of the same files as some: the other animals in them. None are deleted."""
        hashes, own = {each.content_hash for each in photos}, {each.name for each in photos}
        query = _photos().where(PhotoRow.content_hash.in_(hashes), PhotoRow.state != DELETED)
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            cards = [_photo(row) for row in session.execute(query.order_by(PhotoRow.id))]
        return [card for card in cards if card.name not in own]

    def named(self, names: Sequence[str]) -> dict[str, PhotoCard]:
        """Of these photo names those that are or were there, each with its photo."""
        query = _photos().where(PhotoRow.name.in_(names))
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            cards = [_photo(row) for row in session.execute(query)]
        return {card.name: card for card in cards}

    def photo(self, name: str) -> PhotoCard | None:
        """One photo, whatever its state; None where there never was one of that name."""
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            row = session.execute(
                _photos()
                .where(PhotoRow.name.in_(spellings_of(name)))
                .order_by(PhotoRow.name != name)
            ).first()
            return None if row is None else _photo(row)

    def encounters(
        self, *, individual: str | None = None, after: int = 0, limit: int = 50
    ) -> list[Encounter]:
        """Encounters that have photos, by key."""
        counted = select(func.count()).where(
            PhotoRow.encounter_id == EncounterRow.id, PhotoRow.state != DELETED
        )
        count = counted.scalar_subquery()
        query = (
            select(EncounterRow, IndividualRow.name, count)
            .outerjoin(IndividualRow, IndividualRow.id == EncounterRow.individual_id)
            .where(EncounterRow.id > after, count > 0)
        )
        if individual is not None:
            query = query.where(IndividualRow.name.in_(spellings_of(individual)))
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            return [
                Encounter(
                    row.id,
                    row.name,
                    name,
                    row.at,
                    row.place,
                    row.region,
                    row.observer,
                    row.notes,
                    photos,
                )
                for row, name, photos in session.execute(
                    query.order_by(EncounterRow.id).limit(limit)
                )
            ]

    def history(
        self,
        *,
        before: int | None = None,
        limit: int = 50,
        subject: str | None = None,
        only: HistoryFilter = EVERY_EVENT,
    ) -> list[Act]:
        """Events, newest first, from before revision `before` on.

        `subject`: those about one photo, individual or encounter.
        """
        query = select(RevisionRow).where(*only.conditions()).limit(limit)
        query = query.order_by(RevisionRow.revision.desc())
        if before is not None:
            query = query.where(RevisionRow.revision < before)
        if subject is not None:
            about = select(ChangeRow.revision).where(ChangeRow.photo == subject)
            query = query.where(RevisionRow.revision.in_(about))
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            live = self._past.live(session)
            rows = session.scalars(query).all()
            return [_act(row, live, self._past.summary(session, row)) for row in rows]

    def history_choices(self) -> HistoryChoices:
        """Who ever made an event, and of which kinds there are any; both sorted."""
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            people = session.scalars(select(RevisionRow.made_by).distinct())
            kinds = session.scalars(select(RevisionRow.kind).distinct())
            return HistoryChoices(sorted(filter(None, people)), sorted(kinds))

    def describe_new_name(self, name: str) -> list[str]:
        """Write what is doubtful in an individual's name: a word for nobody, or another's id.

        A name that somebody has already is told for the first alone.
        """
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            similar = self._names.similar(session, name)
        return [*describe_resembling(name), *describe_similar_names(name, similar)]

    def next_id(self, pattern: str | None = None) -> str:
        """Find the next free id: one more than the greatest of the ids that look like `pattern`.

        None: like the ids that most individuals have, `w_0001` in a catalogue that has none with a
        number.
        """
        with translating_errors(self.catalogue.address), Session(self.catalogue.engine) as session:
            return self._names.next_id(session, pattern)


def _individuals() -> Any:
    own = (PhotoRow.individual_id == IndividualRow.id) & (unindexed(PhotoRow.state) == CATALOGUED)

    def of_photos(what: Any) -> Any:
        return select(what).where(own).scalar_subquery()

    return select(
        IndividualRow,
        of_photos(func.count()),
        of_photos(func.min(PhotoRow.taken_at)),
        of_photos(func.max(PhotoRow.taken_at)),
        of_photos(func.min(PhotoRow.name)),
    )


def _individual(session: Session, row: Any, lives: LifeHistories) -> Individual:
    one, photos, first_seen, last_seen, cover = row
    life = lives.of_individual(one.name)
    target = None if one.merged_into is None else session.get(IndividualRow, one.merged_into)
    return Individual(
        name=one.name,
        display_name=one.display_name,
        other_names=tuple(one.other_names or ()),
        species=one.species,
        sex=one.sex,
        notes=one.notes,
        photos=photos,
        first_seen=first_seen,
        last_seen=last_seen,
        cover=cover,
        merged_into=None if target is None else target.name,
        mother=life.mother,
        born=life.born,
        age_class=life.age_class,
        calves=lives.calves.get(one.name, ()),
    )


def _photos() -> Any:
    return (
        select(PhotoRow, IndividualRow.name, EncounterRow.name)
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
    )


def _photo(row: Any) -> PhotoCard:
    photo, individual, encounter = row
    return PhotoCard(
        name=photo.name,
        individual=individual,
        state=photo.state,
        encounter=encounter,
        encounter_key=photo.encounter_id,
        species=photo.species,
        taken_at=photo.taken_at,
        box=None if photo.box is None else Box(*photo.box),
        viewpoint=photo.viewpoint,
        quality=photo.quality,
        content_hash=photo.content_hash,
        answer=photo.answer,
        key=photo.id,
    )


def _act(row: RevisionRow, live: Set[int], summary: EventSummary) -> Act:
    counts = summary.counts
    return Act(
        revision=row.revision,
        at=row.at,
        kind=row.kind,
        made_by=row.made_by,
        detail=row.detail or {},
        fingerprint=row.fingerprint,
        undoes=row.undoes,
        is_undone=row.revision not in live,
        changes=sum(counts.values()),
        subjects=summary.subjects,
        counts=counts,
    )
