"""A catalogue on either database, and what it knows of people."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress
from tests.cheap_passwords import hash_cheaply


@pytest.fixture
def access(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: Callable[[Path], CatalogueAddress]
) -> Generator[AccessStore]:
    hash_cheaply(monkeypatch)
    with Catalogue.open(place(tmp_path / "catalogue.db"), create=True) as catalogue:
        yield AccessStore.of(catalogue.engine)
