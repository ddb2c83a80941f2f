"""Taking an event back, where nothing later depends on it. Part of SQLAlchemy's door.

The log keeps of every event what each changed row was before and what it became; undoing puts the
rows back.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import Revision, Values, open_revision
from index.catalogue.standing_events import PastEvent, live_revisions, past_events
from index.curation.curator import CurationConflict, Event, UnknownSubject
from index.storage.schema import (
    DELETED,
    MOST_BOUND,
    REJECTED,
    ChangeRow,
    PhotoRow,
    Table,
    VectorRow,
)

# Columns that lead to a row of another table.
_LEADS_TO = {
    "individual_id": "individuals",
    "encounter_id": "encounters",
    "merged_into": "individuals",
}
# A photo's row stays, so that redoing finds its vector; nothing that the event made may be held by
# it.
_NEVER_THERE: Values = {"state": DELETED, "individual_id": None, "encounter_id": None}
_KINDS = {kind.__tablename__: kind for kind in Table.__subclasses__()}


class OtherCheckpoint(CurationConflict):
    """An undoing that brings the catalogue to a checkpoint that isn't loaded.

    `fingerprint` names it.
    """

    def __init__(self, message: str, fingerprint: str) -> None:
        super().__init__(message)
        self.fingerprint = fingerprint


def undo(catalogue: Catalogue, revision: int, *, made_by: str, loaded: str | None = None) -> Event:
    """Take one event back, as a new event; undoing that one does it again.

    `loaded`: the fingerprint of the only checkpoint that can search afterwards; None: any. Raises
    UnknownSubject when there is no such event. Raises CurationConflict when the event is undone
    already, replaced a photo's content, or changed to another checkpoint than `loaded`. It is also
    raised, naming them, when later events depend on this one.
    """
    with open_revision(catalogue, kind="undo", made_by=made_by) as act:
        # Whether an event stands depends on later ones alone.
        past = past_events(act.session, since=revision - 1)
        target = next((event for event in past if event.revision == revision), None)
        if target is None:
            raise UnknownSubject(
                f"there is no revision {revision}; the last one is {act.number - 1}"
            )
        live = live_revisions(past)
        taker = next(
            (event for event in past if event.undoes == revision and event.revision in live), None
        )
        if taker is not None:
            raise CurationConflict(
                f"revision {revision} is undone already, by revision {taker.revision}"
            )
        lines = _lines(act.session, revision)
        _refuse_lost_content(revision, lines)
        rows = [row for line in lines for row in line["rows"]]
        # A later undoing of a later event changes nothing that the two together would not leave as
        # it was.
        later = [each for each in past if each.revision > revision and each.revision in live]
        later = [each for each in later if (each.undoes or 0) <= revision]
        _refuse_dependents(act.session, target, rows, later)
        _put_back(act, rows, revision)
        fingerprint = _fingerprint_after(act, target, past)
        _refuse_other_checkpoint(revision, fingerprint, loaded)
        _refuse_unsearchable(act, set(act.touched_photos()), fingerprint)
        act.finish(fingerprint, detail={"undone": target.kind}, undoes=revision)
        return Event(act.number, "undo", act.touched_photos(), act.touched_individuals())


def _lines(session: Session, revision: int) -> list[Values]:
    """What an event changed.

    Lines that name no row, of which going over to another checkpoint has one a photo, stay where
    they are: everybody waits meanwhile.
    """
    changed = (
        func.coalesce(func.json_array_length(ChangeRow.detail["rows"]), 1) > 0
    )  # 1: an older log's, refused below
    query = select(ChangeRow.kind, ChangeRow.photo, ChangeRow.detail).where(
        ChangeRow.revision == revision, changed
    )
    lines = [
        {"kind": kind, "photo": photo, **detail}
        for kind, photo, detail in session.execute(query.order_by(ChangeRow.id))
    ]
    if any("rows" not in line for line in lines):
        raise CurationConflict(
            f"revision {revision} was written by an older flukeprint, whose log is not enough "
            "to undo it"
        )
    return lines


def _refuse_lost_content(revision: int, lines: Sequence[Values]) -> None:
    for line in lines:
        # Where a curator changed the box, the log has the vectors too.
        kept = {row["key"] for row in line["rows"] if row["table"] == VectorRow.__tablename__}
        for row in line["rows"]:
            exchanged = {"content_hash", "box"} & set(row["before"] or ())
            is_kept = exchanged == {"box"} and row["key"] in kept
            if row["table"] == PhotoRow.__tablename__ and exchanged and not is_kept:
                raise CurationConflict(
                    f"revision {revision} can't be undone: the photo {line['photo']} got "
                    "another content or box in it. "
                    "Put the old file back and run `flukeprint index update`"
                )


def _refuse_dependents(
    session: Session, target: PastEvent, rows: Sequence[Values], later: Sequence[PastEvent]
) -> None:
    """Name the later events that changed what this one changed, or that need a row that it made."""
    touched = {
        (row["table"], row["key"], column)
        for row in rows
        if row["before"] is not None
        for column in row["before"]
    }
    made = {(row["table"], row["key"]) for row in rows if row["before"] is None}
    needing = [
        event
        for event in later
        if any(
            _needs(row, touched, made)
            for line in _lines(session, event.revision)
            for row in line["rows"]
        )
    ]
    if needing:
        listed = ", ".join(f"{event.revision} ({event.kind})" for event in needing[:10])
        raise CurationConflict(
            f"revision {target.revision} ({target.kind}) can't be undone: later events depend "
            "on it. Undo them first, "
            f"newest first: {listed}{' and more' if len(needing) > 10 else ''}"
        )


def _needs(row: Values, touched: set[tuple[str, int, str]], made: set[tuple[str, int]]) -> bool:
    if (row["table"], row["key"]) in made:
        return True
    values: Values = {**(row["before"] or {}), **(row["after"] or {})}
    return any(
        (row["table"], row["key"], column) in touched
        or (column in _LEADS_TO and (_LEADS_TO[column], value) in made)
        for column, value in values.items()
    )


def _refuse_dangling(act: Revision, values: Values) -> None:
    """Refuse to let a row refer to one that a later undoing took out."""
    for column, table in _LEADS_TO.items():
        key = values.get(column)
        if key is not None and act.session.get(_KINDS[table], key) is None:
            raise CurationConflict(
                f"this needs one of the {table} that a later undoing took out again; undo that "
                "undoing first"
            )


def _refuse_unsearchable(act: Revision, photos: set[str], fingerprint: str) -> None:
    """Refuse to bring back photos without a vector of the catalogue's checkpoint.

    Nobody would find them.
    """
    lacking = sorted(_without_vector(act, fingerprint, photos))
    if lacking:
        raise CurationConflict(
            f"{', '.join(lacking[:3])} would come back without a vector of the checkpoint "
            f"{fingerprint[:12]}, which "
            "the catalogue went over to meanwhile; add the photo's file again instead"
        )


def _without_vector(
    act: Revision, fingerprint: str, photos: Collection[str] | None = None
) -> set[str]:
    """The photos, but for deleted and rejected ones, that have no vector of a checkpoint.

    `photos`: only of these.
    """
    own = select(VectorRow.photo_id).where(
        VectorRow.photo_id == PhotoRow.id, VectorRow.fingerprint == fingerprint
    )
    needed = select(PhotoRow.name).where(PhotoRow.state.not_in((DELETED, REJECTED)), ~own.exists())
    if photos is None:
        return set(act.session.scalars(needed))
    lacking, names = set[str](), sorted(photos)
    for start in range(0, len(names), MOST_BOUND):
        some = PhotoRow.name.in_(names[start : start + MOST_BOUND])
        lacking.update(act.session.scalars(needed.where(some)))
    return lacking


def _put_back(act: Revision, rows: Sequence[Values], revision: int) -> None:
    """Put rows back to what they were, the last change first."""
    for row in reversed(rows):
        table, key, before = row["table"], row["key"], row["before"]
        if table == VectorRow.__tablename__:
            vectors = {name: b64decode(text) for name, text in before.items() if text is not None}
            act.exchange_vectors(key, vectors)
            continue
        if table == PhotoRow.__tablename__ and before is None:
            before = _NEVER_THERE
        if before is None:
            act.delete(_KINDS[table], key)
        elif row["after"] is None:
            _refuse_dangling(act, before)
            act.insert(_KINDS[table], {"id": key, **before})
        else:
            _refuse_dangling(act, before)
            act.update(_KINDS[table], key, before)
    act.log("undo", f"revision {revision}", {}, {})


def _refuse_other_checkpoint(revision: int, fingerprint: str, loaded: str | None) -> None:
    if loaded not in (None, fingerprint):
        raise OtherCheckpoint(
            f"undoing revision {revision} brings the catalogue back to the checkpoint "
            f"{fingerprint[:12]}, and the "
            f"loaded one is {(loaded or '')[:12]}; start with that checkpoint, then undo it",
            fingerprint,
        )


def _fingerprint_after(act: Revision, target: PastEvent, past: Sequence[PastEvent]) -> str:
    """The checkpoint to search with: the former one, where the event changed it."""
    current = act.last_fingerprint or target.fingerprint
    before = next(
        (event.fingerprint for event in past if event.revision == target.revision - 1),
        target.fingerprint,
    )
    if before == target.fingerprint:
        return current
    if current != target.fingerprint:
        raise CurationConflict(
            f"revision {target.revision} can't be undone: the catalogue has gone over to "
            "another checkpoint since; "
            "undo that first"
        )
    lacking = _without_vector(act, before)
    if lacking:
        raise CurationConflict(
            f"revision {target.revision} can't be undone: {len(lacking):,} photos that came "
            "since have no vector of "
            f"the checkpoint {before[:12]}; run `flukeprint index update` with that checkpoint"
        )
    return before
