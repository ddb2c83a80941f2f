"""Galleries of engines that search elsewhere. Part of SQLAlchemy's door."""

from __future__ import annotations

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from index.milvus.reading import read_milvus_gallery, rebuild_collection
from index.milvus.server import MilvusServer
from index.pgvector.reading import check_engine as check_pgvector
from index.pgvector.reading import prepare_tables, read_stored_gallery, rebuild_tables
from index.search.gallery import Gallery
from index.storage.address import CatalogueAddress
from index.stored.engine_names import is_searched_elsewhere
from index.stored.milvus_address import BadEngineName, is_milvus, milvus_address


def check_engine(address: CatalogueAddress, factory: str) -> None:
    """Raise BadCatalogue where an engine can't search a catalogue at such an address.

    Also where a Milvus server can't be reached, and BadEngineName without its client.
    """
    if is_milvus(factory):
        MilvusServer(milvus_address(factory)).collections()  # the client alone asks nothing
    else:
        check_pgvector(address, factory)


def prepare_engine(database: Database, address: CatalogueAddress, factory: str) -> None:
    """Do what an engine needs done before a transaction reads the gallery. Raises BadCatalogue.

    Does nothing for most engines.
    """
    if not is_milvus(factory):
        prepare_tables(database, address, factory)


def read_gallery_elsewhere(
    session: Session, database: Database, address: CatalogueAddress, factory: str
) -> tuple[Gallery, dict[str, str]]:
    """Read the gallery of the newest revision in a transaction, and the damaged vectors' photos.

    Of an engine that searches elsewhere, after `prepare_engine`. Raises BadCatalogue.
    """
    read = read_milvus_gallery if is_milvus(factory) else read_stored_gallery
    return read(session, database, address, factory)


def rebuild_vectors(database: Database, address: CatalogueAddress, factory: str) -> int:
    """Build anew, from the catalogue, what an engine searches elsewhere; how many vectors it holds.

    Searches go on meanwhile. Raises BadCatalogue, and BadEngineName for an engine that searches in
    memory.
    """
    if not is_searched_elsewhere(factory):
        raise BadEngineName(
            f"the engine {factory} searches in memory, so there is nothing to build anew; give the "
            "--engine of your services, such as milvus://HOST:PORT or pgvector"
        )
    rebuild = rebuild_collection if is_milvus(factory) else rebuild_tables
    return rebuild(database, address, factory)
