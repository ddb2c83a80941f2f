"""Reading the catalogue's tables into records and arrays, within one transaction.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from embedding.photos.photo import Box
from index.calibration.bursts import PhotoFacts
from index.catalogue.vector_check import vector_check
from index.search.rows.live_rows import LiveRows
from index.search.species import likeliest_species
from index.storage.schema import (
    CATALOGUED,
    DELETED,
    CalibrationRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
    VectorRow,
    unindexed,
)

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class CataloguePhoto:
    """One photo. `individual` None is new_whale, or, where its `state` is "waiting", nobody yet.

    `fingerprint` is the checkpoint that was asked for, where the photo has a vector of it, else
    None. `region` and `place` are its encounter's, `sex` is its individual's. A place is private.

    `mtime_ns` None: the file's time proves nothing, its content must be compared.
    """

    id: int
    name: str
    path: Path
    content_hash: str
    size_bytes: int
    mtime_ns: int | None
    individual: str | None
    species: str | None
    encounter: str | None
    taken_at: str | None
    box: Box | None
    fingerprint: str | None
    state: str = CATALOGUED
    region: str | None = None
    viewpoint: str | None = None
    place: str | None = field(default=None, repr=False)
    sex: str | None = None


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Parallel rows: photo ids, individuals (None: new_whale) and vectors (m, d).

    `facts` are what else a calibration goes by. Photos whose vectors are of no use are left out.
    """

    photo_ids: list[int]
    individuals: list[str | None]
    vectors: LiveRows
    facts: PhotoFacts


def read_photos(
    session: Session, folder: Path, fingerprint: str | None, names: Sequence[str] | None = None
) -> list[CataloguePhoto]:
    """All photos but deleted ones, sorted by name.

    Relative paths are within `folder`, the catalogue's.

    `names`: only these, MOST_BOUND of them at most.
    """
    own_vector = (VectorRow.photo_id == PhotoRow.id) & (
        VectorRow.fingerprint == (fingerprint or "")
    )
    # Columns and not PhotoRow: making that object would take most of the time.
    query = (
        select(
            PhotoRow.id,
            PhotoRow.name,
            PhotoRow.path,
            PhotoRow.content_hash,
            PhotoRow.size_bytes,
            PhotoRow.mtime_ns,
            IndividualRow.name,
            PhotoRow.species,
            EncounterRow.name,
            PhotoRow.taken_at,
            PhotoRow.box,
            VectorRow.fingerprint,
            PhotoRow.state,
            EncounterRow.region,
            PhotoRow.viewpoint,
            EncounterRow.place,
            IndividualRow.sex,
        )
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .outerjoin(VectorRow, own_vector)
        .where(PhotoRow.state != DELETED)
        .order_by(PhotoRow.name)
    )
    if names is not None:
        query = query.where(PhotoRow.name.in_(names))
    rows = cast("Iterable[Any]", session.execute(query))
    return [
        CataloguePhoto(key, name, folder / path, *facts, box and Box(*box), *more)  # pyright: ignore[reportCallIssue]
        for (key, name, path), facts, box, more in (
            (one[:3], one[3:10], one[10], one[11:]) for one in rows
        )
    ]


def damaged_vectors(session: Session, fingerprint: str) -> dict[str, str]:
    """Find the photos whose vectors of a checkpoint are of no use, with what is wrong with them.

    Deleted photos are left out. Reads every vector of the checkpoint.
    """
    check = vector_check(session, fingerprint)
    query = (
        select(PhotoRow.name, VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum)
        .join(VectorRow, VectorRow.photo_id == PhotoRow.id)
        .where(VectorRow.fingerprint == fingerprint, PhotoRow.state != DELETED)
        .order_by(PhotoRow.name)
        .execution_options(yield_per=1000)
    )
    faults = (
        (name, check.fault(photo_id, embedding, checksum, is_strict=True))
        for name, photo_id, embedding, checksum in session.execute(query)
    )
    return {name: fault for name, fault in faults if fault}


