"""Reading the photos that wait for review, with their encounters and vectors.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, case, false, or_, select
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.catalogue.vector_check import vector_check
from index.storage.connection import translating_errors
from index.storage.schema import MOST_BOUND, WAITING, EncounterRow, PhotoRow, VectorRow


@dataclass(frozen=True, slots=True)
class WaitingPhoto:
    """A photo that waits, and its encounter, if it has one.

    `vector` (d,) is of the checkpoint that was named; None where it has none of use. `place` is
    private.
    """

    key: int
    name: str
    content_hash: str
    taken_at: str | None
    species: str | None
    answer: dict[str, Any]
    encounter_key: int | None
    encounter: str | None
    at: str | None
    region: str | None
    place: str | None
    vector: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class EncounterNotes:
    """What is noted of an encounter that has photos that wait; `place` is private."""

    name: str
    at: str | None
    region: str | None
    place: str | None


@dataclass(frozen=True, slots=True)
class UploadedPhoto:
    """A photo of an upload that waits in an encounter, and what its encounter was formed by.

    All but `taken_at` are of when it came; None: not known.
    """

    name: str
    encounter: str
    sent_as: str | None
    taken_at: str | None
    camera: str | None
    decision: str | None
    nearest: str | None


_COLUMNS = (
    *(PhotoRow.id, PhotoRow.name, PhotoRow.content_hash, PhotoRow.taken_at, PhotoRow.species),
    *(PhotoRow.answer, PhotoRow.encounter_id, EncounterRow.name, EncounterRow.at),
    *(EncounterRow.region, EncounterRow.place),
)


def waiting_photos(
    catalogue: Catalogue, fingerprint: str, names: Sequence[str] | None = None
) -> list[WaitingPhoto]:
    """Read the photos that wait, by key, with one checkpoint's vectors; `names`: only of these.

    All are read at one revision. Raises BadCatalogue.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        query = select(*_COLUMNS).outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        query = query.where(PhotoRow.state == WAITING)
        if names is None:
            rows = session.execute(query).all()
        else:
            rows = [
                row
                for start in range(0, len(names), MOST_BOUND)
                for row in session.execute(
                    query.where(PhotoRow.name.in_(names[start : start + MOST_BOUND]))
                )
            ]
        vectors = _vectors(session, fingerprint, [row[0] for row in rows])
    return sorted(
        (
            WaitingPhoto(*row[:5], row[5] or {}, *row[6:], vector=vectors.get(row[0]))
            for row in rows
        ),
        key=lambda one: one.key,
    )


def waiting_encounters(catalogue: Catalogue) -> dict[int, EncounterNotes]:
    """The encounters of photos that wait, by their keys. Raises BadCatalogue."""
    row = EncounterRow
    query = (
        select(row.id, row.name, row.at, row.region, row.place)
        .join(PhotoRow, PhotoRow.encounter_id == row.id)
        .where(PhotoRow.state == WAITING)
        .distinct()
    )
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        return {
            key: EncounterNotes(name, at, region, place)
            for key, name, at, region, place in session.execute(query)
        }


def uploaded_photos(
    catalogue: Catalogue, upload: str, spans: Sequence[tuple[str, str]] | None = None
) -> list[UploadedPhoto]:
    """The photos of an upload that wait in encounters.

    `spans`: only those that were taken within one of these, each from an ISO 8601 text to another
    without offsets; None: all. Raises BadCatalogue.
    """
    answer = PhotoRow.answer
    # An answer is looked into only where the column has a day alone: that takes long for thousands.
    own = answer["photo_taken_at"].as_string()
    taken_at = case((PhotoRow.taken_at.like("%T%"), PhotoRow.taken_at), else_=own)
    query = (
        select(
            *(PhotoRow.name, EncounterRow.name, answer["photo"].as_string(), taken_at),
            *(answer["camera"].as_string(), answer["decision"].as_string()),
            answer[("matches", 0, "individual")].as_string(),
        )
        .join(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(PhotoRow.state == WAITING)
        .order_by(PhotoRow.id)
    )
    if spans is not None:
        # `~` comes after what an offset begins with.
        within = [and_(taken_at >= first, taken_at <= f"{last}~") for first, last in spans]
        query = query.where(or_(false(), *within))
    query = query.where(answer["upload"].as_string() == upload)
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        return [UploadedPhoto(*row) for row in session.execute(query)]


def encounter_names(catalogue: Catalogue, beginning: str) -> set[str]:
    """The names of encounters that begin so. Raises BadCatalogue."""
    query = select(EncounterRow.name).where(EncounterRow.name.startswith(beginning))
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        return set(session.scalars(query))


def _vectors(
    session: Session, fingerprint: str, keys: Sequence[int]
) -> dict[int, NDArray[np.float32]]:
    check = vector_check(session, fingerprint)
    found: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(keys), MOST_BOUND):
        query = select(VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum).where(
            VectorRow.photo_id.in_(keys[start : start + MOST_BOUND]),
            VectorRow.fingerprint == fingerprint,
        )
        rows = [(row[0], row[1], row[2]) for row in session.execute(query)]
        faults = check.faults(rows) if rows else []
        for (key, embedding, _), fault in zip(rows, faults, strict=True):
            if not fault:
                found[key] = np.frombuffer(embedding, "<f4")
    return found
