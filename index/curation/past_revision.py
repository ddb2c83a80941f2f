"""The gallery as it was at an earlier revision, so that a past answer can be asked again.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from index.calibration.bursts import PhotoFacts
from index.calibration.calibration import Calibration
from index.calibration.fitting import calibrate
from index.catalogue.catalogue import Catalogue
from index.catalogue.rows import hash_bytes
from index.catalogue.vector_check import vector_check
from index.curation.curator import CurationConflict, UnknownSubject
from index.search.gallery import Gallery
from index.search.species import likeliest_species
from index.storage.connection import translating_errors
from index.storage.schema import (
    CATALOGUED,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
    VectorRow,
)

_Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PastPhoto:
    """What the gallery of an earlier revision knew of a photo beside its vector."""

    individual: str
    species: str | None
    taken_at: str | None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class PastCatalogue:
    """A catalogue as it was searched at an earlier revision; `photos` by name are the gallery's.

    The calibration is fitted to its photos as they were. `species` are individuals', `viewpoints`
    photos', where one was noted.
    """

    gallery: Gallery
    calibration: Calibration
    photos: dict[str, PastPhoto]
    species: dict[str, str]
    viewpoints: dict[str, str]


@dataclass(slots=True)
class _Past:
    """What photos and individuals were, and encounters' regions, by key.

    A photo that wasn't there yet has no entry.

    `exchanged`: photos whose content or box is another since, so that their vectors are, too.
    `vectors`: those that the log has of such a photo, as base64 by checkpoint.
    """

    photos: dict[int, _Columns]
    names: dict[int, str]
    species: dict[int, str | None]
    regions: dict[int, str | None]
    exchanged: set[int]
    vectors: dict[int, Mapping[str, str | None]]


def searchable_as_of(catalogue: Catalogue, revision: int) -> tuple[Gallery, Calibration]:
    """The gallery and calibration of an earlier revision; raises as `past_catalogue`."""
    past = past_catalogue(catalogue, revision)
    return past.gallery, past.calibration


def past_catalogue(catalogue: Catalogue, revision: int) -> PastCatalogue:
    """The gallery and calibration of an earlier revision, and what its photos were.

    Raises UnknownSubject when there was no such revision, and CurationConflict when its vectors are
    no longer all there: a photo's file was exchanged since, or the log was begun by an older
    flukeprint.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        row = session.get(RevisionRow, revision)
        if row is None:
            raise UnknownSubject(
                f"there is no revision {revision}; the last one is {catalogue.revision}"
            )
        past = _at(session, revision)
        labelled = {
            key: (columns["name"], past.names[columns["individual_id"]])
            for key, columns in past.photos.items()
            if columns["state"] == CATALOGUED and columns["individual_id"] is not None
        }
        nobody = {
            key
            for key, columns in past.photos.items()
            if columns["state"] == CATALOGUED and columns["individual_id"] is None
        }
        there = (labelled.keys() | nobody) - past.exchanged
        vectors = _vectors(session, row.fingerprint, there) | _logged_vectors(
            past, row.fingerprint, labelled.keys() | nobody
        )
    lacking = sorted(labelled[key][0] for key in labelled if key not in vectors)
    if lacking:
        raise CurationConflict(
            f"revision {revision} can't be asked any more: the vectors of {len(lacking)} of its "
            "photos were replaced "
            f"since, or are damaged ({', '.join(lacking[:3])})"
        )
    keys = list(labelled)
    dimension = len(next(iter(vectors.values()))) if vectors else 0
    rows = (
        np.stack([vectors[key] for key in keys]) if keys else np.zeros((0, dimension), np.float32)
    )
    gallery = Gallery.build(
        [labelled[key][0] for key in keys],
        [labelled[key][1] for key in keys],
        rows,
        fingerprint=row.fingerprint,
        revision=revision,
    )
    photos = {
        name: PastPhoto(
            individual,
            past.photos[key]["species"],
            past.photos[key]["taken_at"],
            past.regions.get(past.photos[key]["encounter_id"]),
        )
        for key, (name, individual) in labelled.items()
    }
    noted = {past.names[key]: species for key, species in past.species.items()}
    species = likeliest_species(
        noted, ((one.individual, one.species, 1) for one in photos.values())
    )
    tried = [*keys, *(key for key in sorted(nobody) if key in vectors)]
    calibration = calibrate(
        np.stack([vectors[key] for key in tried]) if tried else rows,
        [labelled[key][1] if key in labelled else None for key in tried],
        facts=PhotoFacts(
            encounters=[_as_text(past.photos[key]["encounter_id"]) for key in tried],
            taken_at=[past.photos[key]["taken_at"] for key in tried],
            hashes=[hash_bytes(past.photos[key]["perceptual_hash"]) for key in tried],
            viewpoints=[past.photos[key]["viewpoint"] for key in tried],
            species=species,
        ),
    )
    viewpoints = {
        name: past.photos[key]["viewpoint"]
        for key, (name, _) in labelled.items()
        if past.photos[key]["viewpoint"]
    }
    return PastCatalogue(gallery, calibration, photos, species, viewpoints)


