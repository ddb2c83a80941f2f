"""What photos are now, read after a change, so that a gallery in memory can follow it.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.catalogue.rows import (
    CataloguePhoto,
    last_revision,
    read_photos,
    read_species,
)
from index.catalogue.vector_check import vector_check
from index.search.gallery import Gallery
from index.storage.connection import translating_errors
from index.storage.schema import CATALOGUED, MOST_BOUND, WAITING, PhotoRow, VectorRow


@dataclass(frozen=True, slots=True)
class PhotoStates:
    """Some photos at the newest revision; those that are deleted are not among `photos`.

    `vectors` (d,) are the ones of the revision's checkpoint; `damaged` has the photos whose vectors
    are of no use, each with what is wrong with its vector. `viewpoints` are those of catalogued
    photos.
    """

    revision: int
    fingerprint: str
    photos: dict[str, CataloguePhoto]
    vectors: dict[str, NDArray[np.float32]]
    damaged: dict[str, str]
    viewpoints: dict[str, str]


@dataclass(frozen=True, slots=True)
class UnknownPhotos:
    """Photos of unnamed animals, catalogued or waiting, by name, with (n, d) vectors."""

    photo_names: list[str]
    vectors: NDArray[np.float32]


def read_photo_states(catalogue: Catalogue, photo_names: Sequence[str]) -> PhotoStates:
    """Read what these photos are now, all at one revision. Raises BadCatalogue."""
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        return photo_states(session, catalogue.folder, photo_names)


def photo_states(session: Session, folder: Path, photo_names: Sequence[str]) -> PhotoStates:
    """Read what these photos are in a transaction; `folder` is the catalogue's."""
    photos: dict[str, CataloguePhoto] = {}
    vectors: dict[str, NDArray[np.float32]] = {}
    damaged: dict[str, str] = {}
    viewpoints: dict[str, str] = {}
    last = last_revision(session)
    number, fingerprint = (last.revision, last.fingerprint) if last else (0, "")
    check = vector_check(session, fingerprint)
    for start in range(0, len(photo_names), MOST_BOUND):
        names = photo_names[start : start + MOST_BOUND]
        found = read_photos(session, folder, fingerprint, names)
        photos |= {one.name: one for one in found}
        # By key: SQLite would look through all vectors of the checkpoint, or all photos of a
        # state, rather than look up a few names.
        of_key = {one.id: one for one in found}
        seen_from = select(PhotoRow.id, PhotoRow.viewpoint).where(PhotoRow.id.in_(of_key))
        for key, viewpoint in session.execute(seen_from):
            if viewpoint and of_key[key].state == CATALOGUED:
                viewpoints[of_key[key].name] = viewpoint
        query = select(VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum).where(
            VectorRow.photo_id.in_(of_key), VectorRow.fingerprint == fingerprint
        )
        for key, embedding, checksum in session.execute(query):
            name, fault = of_key[key].name, check.fault(key, embedding, checksum)
            if fault:
                damaged[name] = fault
            else:
                vectors[name] = np.frombuffer(embedding, "<f4")
    return PhotoStates(number, fingerprint, photos, vectors, damaged, viewpoints)


def some_species(session: Session, individuals: Sequence[str]) -> dict[str, str]:
    """Read these individuals' species in a transaction."""
    species: dict[str, str] = {}
    for start in range(0, len(individuals), MOST_BOUND):
        species |= read_species(session, individuals[start : start + MOST_BOUND])
    return species


def refresh_gallery(gallery: Gallery, photo_names: Sequence[str], now: PhotoStates) -> Gallery:
    """Change a gallery for the photos of a change, as if it were read anew."""
    searched = {
        name: (photo.individual, now.vectors[name])
        for name, photo in now.photos.items()
        if photo.state == CATALOGUED and photo.individual is not None and name in now.vectors
    }
    rows = [vector for _, vector in searched.values()]
    return gallery.replace_photos(
        photo_names,
        list(searched),
        [individual or "" for individual, _ in searched.values()],
        np.stack(rows) if rows else np.zeros((0, gallery.dimension), np.float32),
        revision=now.revision,
    )


def unknown_photos(catalogue: Catalogue, fingerprint: str) -> UnknownPhotos:
    """Read the photos of nobody known, new_whale and waiting, with one checkpoint's vectors.

    Those that wait and were answered `no_animal` are left out. Raises BadCatalogue.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        query = (
            select(
                *(PhotoRow.name, PhotoRow.state, PhotoRow.answer),
                *(VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum),
            )
            .join(VectorRow, VectorRow.photo_id == PhotoRow.id)
            .where(VectorRow.fingerprint == fingerprint)
            .where(PhotoRow.state.in_((CATALOGUED, WAITING)), PhotoRow.individual_id.is_(None))
            .order_by(PhotoRow.name)
        )
        check = vector_check(session, fingerprint)
        rows = [
            (name, np.frombuffer(embedding, "<f4"))
            for name, state, answer, photo_id, embedding, checksum in session.execute(query)
            if not check.fault(photo_id, embedding, checksum)
            and not (state == WAITING and (answer or {}).get("decision") == "no_animal")
        ]
    vectors = np.stack([vector for _, vector in rows]) if rows else np.zeros((0, 0), np.float32)
    return UnknownPhotos([name for name, _ in rows], vectors)
