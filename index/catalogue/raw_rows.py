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
from index.catalogue.rows import CataloguePhoto, last_revision, read_photos, vector_dimension
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


def stored_vectors(address: CatalogueAddress) -> Generator[tuple[str, str, int, bytes]]:
    """All vectors as they are stored: photo name, fingerprint, dimension, bytes.

    Raises BadCatalogue.
    """
    query = (
        select(PhotoRow.name, VectorRow.fingerprint, VectorRow.dimension, VectorRow.embedding)
        .join(PhotoRow, PhotoRow.id == VectorRow.photo_id)
        .order_by(PhotoRow.name, VectorRow.fingerprint)
        .execution_options(yield_per=1000)
    )
    with _connected(address) as connection:
        for row in connection.execute(query):
            yield row[0], row[1], row[2], row[3]


def vector_dimensions(address: CatalogueAddress) -> dict[str, int]:
    """How many numbers the vectors of each checkpoint have, by fingerprint. Raises BadCatalogue."""
    with _connected(address) as connection, Session(connection) as session:
        fingerprints = session.scalars(select(VectorRow.fingerprint).distinct()).all()
        return {each: vector_dimension(session, each) for each in fingerprints}


def put_paths(address: CatalogueAddress, paths: dict[int, str]) -> None:
    """Write into a copy, which nobody uses, where its photos lie: keys of photos and paths.

    Raises BadCatalogue.
    """
    with _connected(address) as connection, writing(connection).begin():
        for key, path in paths.items():
            connection.execute(update(PhotoRow).where(PhotoRow.id == key).values(path=path))
