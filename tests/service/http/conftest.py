"""A catalogue with keys, on either database."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from index.access.roles import ROLES
from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress


@pytest.fixture
def catalogue(tmp_path: Path, place: Callable[[Path], CatalogueAddress]) -> Generator[Catalogue]:
    with Catalogue.open(place(tmp_path / "catalogue.db"), create=True) as opened:
        yield opened


@pytest.fixture
def store(catalogue: Catalogue) -> AccessStore:
    return AccessStore.of(catalogue.engine)


@pytest.fixture
def secrets(store: AccessStore) -> dict[str, str]:
    return {role: store.keys.create(f"the {role}", role).secret for role in ROLES}
