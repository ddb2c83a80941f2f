"""Catalogues on a PostgreSQL that has pgvector, and all engines by which they are searched."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue
from index.storage.address import PostgresAddress
from tests.index.engines.filled import fill
from tests.milvus_server import MilvusProcess, NoMilvus, running_milvus
from tests.postgres_server import NoPostgres, pgvector_programs, running_postgres


@pytest.fixture(scope="session")
def pgvector_server() -> Generator[Path]:
    """The folder with the socket of a throw-away server with pgvector; else the test skips."""
    try:
        with running_postgres(pgvector_programs()) as folder:
            yield folder
    except NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def milvus_server() -> Generator[MilvusProcess]:
    """A throw-away Milvus server; without one the test skips."""
    try:
        with running_milvus() as server:
            yield server
    except NoMilvus as error:
        pytest.skip(str(error))


@pytest.fixture(params=["flat", "pq", "pgvector", "pgvector-hnsw", "milvus"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of each engine in turn."""
    is_milvus = request.param == "milvus"
    return request.getfixturevalue("milvus_server").engine if is_milvus else request.param


@pytest.fixture(scope="session")
def address_at(pgvector_server: Path) -> Callable[[str, Path], PostgresAddress]:
    """A schema of the server by its name, with its photos' folder."""

    def _address_at(schema: str, files: Path) -> PostgresAddress:
        return PostgresAddress(
            user="flukeprint",
            database="postgres",
            schema=schema,
            options=(("host", str(pgvector_server)),),
            files=files,
        )

    return _address_at


@pytest.fixture(scope="session")
def large(
    address_at: Callable[[str, Path], PostgresAddress], tmp_path_factory: pytest.TempPathFactory
) -> Generator[Catalogue]:
    """A catalogue that tests only read: enough humpbacks for an index, and a few right whales."""
    address = address_at("large", tmp_path_factory.mktemp("large"))
    with Catalogue.open(address, create=True) as catalogue:
        fill(catalogue, 150, 20)
        yield catalogue


@pytest.fixture
def small(
    address_at: Callable[[str, Path], PostgresAddress], tmp_path: Path, request
) -> Generator[Catalogue]:
    """A catalogue of its own for each test: twelve humpbacks and four right whales."""
    address = address_at(f"small_{abs(hash(request.node.nodeid))}", tmp_path)
    with Catalogue.open(address, create=True) as catalogue:
        fill(catalogue, 12, 4)
        yield catalogue