def _as_text(key: int | None) -> str | None:
    return None if key is None else str(key)


def _at(session: Session, revision: int) -> _Past:
    """The present, with every later change turned back, the newest first."""
    columns = [
        *(PhotoRow.name, PhotoRow.individual_id, PhotoRow.encounter_id, PhotoRow.state),
        *(PhotoRow.species, PhotoRow.taken_at, PhotoRow.viewpoint, PhotoRow.perceptual_hash),
    ]
    photos: dict[int, _Columns] = {
        row.id: {column.key: getattr(row, column.key) for column in columns}
        for row in session.execute(select(PhotoRow.id, *columns))
    }
    individuals = session.execute(
        select(IndividualRow.id, IndividualRow.name, IndividualRow.species)
    ).all()
    names, species = (
        {row[0]: row[1] for row in individuals},
        {row[0]: row[2] for row in individuals},
    )
    regions = {
        row[0]: row[1] for row in session.execute(select(EncounterRow.id, EncounterRow.region))
    }
    exchanged: set[int] = set()
    vectors: dict[int, Mapping[str, str | None]] = {}
    later = (
        select(ChangeRow.detail).where(ChangeRow.revision > revision).order_by(ChangeRow.id.desc())
    )
    for detail in session.scalars(later.execution_options(yield_per=1000)):
        if "rows" not in detail:
            raise CurationConflict(
                f"revision {revision} is of an older flukeprint, whose log is not enough to go "
                "back to it"
            )
        kept = {
            row["key"]: row["before"]
            for row in detail["rows"]
            if row["table"] == VectorRow.__tablename__
        }
        for row in reversed(detail["rows"]):
            if row["table"] == PhotoRow.__tablename__:
                _turn_back(photos, row)
                if {"content_hash", "box"} & set(row["before"] or ()):
                    exchanged.add(row["key"])
                    vectors.pop(row["key"], None)  # a later change's
            elif row["table"] == IndividualRow.__tablename__:
                before: _Columns = row["before"] or {}
                names |= {row["key"]: before["name"]} if "name" in before else {}
                species |= {row["key"]: before["species"]} if "species" in before else {}
            elif row["table"] == EncounterRow.__tablename__ and "region" in (row["before"] or {}):
                regions[row["key"]] = row["before"]["region"]
        vectors |= kept
        exchanged |= kept.keys()
    return _Past(photos, names, species, regions, exchanged, vectors)


def _logged_vectors(
    past: _Past, fingerprint: str, photo_ids: Set[int]
) -> dict[int, NDArray[np.float32]]:
    texts = {key: past.vectors[key].get(fingerprint) for key in past.vectors.keys() & photo_ids}
    return {
        key: np.frombuffer(b64decode(text), "<f4")
        for key, text in texts.items()
        if text is not None
    }


def _turn_back(photos: dict[int, _Columns], row: _Columns) -> None:
    if row["before"] is None:
        photos.pop(row["key"], None)
    else:
        photos[row["key"]].update(
            {name: row["before"][name] for name in photos[row["key"]] if name in row["before"]}
        )


def _vectors(
    session: Session, fingerprint: str, photo_ids: Set[int]
) -> dict[int, NDArray[np.float32]]:
    query = select(VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum).where(
        VectorRow.fingerprint == fingerprint
    )
    rows = session.execute(query.execution_options(yield_per=1000))
    check = vector_check(session, fingerprint)
    return {
        key: np.frombuffer(embedding, "<f4")
        for key, embedding, checksum in rows
        if key in photo_ids and not check.fault(key, embedding, checksum)
    }