def read_vectors(session: Session, fingerprint: str) -> VectorRows:
    """The catalogued photos' vectors of one checkpoint, in the order of the photos' names."""
    check = vector_check(session, fingerprint)
    query = (
        select(
            PhotoRow.id,
            VectorRow.embedding,
            VectorRow.checksum,
            IndividualRow.name,
            EncounterRow.name,
            PhotoRow.taken_at,
            PhotoRow.perceptual_hash,
            PhotoRow.viewpoint,
        )
        .join(VectorRow, VectorRow.photo_id == PhotoRow.id)
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(VectorRow.fingerprint == fingerprint, PhotoRow.state == CATALOGUED)
        .order_by(PhotoRow.name)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    photo_ids, individuals = list[int](), list[str | None]()
    encounters, taken_at = list[str | None](), list[str | None]()
    hashes, viewpoints = list[bytes | None](), list[str | None]()

    def chunks() -> Iterator[NDArray[np.float32]]:
        for rows in session.execute(query).partitions():
            faults = check.faults([(row[0], row[1], row[2]) for row in rows])
            good = [row for row, fault in zip(rows, faults, strict=True) if not fault]
            photo_ids.extend(row[0] for row in good)
            individuals.extend(row[3] for row in good)
            encounters.extend(row[4] for row in good)
            taken_at.extend(row[5] for row in good)
            hashes.extend(hash_bytes(row[6]) for row in good)
            viewpoints.extend(row[7] for row in good)
            yield np.frombuffer(b"".join([row[1] for row in good]), "<f4").reshape(
                -1, check.dimension
            )

    vectors = LiveRows.collect(chunks(), check.dimension)
    facts = PhotoFacts(encounters, taken_at, hashes, viewpoints, read_species(session))
    return VectorRows(photo_ids, individuals, vectors, facts)


def hash_bytes(hashed: str | None) -> bytes | None:
    """A stored perceptual hash as bytes; None where there is none, or where it is damaged.

    It only helps to tell bursts, so that a damaged one is no reason to search nothing.
    """
    try:
        return None if hashed is None else bytes.fromhex(hashed)
    except ValueError:
        return None


def read_species(session: Session, individuals: Sequence[str] | None = None) -> dict[str, str]:
    """Each individual's species, where one is noted of it or of its catalogued photos.

    `individuals`: only theirs, MOST_BOUND of them at most.
    """
    of_each = select(IndividualRow.name, IndividualRow.species)
    photo_counts = (
        select(IndividualRow.name, PhotoRow.species, func.count())
        .join(PhotoRow, PhotoRow.individual_id == IndividualRow.id)
        .where(unindexed(PhotoRow.state) == CATALOGUED, PhotoRow.species.is_not(None))
        .group_by(IndividualRow.name, PhotoRow.species)
    )
    if individuals is not None:
        of_each = of_each.where(IndividualRow.name.in_(individuals))
        photo_counts = photo_counts.where(IndividualRow.name.in_(individuals))
    species_of = {row[0]: row[1] for row in session.execute(of_each)}
    return likeliest_species(
        species_of, ((row[0], row[1], row[2]) for row in session.execute(photo_counts))
    )


def read_viewpoints(session: Session) -> dict[str, str]:
    """The viewpoints of catalogued photos, by their names, where one is noted."""
    query = select(PhotoRow.name, PhotoRow.viewpoint).where(
        PhotoRow.state == CATALOGUED, PhotoRow.viewpoint.is_not(None)
    )
    return {row[0]: row[1] or "" for row in session.execute(query)}


def last_revision(session: Session) -> RevisionRow | None:
    """The newest revision, None in a catalogue without any."""
    return session.scalar(select(RevisionRow).order_by(RevisionRow.revision.desc()).limit(1))


def last_calibration(session: Session) -> dict[str, Any] | None:
    """The newest calibration that was fitted with the checkpoint of the last revision."""
    last = last_revision(session)
    if last is None:
        return None
    fitted = (
        select(CalibrationRow.calibration)
        .join(RevisionRow, RevisionRow.revision == CalibrationRow.revision)
        .where(RevisionRow.fingerprint == last.fingerprint, CalibrationRow.calibration.is_not(None))
    )
    return session.scalar(fitted.order_by(CalibrationRow.revision.desc()).limit(1))


def pending_calibration(session: Session) -> int | None:
    """The newest revision that moved a distance, where no calibration was fitted after it."""
    query = select(CalibrationRow.revision, CalibrationRow.calibration.is_(None))
    newest = session.execute(query.order_by(CalibrationRow.revision.desc()).limit(1)).first()
    return newest[0] if newest is not None and newest[1] else None
