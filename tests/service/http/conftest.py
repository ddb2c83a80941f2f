"""A catalogue with keys, on either database, and a service of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.access.roles import ROLES
from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress
from service.app import create_app
from service.serving.service import Serving
from service.settings import Settings
from tests.cheap_passwords import hash_cheaply
from tests.service.local_client import local_client


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_cheaply(monkeypatch)


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


@pytest.fixture
def ask(serving: Serving, settings: Settings, store: AccessStore) -> Callable[..., Any]:
    """`with ask(port=1) as client`: a service with a place for keys, and a route for each role that
    says who asks.
    """

    @contextmanager
    def _ask(**changed: object) -> Generator[TestClient]:
        app = create_app(
            Settings(**{**settings.model_dump(), **changed}), lambda: serving, access=store
        )
        with local_client(app, raise_server_exceptions=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield client

    return _ask
