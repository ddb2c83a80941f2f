"""What photos are now, read after a change, so that a gallery in memory can follow it.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, true
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

VectorKey = tuple[int, int | None]
"""A photo's number, and the checksum of its vector."""


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
    """Photos of unnamed animals, catalogued or waiting, by name, with (n, d) vectors.

    `keys` tell each photo and its vector from others.
    """

    photo_names: list[str]
    vectors: NDArray[np.float32]
    keys: tuple[VectorKey, ...]
    fingerprint: str

    @property
    def positions(self) -> dict[VectorKey, int]:
        """Where each photo is, by its key."""
        return {key: at for at, key in enumerate(self.keys)}


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


def unknown_photos(
    catalogue: Catalogue, fingerprint: str, before: UnknownPhotos | None = None
) -> UnknownPhotos:
    """Read the photos of nobody known, new_whale and waiting, with one checkpoint's vectors.

    Those that wait and were answered `no_animal` are left out. Vectors that were read `before` are
    not read again. Raises BadCatalogue.
    """
    at: dict[VectorKey, int] = {}
    old = np.zeros((0, 0), np.float32)
    if before is not None and before.fingerprint == fingerprint:
        at, old = before.positions, before.vectors
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        # In the database, as whole answers take long to read.
        is_blank = (PhotoRow.state == WAITING) & (
            PhotoRow.answer["decision"].as_string() == "no_animal"
        )
        query = (
            select(PhotoRow.name, VectorRow.photo_id, VectorRow.checksum)
            .join(VectorRow, VectorRow.photo_id == PhotoRow.id)
            .where(VectorRow.fingerprint == fingerprint)
            .where(PhotoRow.state.in_((CATALOGUED, WAITING)), PhotoRow.individual_id.is_(None))
            .where(is_blank.is_not(true()))
            .order_by(PhotoRow.name)
        )
        rows = [(name, (photo_id, checksum)) for name, photo_id, checksum in session.execute(query)]
        new = [photo_id for _, (photo_id, checksum) in rows if (photo_id, checksum) not in at]
        read = _sound_vectors(session, fingerprint, new)
    kept = [(name, key) for name, key in rows if key in at or key in read]
    dimension = len(next(iter(read.values()))) if read else old.shape[1]
    vectors = np.zeros((len(kept), dimension), np.float32)
    for row, (_, key) in enumerate(kept):
        vectors[row] = read[key] if key in read else old[at[key]]
    return UnknownPhotos(
        [name for name, _ in kept], vectors, tuple(key for _, key in kept), fingerprint
    )


def _sound_vectors(
    session: Session, fingerprint: str, photo_ids: Sequence[int]
) -> dict[VectorKey, NDArray[np.float32]]:
    """The vectors of photos that are as they were stored."""
    check = vector_check(session, fingerprint)
    found: dict[VectorKey, NDArray[np.float32]] = {}
    for start in range(0, len(photo_ids), MOST_BOUND):
        some = photo_ids[start : start + MOST_BOUND]
        query = select(VectorRow.photo_id, VectorRow.embedding, VectorRow.checksum).where(
            VectorRow.photo_id.in_(some), VectorRow.fingerprint == fingerprint
        )
        rows = [(row[0], row[1], row[2]) for row in session.execute(query)]
        for (key, embedding, checksum), fault in zip(rows, check.faults(rows), strict=True):
            if not fault:
                found[key, checksum] = np.frombuffer(embedding, "<f4")
    return found
