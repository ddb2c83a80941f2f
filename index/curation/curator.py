"""What curators do to a catalogue: each act is one event, made in one transaction with its effect.

Part of SQLAlchemy's door. Nothing is embedded again: merging, splitting and moving change whose a
photo is and leave its vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import select

from index.catalogue.catalogue import Catalogue
from index.catalogue.life_history import (
    LIFE_FACTS,
    BadLifeHistory,
    life_history_of,
    note_life_history,
)
from index.catalogue.revision import (
    Revision,
    TransactionCheck,
    Values,
    check_nothing,
    open_revision,
)
from index.labels.fields import in_nfc, spellings_of
from index.labels.nobody import means_nobody
from index.labels.reader import NEW_WHALE
from index.photos.embed import EmbeddedPhoto
from index.storage.address import BadCatalogue
from index.storage.schema import (
    CATALOGUED,
    DELETED,
    REJECTED,
    WAITING,
    EncounterRow,
    IndividualRow,
    PhotoRow,
)

_NOTED = ("at", "place", "region", "observer", "notes")  # of an encounter


class BadCuration(BadCatalogue):
    """An act that can't be done to this catalogue."""


class UnknownSubject(BadCuration):
    """No photo, individual, encounter or revision of that name or number."""


class CurationConflict(BadCuration):
    """An act that conflicts with the catalogue.

    A name is taken, it is so already, or later events depend on it.
    """


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its revision, and the names of the photos that it changed or renamed.

    `individuals` that it changed are named as they are now, and as they were before; None: not
    known.
    """

    revision: int
    kind: str
    photos: tuple[str, ...]
    individuals: tuple[str, ...] | None = None


class IndividualNotes(NamedTuple):
    """What is noted of an individual."""

    name: str
    display_name: str | None
    other_names: tuple[str, ...]
    species: str | None
    sex: str | None
    notes: str | None
    mother: str | None = None
    born: str | None = None
    age_class: str | None = None


class Curator:
    """Acts on one catalogue in one person's name.

    Each method is one event; on an error nothing has happened.

    Raises BadCuration for what can't be done and BadCatalogue, which that is, where the file can't
    be changed.
    """

    def __init__(
        self, catalogue: Catalogue, *, made_by: str, check: TransactionCheck = check_nothing
    ) -> None:
        """`check` is called within the transaction that takes photos in, before anything else."""
        self.catalogue = catalogue
        self.made_by = made_by
        self._check = check

    def take_in(
        self,
        photos: Sequence[EmbeddedPhoto],
        fingerprint: str,
        *,
        answers: Sequence[Values | None] = (),
        individual: str | None = None,
        columns: Values | None = None,
        encounters: Mapping[str, Values] | None = None,
    ) -> Event:
        """Add photos, to an individual or to wait for a person's decision.

        An individual that isn't there yet is made.

        `answers` are what was answered about each when it came; `columns` more of
        `index.storage.schema.PhotoRow`; `encounters` what is noted of the encounters that they
        name, by name: at, place, region, observer, notes.
        """
        with open_revision(
            self.catalogue, kind="take in" if individual is None else "enrol", made_by=self.made_by
        ) as act:
            self._check(act.session)
            _check_fingerprint(act, fingerprint)
            for at, photo in enumerate(photos):
                if act.session.scalar(_live_photo(photo.photo.name)) is not None:
                    raise CurationConflict(
                        f"there is a photo {photo.photo.name} already; give the new one another "
                        "name"
                    )
                label = replace(
                    photo.photo,
                    individual=None if individual is None else checked_name(individual),
                )
                notes = (encounters or {}).get(label.encounter or "")
                if notes:
                    whose = None if individual is None else act.individual_id(individual)
                    note_encounter(act, act.encounter_id(label.encounter, whose), notes)
                more: Values = {**(columns or {}), "answer": answers[at] if answers else None}
                state = WAITING if individual is None else CATALOGUED
                act.add(replace(photo, photo=label), fingerprint, state=state, **more)
            return finish_event(act, fingerprint=fingerprint)

    def confirm(
        self,
        photo: str,
        individual: str,
        *,
        answer: Values | None = None,
        is_animal: bool = False,
    ) -> Event:
        """Say whose a waiting (or rejected) photo is.

        An individual that isn't known yet is made. A photo that was answered `no_animal` needs
        `is_animal`: a person has seen that there is one. Raises CurationConflict.
        """
        with open_revision(self.catalogue, kind="confirm", made_by=self.made_by) as act:
            row = photo_of(act, photo)
            if row.state == CATALOGUED:
                raise CurationConflict(
                    f"the photo {photo} is catalogued already, as "
                    f"{_name_of(act, row.individual_id)}'s; move it instead"
                )
            individual = checked_name(individual)
            before, answered = {"state": row.state}, row.answer if answer is None else answer
            check_animal(row, answered, is_animal=is_animal)
            key = act.individual_id(individual)
            meeting = meeting_of(act, row, key)
            act.update(
                PhotoRow,
                row.id,
                {"individual_id": key, "encounter_id": meeting, "state": CATALOGUED},
            )
            act.log("confirm", photo, before, {"state": CATALOGUED, "individual": individual})
            return finish_event(act, detail={"individual": individual, "answer": answered})

    def reject(self, photo: str, *, reason: str | None = None) -> Event:
        """Lay a waiting photo aside: it shows no animal that can be known."""
        return self._set_state("reject", photo, REJECTED, allowed=(WAITING,), reason=reason)

    def delete(self, photo: str, *, reason: str | None = None) -> Event:
        """Take a photo out of the catalogue and of every answer from now on."""
        return self._set_state(
            "delete", photo, DELETED, allowed=(CATALOGUED, WAITING, REJECTED), reason=reason
        )

    def move(self, photos: Sequence[str], individual: str | None) -> Event:
        """Move catalogued photos to another individual, or to nobody (None: new_whale).

        An individual that isn't there yet is made.
        """
        with open_revision(self.catalogue, kind="move", made_by=self.made_by) as act:
            return _move(act, "move", photos, individual, detail={"to": individual})

    def assign(self, photos: Sequence[str], individual: str, *, is_animal: bool = False) -> Event:
        """Give photos to one individual in one event, whether they wait or are catalogued.

        Those that wait are confirmed, those of nobody known or of another individual are moved. An
        individual that isn't there yet is made. Photos that were answered `no_animal` need
        `is_animal`, as for `confirm`.
        """
        with open_revision(self.catalogue, kind="assign", made_by=self.made_by) as act:
            if not photos:
                raise BadCuration("no photo was named; name one at least")
            individual = checked_name(individual)
            key = act.individual_id(individual)
            for name in dict.fromkeys(photos):
                row = photo_of(act, name)
                if row.state == WAITING:
                    check_animal(row, row.answer, is_animal=is_animal)
                elif row.state != CATALOGUED:
                    raise CurationConflict(
                        f"the photo {name} is {row.state}; only waiting and catalogued ones can be "
                        "given to an individual"
                    )
                elif row.individual_id == key:
                    raise CurationConflict(f"the photo {name} is {individual}'s already")
                before = {"state": row.state, "individual": _name_of(act, row.individual_id)}
                kind = "confirm" if row.state == WAITING else "move"
                meeting = meeting_of(act, row, key)
                values = {"individual_id": key, "encounter_id": meeting, "state": CATALOGUED}
                act.update(PhotoRow, row.id, values)
                act.log(kind, name, before, {"state": CATALOGUED, "individual": individual})
            return finish_event(act, detail={"individual": individual})

    def split(self, individual: str, photos: Sequence[str], new: str) -> Event:
        """Give some photos of an individual to a new one: two animals had been taken for one."""
        with open_revision(self.catalogue, kind="split", made_by=self.made_by) as act:
            key = individual_of(act, individual).id
            new = checked_name(new)
            if act.is_known(new):
                raise CurationConflict(
                    f"there is an individual {new} already; move the photos to it, or give a "
                    "new name"
                )
            strangers = [name for name in photos if photo_of(act, name).individual_id != key]
            if strangers:
                raise BadCuration(
                    f"{', '.join(strangers)}: no photo of {individual}; only its own can be "
                    "split off"
                )
            own = _names_of(act, PhotoRow.individual_id == key)
            if set(own) <= set(photos):
                raise BadCuration(
                    f"these are all photos of {individual}; leave it one, or rename it"
                )
            return _move(act, "split", photos, new, detail={"individual": individual, "new": new})

    def merge(self, source: str, into: str) -> Event:
        """Merge two individuals.

        The photos and encounters of `source` become those of `into`, and its name leads there.
        """
        with open_revision(self.catalogue, kind="merge", made_by=self.made_by) as act:
            one, other = individual_of(act, source), individual_of(act, into)
            if one.id == other.id:
                raise CurationConflict(f"{source} and {into} are one individual already")
            names = _names_of(act, PhotoRow.individual_id == one.id)
            for kind in (PhotoRow, EncounterRow):
                for key in act.session.scalars(
                    select(kind.id).where(kind.individual_id == one.id)
                ).all():
                    act.update(kind, key, {"individual_id": other.id})
            for key in act.session.scalars(
                select(IndividualRow.id).where(IndividualRow.merged_into == one.id)
            ).all():
                act.update(IndividualRow, key, {"merged_into": other.id})
            others = [*(other.other_names or []), one.name, *(one.other_names or [])]
            act.update(IndividualRow, other.id, {"other_names": list(dict.fromkeys(others))})
            act.update(IndividualRow, one.id, {"merged_into": other.id})
            act.log("merge", source, {"photos": names}, {"individual": into})
            return finish_event(act, detail={"individual": source, "into": into})

    def rename(self, individual: str, new: str) -> Event:
        """Give an individual another id; the old one is kept among its other names."""
        with open_revision(self.catalogue, kind="rename", made_by=self.made_by) as act:
            row = individual_of(act, individual)
            new = checked_name(new)
            namesake = select(IndividualRow.id).where(
                IndividualRow.name.in_(spellings_of(new)), IndividualRow.id != row.id
            )
            if row.name == new or act.session.scalar(namesake) is not None:
                raise CurationConflict(
                    f"there is an individual {new} already; merge the two, or give another name"
                )
            others = [name for name in (*(row.other_names or []), row.name) if name != new]
            act.update(
                IndividualRow, row.id, {"name": new, "other_names": list(dict.fromkeys(others))}
            )
            act.log("rename", individual, {"individual": individual}, {"individual": new})
            return finish_event(act, detail={"individual": individual, "new": new})

    def edit(
        self,
        individual: str,
        columns: Values,
        *,
        check: Callable[[IndividualNotes], None] | None = None,
    ) -> Event:
        """Change what is noted of an individual: display_name, species, sex, notes, other_names.

        And of its life: mother (an individual's name), born, age_class.

        `check` is shown what is noted before, and may raise; nobody changes it between that and the
        edit.
        """
        with open_revision(self.catalogue, kind="edit", made_by=self.made_by) as act:
            row = individual_of(act, individual)
            if check is not None:
                check(
                    IndividualNotes(
                        row.name,
                        row.display_name,
                        tuple(row.other_names or ()),
                        row.species,
                        row.sex,
                        row.notes,
                        **life_history_of(act.session, row.name),
                    )
                )
            facts = {name: columns[name] for name in LIFE_FACTS if name in columns}
            if facts.get("mother") is not None:
                facts["mother"] = individual_of(act, facts["mother"])
            try:
                is_noted = bool(facts) and note_life_history(act, row, facts)
            except BadLifeHistory as error:
                raise BadCuration(str(error)) from error
            return _edit(act, IndividualRow, row.id, individual, columns, is_noted=is_noted)

    def edit_encounter(self, encounter: int, columns: Values) -> Event:
        """Change an encounter's facts, by its key: name, at, place, region, observer, notes."""
        with open_revision(self.catalogue, kind="edit", made_by=self.made_by) as act:
            row = act.session.get(EncounterRow, encounter)
            if row is None:
                raise UnknownSubject(f"there is no encounter {encounter}")
            return _edit(act, EncounterRow, encounter, row.name, columns)

    def edit_photo(self, photo: str, columns: Values) -> Event:
        """Change what is noted of a photo: species, taken_at, viewpoint, quality."""
        with open_revision(self.catalogue, kind="edit", made_by=self.made_by) as act:
            return _edit(act, PhotoRow, photo_of(act, photo).id, photo, columns)

    def _set_state(
        self, kind: str, photo: str, state: str, *, allowed: Sequence[str], reason: str | None
    ) -> Event:
        with open_revision(self.catalogue, kind=kind, made_by=self.made_by) as act:
            row = photo_of(act, photo)
            if row.state not in allowed:
                allowing = " or ".join(allowed)
                raise CurationConflict(
                    f"the photo {photo} is {row.state}; only {allowing} ones can be {kind}ed"
                )
            before = {"state": row.state, "individual": _name_of(act, row.individual_id)}
            act.update(PhotoRow, row.id, {"state": state})
            act.log(kind, photo, before, {"state": state})
            return finish_event(act, detail={"reason": reason, "answer": row.answer})


def _move(
    act: Revision, kind: str, photos: Sequence[str], individual: str | None, *, detail: Values
) -> Event:
    if not photos:
        raise BadCuration("no photo was named; name one at least")
    individual = None if individual is None else checked_name(individual)
    key = None if individual is None else act.individual_id(individual)
    is_moved = False
    for name in dict.fromkeys(photos):
        row = photo_of(act, name)
        if row.state != CATALOGUED:
            raise CurationConflict(
                f"the photo {name} is {row.state}; only catalogued ones can be moved"
            )
        before = _name_of(act, row.individual_id)
        meeting = meeting_of(act, row, key)
        is_moved |= act.update(PhotoRow, row.id, {"individual_id": key, "encounter_id": meeting})
        act.log(kind, name, {"individual": before}, {"individual": individual})
    if not is_moved:
        raise CurationConflict(
            f"nothing to move: these photos are {individual or NEW_WHALE}'s already"
        )
    return finish_event(act, detail=detail)


def meeting_of(act: Revision, row: PhotoRow, individual_id: int | None) -> int | None:
    """Find the encounter of a photo that gets another individual.

    The encounter's notes are copied to it.
    """
    before = None if row.encounter_id is None else act.session.get(EncounterRow, row.encounter_id)
    if before is None:
        return None
    meeting = act.encounter_id(before.name, individual_id)
    if meeting != before.id:
        note_encounter(act, meeting, {name: getattr(before, name) for name in _NOTED})
    return meeting


def check_animal(row: PhotoRow, answered: Values | None, *, is_animal: bool) -> None:
    """Refuse a photo that was answered `no_animal`, unless a person has seen an animal on it."""
    if not is_animal and answered and answered.get("decision") == "no_animal":
        raise CurationConflict(
            f"the photo {row.name} was answered `no_animal`; look at it, and confirm it with "
            "is_animal true where it does show the animal, or reject it"
        )


def note_encounter(act: Revision, encounter: int | None, notes: Values) -> None:
    """Note of an encounter what isn't noted of it yet."""
    row = act.session.get_one(EncounterRow, encounter)
    lacking = {
        name: value
        for name, value in notes.items()
        if value is not None and getattr(row, name) is None
    }
    if lacking:
        act.update(EncounterRow, row.id, lacking)
        act.session.refresh(row)


def _edit(
    act: Revision, kind: Any, key: int, subject: str, columns: Values, *, is_noted: bool = False
) -> Event:
    """Change a row's columns; `is_noted`: something was changed already that no column has."""
    own = {name: value for name, value in columns.items() if name not in LIFE_FACTS}
    row = act.session.get(kind, key)
    before = {name: getattr(row, name) for name in own}
    is_changed = bool(own) and act.update(kind, key, own)
    if is_changed:
        act.log("edit", subject, before, own)
    elif not is_noted:
        raise CurationConflict(f"nothing to change: {subject} is noted so already")
    return finish_event(act, detail={"subject": subject, **columns})


def finish_event(
    act: Revision, *, fingerprint: str | None = None, detail: Values | None = None
) -> Event:
    """Give an act its revision, and say what it changed."""
    fingerprint = fingerprint or act.last_fingerprint or ""
    act.finish(fingerprint, detail=detail)
    return Event(act.number, act.kind, act.touched_photos(), act.touched_individuals())


def _check_fingerprint(act: Revision, fingerprint: str) -> None:
    if act.last_fingerprint not in (None, fingerprint):
        raise CurationConflict(
            f"the catalogue's vectors are of checkpoint {(act.last_fingerprint or '')[:12]}, "
            "these photos' of "
            f"{fingerprint[:12]}; embed the photos with the catalogue's, or bring the catalogue "
            "to the other one first"
        )


def _live_photo(name: str) -> Any:
    """A query for the photo of a name, in whichever way its accents are written (NFC, NFD)."""
    return (
        select(PhotoRow)
        .where(PhotoRow.name.in_(spellings_of(name)), PhotoRow.state != DELETED)
        .order_by(PhotoRow.name != name)
    )


def photo_of(act: Revision, name: str) -> PhotoRow:
    """The row of a photo by its name. Raises UnknownSubject."""
    row = act.session.scalar(_live_photo(name))
    if row is None:
        raise UnknownSubject(
            f"the catalogue has no photo {name!r}; answers and lists name photos as `photo`"
        )
    return row


def individual_of(act: Revision, name: str) -> IndividualRow:
    """The row of an individual by its id.

    Raises UnknownSubject, and CurationConflict for a merged one.
    """
    row = act.session.scalar(
        select(IndividualRow)
        .where(IndividualRow.name.in_(spellings_of(name)))
        .order_by(IndividualRow.name != name)
    )
    if row is None:
        raise UnknownSubject(
            f"the catalogue has no individual {name!r}; answers and lists name them as `individual`"
        )
    if row.merged_into is not None:
        raise CurationConflict(
            f"{name} was merged into {_name_of(act, row.merged_into)}; act on that one"
        )
    return row


def _name_of(act: Revision, key: int | None) -> str | None:
    return (
        None
        if key is None
        else act.session.scalar(select(IndividualRow.name).where(IndividualRow.id == key))
    )


def _names_of(act: Revision, *only: Any) -> list[str]:
    query = select(PhotoRow.name).where(PhotoRow.state != DELETED, *only).order_by(PhotoRow.name)
    return list(act.session.scalars(query))


def checked_name(name: str) -> str:
    """An individual's name in NFC. Raises BadCuration for one that can't be."""
    if not name.strip() or name.strip() != name or any(ord(sign) < 32 for sign in name):
        raise BadCuration(
            f"{name!r} can't be an individual's name; give one without spaces around it, not "
            f"{NEW_WHALE}"
        )
    if means_nobody(name):
        raise BadCuration(
            f"{name!r} can't be an individual's name, for it means that nobody knows the animal; "
            "give this animal a name of its own, leave its photo in the queue, or move a "
            "catalogued photo to nobody (null)"
        )
    return in_nfc(name)
