"""Format 5: every vector has a checksum, also those that an older flukeprint wrote."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from index.catalogue.catalogue import Catalogue
from index.catalogue.raw_rows import stored_vectors
from index.exchange.backup.verify import verify_catalogue
from index.reindex.build import build_catalogue
from index.storage import migrations
from index.storage.address import CatalogueAddress
from index.storage.checksums import vector_checksum
from index.storage.connection import check_catalogue, open_engine
from index.storage.schema import SCHEMA_VERSION, VectorRow
from tests.index.storage.older_formats import take_back


@pytest.fixture
def path(
    tmp_path: Path, place: Callable[[Path], CatalogueAddress], season: Any, embedder: Any
) -> CatalogueAddress:
    address = place(tmp_path / "catalogue.db")
    build_catalogue(address, season.labels(), embedder)
    return address


def rows(address: CatalogueAddress) -> list[Any]:
    engine = open_engine(address)
    table = VectorRow.__table__
    with engine.connect() as connection:
        found = connection.execute(select(table).order_by(table.c.photo_id)).all()
    engine.dispose()
    return list(found)


def test_each_flipped_bit_changes_it_and_so_does_another_photo() -> None:
    rng = random.Random(5)
    stored = rng.randbytes(2048)
    whole = vector_checksum(7, "f" * 64, stored)
    assert whole == zlib.crc32(b"7 " + b"f" * 64 + b" " + stored)
    for _ in range(500):
        damaged = bytearray(stored)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        assert vector_checksum(7, "f" * 64, bytes(damaged)) != whole
    assert vector_checksum(8, "f" * 64, stored) != whole != vector_checksum(7, "e" * 64, stored)


def test_every_vector_that_is_written_has_one(path: CatalogueAddress) -> None:
    found = rows(path)
    assert len(found) == 38
    for row in found:
        assert row.checksum == vector_checksum(row.photo_id, row.fingerprint, bytes(row.embedding))


@pytest.mark.parametrize("version", [2, 3, 4])
def test_vectors_of_an_older_format_get_theirs(path: CatalogueAddress, version: int) -> None:
    before = rows(path)
    take_back(path, version)
    assert check_catalogue(path) == version
    with Catalogue.open(path) as catalogue:
        assert catalogue.read_searchable().damaged == {}
        assert catalogue.gallery().size == 36
    assert check_catalogue(path) == SCHEMA_VERSION == 5
    assert rows(path) == before
    assert verify_catalogue(path).faults == ()
    assert {each.fault for each in stored_vectors(path)} == {""}


def test_more_vectors_than_are_read_at_once(
    path: CatalogueAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "MOST_BOUND", 5)
    before = rows(path)
    take_back(path, 4)
    Catalogue.open(path).close()
    assert rows(path) == before


def test_an_upgrade_that_fails_changes_nothing(
    path: CatalogueAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_back(path, 4)

    def fail(*_: object) -> int:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "vector_checksum", fail)
        with pytest.raises(RuntimeError, match="killed"):
            Catalogue.open(path)
    assert check_catalogue(path) == 4
    Catalogue.open(path).close()
    assert check_catalogue(path) == 5
    assert {each.fault for each in stored_vectors(path)} == {""}
