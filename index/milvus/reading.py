"""A gallery whose vectors Milvus proposes, read after its collection holds all of them.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.vector_check import vector_check
from index.milvus.collections import Collection, alias_of, open_collection
from index.milvus.server import MilvusServer
from index.milvus.store import CatalogueVectors, MilvusVectors, key_of
from index.search.gallery import Gallery, GalleryOrigin
from index.search.rows.live_rows import Rows
from index.storage.address import BadCatalogue, CatalogueAddress
from index.storage.connection import translating_errors
from index.storage.schema import CATALOGUED, IndividualRow, PhotoRow, RevisionRow, VectorRow
from index.stored.engine import StoredEngine
from index.stored.milvus_address import milvus_address
from index.stored.rows import StoredRows


@dataclass(frozen=True, slots=True)
class _Searched:
    """Parallel rows by photo name, of the newest revision."""

    names: list[str]
    individuals: list[str]
    keys: Rows
    source: CatalogueVectors
    revision: int


def read_milvus_gallery(
    session: Session, database: Database, address: CatalogueAddress, factory: str
) -> tuple[Gallery, dict[str, str]]:
    """Read whose photos are searched, in a transaction, without the vectors that Milvus holds.

    Vectors that the collection lacks are added first, and a collection is built where there is
    none. Returns also the photos whose vectors are of no use, each with what is wrong. Raises
    BadCatalogue, and BadEngineName for a URL that is none.
    """
    server = MilvusServer(milvus_address(factory))
    rows = _searched(session, database, address)
    damaged: dict[int, str] = {}
    collection = open_collection(
        server,
        alias_of(address, server.address.name),
        (rows.source.check.fingerprint, rows.source.check.dimension),
        rows.keys,
        lambda lacking: rows.source.batches(lacking, damaged),
    )
    is_there = ~collection.held.lacks(rows.keys)
    store = MilvusVectors(collection, rows.source, rows.revision, factory)
    stored = StoredRows(store, rows.keys[is_there])
    at = np.flatnonzero(is_there).tolist()
    gallery = Gallery.of_engine(
        [rows.names[row] for row in at],
        [rows.individuals[row] for row in at],
        lambda order: StoredEngine(stored.take(order)),
        GalleryOrigin(rows.source.check.fingerprint, rows.revision, factory),
    )
    faults = dict[str, str]()
    for row in np.flatnonzero(~is_there).tolist():
        photo_id = int(rows.keys[row]) >> 32
        unread = "has no checksum" if photo_id < 0 else "was replaced while it was read"
        faults[rows.names[row]] = damaged.get(photo_id, unread)
    return gallery, faults


def rebuild_collection(database: Database, address: CatalogueAddress, factory: str) -> int:
    """Build a catalogue's collection anew, beside the current one, and exchange the two.

    Returns how many vectors it holds. Raises BadCatalogue and BadEngineName.
    """
    server = MilvusServer(milvus_address(factory))
    with translating_errors(address), Session(database) as session:
        rows = _searched(session, database, address)
    check = rows.source.check
    alias = alias_of(address, server.address.name)
    collection = Collection(server, alias, check.fingerprint, check.dimension)
    collection.build(rows.source.batches(rows.keys, {}))
    return len(collection.held.keys)


def _searched(session: Session, database: Database, address: CatalogueAddress) -> _Searched:
    newest = select(RevisionRow.revision, RevisionRow.fingerprint)
    last = session.execute(newest.order_by(RevisionRow.revision.desc()).limit(1)).first()
    if last is None:
        raise BadCatalogue(f"the catalogue {address} holds nothing yet that Milvus could search")
    query = (
        select(PhotoRow.name, IndividualRow.name, PhotoRow.id, VectorRow.checksum)
        .join(VectorRow, VectorRow.photo_id == PhotoRow.id)
        .join(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .where(VectorRow.fingerprint == last[1], PhotoRow.state == CATALOGUED)
        .order_by(PhotoRow.name)
    )
    found = session.execute(query).all()
    source = CatalogueVectors(database, address, vector_check(session, last[1]))
    keys = np.array([key_of(row[2], row[3]) for row in found], np.int64)
    return _Searched([row[0] for row in found], [row[1] for row in found], keys, source, last[0])
