"""What curators do to waiting photos together: each act is one event, undone as a whole.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sqlalchemy import select

from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import Revision, Values, open_revision
from index.curation.curator import (
    BadCuration,
    CurationConflict,
    Event,
    check_animal,
    checked_name,
    finish_event,
    meeting_of,
    note_encounter,
    photo_of,
)
from index.curation.review.grouping import free_names, parse_clock
from index.storage.schema import CATALOGUED, REJECTED, WAITING, EncounterRow, PhotoRow

_COPIED = ("at", "place", "region", "observer", "notes")


class Confirmed(NamedTuple):
    """Photos that are one individual's, and the answer that says so; None: a person alone does."""

    photos: Sequence[str]
    individual: str
    answer: Values | None = None


def confirm_together(
    catalogue: Catalogue,
    confirmed: Sequence[Confirmed],
    *,
    made_by: str,
    is_animal: bool = False,
) -> Event:
    """Give waiting photos to individuals, all in one event.

    An individual that isn't known yet is made. Photos that were answered `no_animal` need
    `is_animal`: a person has seen that there is one. Raises CurationConflict for a photo that
    doesn't wait any more, and then nothing has happened.
    """
    with open_revision(catalogue, kind="confirm", made_by=made_by) as act:
        for one in confirmed:
            individual = checked_name(one.individual)
            key = act.individual_id(individual)
            for name in one.photos:
                row = _waiting(act, name, "confirmed")
                check_animal(row, row.answer, is_animal=is_animal)
                meeting = meeting_of(act, row, key)
                values = {"individual_id": key, "encounter_id": meeting, "state": CATALOGUED}
                act.update(PhotoRow, row.id, values)
                after = {"state": CATALOGUED, "individual": individual}
                act.log("confirm", name, {"state": WAITING}, after)
        return finish_event(act, detail=_detail(confirmed))


def reject_together(
    catalogue: Catalogue, photos: Sequence[str], *, made_by: str, reason: str | None = None
) -> Event:
    """Reject waiting photos in one event: they show no animal that can be identified."""
    with open_revision(catalogue, kind="reject", made_by=made_by) as act:
        for name in photos:
            row = _waiting(act, name, "rejected")
            act.update(PhotoRow, row.id, {"state": REJECTED})
            act.log("reject", name, {"state": WAITING, "individual": None}, {"state": REJECTED})
        return finish_event(act, detail={"reason": reason, "photos": len(photos)})


def take_out_photos(catalogue: Catalogue, photos: Sequence[str], *, made_by: str) -> Event:
    """Give waiting photos of an encounter one of their own, with the same notes."""
    with open_revision(catalogue, kind="regroup", made_by=made_by) as act:
        rows = [_waiting(act, name, "regrouped") for name in photos]
        keys = {row.encounter_id for row in rows}
        if len(keys) != 1 or None in keys:
            raise BadCuration("these photos are not of one encounter; name photos of one")
        old = act.session.get_one(EncounterRow, rows[0].encounter_id)
        others = select(PhotoRow.id).where(
            PhotoRow.encounter_id == old.id,
            PhotoRow.state == WAITING,
            PhotoRow.id.not_in([row.id for row in rows]),
        )
        if act.session.scalar(others.limit(1)) is None:
            raise CurationConflict(
                f"nothing to take out: these are all photos of {old.name} that wait"
            )
        new = new_encounter(act, rows, old)
        _put_into(act, rows, new)
        return finish_event(act, detail={"encounter": new.name, "from": old.name})


def join_photos(
    catalogue: Catalogue, photos: Sequence[str], into: Sequence[str], *, made_by: str
) -> Event:
    """Put waiting photos into the encounter of others, `into`, which gets made if it has none."""
    with open_revision(catalogue, kind="regroup", made_by=made_by) as act:
        rows = [_waiting(act, name, "regrouped") for name in photos]
        others = [_waiting(act, name, "regrouped") for name in into]
        keys = [row.encounter_id for row in (*others, *rows) if row.encounter_id is not None]
        if keys:
            target = act.session.get_one(EncounterRow, keys[0])
        else:
            target = new_encounter(act, [*others, *rows], None)
        moved = [row for row in (*others, *rows) if row.encounter_id != target.id]
        if not moved:
            raise CurationConflict(f"nothing to join: all these photos are of {target.name}")
        _put_into(act, moved, target)
        return finish_event(act, detail={"encounter": target.name})


def _detail(confirmed: Sequence[Confirmed]) -> Values:
    photos = sum(len(one.photos) for one in confirmed)
    if len(confirmed) == 1:
        (one,) = confirmed
        return {"individual": one.individual, "answer": one.answer, "photos": photos}
    return {
        "encounters": len(confirmed),
        "individuals": len({one.individual for one in confirmed}),
        "photos": photos,
        "answers": [
            {"individual": one.individual, "answer": one.answer} for one in confirmed if one.answer
        ],
    }


def _waiting(act: Revision, name: str, participle: str) -> PhotoRow:
    row = photo_of(act, name)
    if row.state != WAITING:
        raise CurationConflict(
            f"the photo {name} is {row.state}; only waiting ones can be {participle} together"
        )
    return row


def new_encounter(
    act: Revision, rows: Sequence[PhotoRow], like: EncounterRow | None
) -> EncounterRow:
    """Make an encounter of nobody known.

    It is named by time, or else as another one or the first photo.
    """
    times = [at for row in rows if (at := parse_clock(row.taken_at)) is not None]
    if times:
        beginning = min(times).isoformat(sep=" ", timespec="minutes")
    else:
        beginning = like.name if like is not None else PurePosixPath(rows[0].name).stem
    query = select(EncounterRow.name).where(EncounterRow.name.startswith(beginning))
    name = next(free_names(beginning, set(act.session.scalars(query))))
    key = act.encounter_id(name, None)
    at = min((row.taken_at for row in rows if row.taken_at), default=None)
    notes = {"at": at} if like is None else {each: getattr(like, each) for each in _COPIED}
    note_encounter(act, key, notes)
    return act.session.get_one(EncounterRow, key)


def _put_into(act: Revision, rows: Sequence[PhotoRow], encounter: EncounterRow) -> None:
    for row in rows:
        before = act.session.get(EncounterRow, row.encounter_id) if row.encounter_id else None
        act.update(PhotoRow, row.id, {"encounter_id": encounter.id})
        names = {"encounter": before.name if before else None}
        act.log("regroup", row.name, names, {"encounter": encounter.name})
