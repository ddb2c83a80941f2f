"""A catalogue's rows as they are stored, for copying and checking them: deleted photos too.

Part of SQLAlchemy's door.

What is read here makes no sense to a curator; see `directory.py` for that.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.catalogue.rows import CataloguePhoto, last_revision, read_photos
from index.catalogue.vector_check import VectorCheck, vector_check
from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine, translating_errors
from index.storage.schema import EncounterRow, PhotoRow, VectorRow, writing


@contextmanager
def _connected(address: CatalogueAddress) -> Generator[Connection]:
    engine = open_engine(address)
    try:
        with translating_errors(address), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def stored_photos(address: CatalogueAddress) -> list[tuple[int, str, str, str, str]]:
    """All photos as they are stored, deleted ones too: key, name, path, content hash, state.

    Raises BadCatalogue.
    """
    query = select(PhotoRow.id, PhotoRow.name, PhotoRow.path, PhotoRow.content_hash, PhotoRow.state)
    with _connected(address) as connection:
        return [(*row,) for row in connection.execute(query.order_by(PhotoRow.name))]


@dataclass(frozen=True, slots=True)
class ExportedRows:
    """What an export is made of, as it was at one moment.

    `places` by photo name, of encounters that have one.
    """

    revision: int
    photos: list[CataloguePhoto]
    places: dict[str, str]


def read_export_rows(catalogue: Catalogue) -> ExportedRows:
    """Read a catalogue's photos and places in one transaction. Raises BadCatalogue."""
    places = select(PhotoRow.name, EncounterRow.place).join(
        EncounterRow, EncounterRow.id == PhotoRow.encounter_id
    )
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = last_revision(session)
        photos = read_photos(session, catalogue.folder, last.fingerprint if last else None)
        place_of = {name: place for name, place in session.execute(places) if place}
        return ExportedRows(last.revision if last else 0, photos, place_of)


@dataclass(frozen=True, slots=True)
class StoredVector:
    """One vector as it is stored: whose, by which checkpoint, and what is wrong with it."""

    photo: str
    fingerprint: str
    fault: str


def stored_vectors(address: CatalogueAddress) -> Generator[StoredVector]:
    """All vectors as they are stored, each checked strictly. Raises BadCatalogue."""
    query = (
        select(
            PhotoRow.name,
            VectorRow.fingerprint,
            VectorRow.dimension,
            VectorRow.photo_id,
            VectorRow.embedding,
            VectorRow.checksum,
        )
        .join(PhotoRow, PhotoRow.id == VectorRow.photo_id)
        .order_by(PhotoRow.name, VectorRow.fingerprint)
        .execution_options(yield_per=1000)
    )
    with _connected(address) as connection:
        with Session(connection) as session:
            fingerprints = session.scalars(select(VectorRow.fingerprint).distinct()).all()
            checks = {each: vector_check(session, each) for each in fingerprints}
        for row in connection.execute(query):
            name, fingerprint, dimension, photo_id, embedding, checksum = row
            # A damaged database may yield a fingerprint here that another of its indexes lacks.
            check = checks.get(fingerprint, VectorCheck(fingerprint, dimension))
            said = check.fault(photo_id, embedding, checksum, is_strict=True)
            if not said and dimension != check.dimension:
                said = f"is recorded with {dimension:,} numbers and has {check.dimension:,}"
            yield StoredVector(name, fingerprint, said)


def put_paths(address: CatalogueAddress, paths: dict[int, str]) -> None:
    """Write into a copy, which nobody uses, where its photos lie: keys of photos and paths.

    Raises BadCatalogue.
    """
    with _connected(address) as connection, writing(connection).begin():
        for key, path in paths.items():
            connection.execute(update(PhotoRow).where(PhotoRow.id == key).values(path=path))
