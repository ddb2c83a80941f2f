"""A job store on either database, with a clock that tests set."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from index.catalogue.catalogue import Catalogue
from index.jobs.records import Job
from index.jobs.store import JobStore
from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine
from tests.index.jobs.clocks import KINDS, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path: Path, place: Callable[[Path], CatalogueAddress]) -> Generator[Engine]:
    Catalogue.open(place(tmp_path / "catalogue.db"), create=True).close()
    engine = open_engine(place(tmp_path / "catalogue.db"), wait_seconds=0.1)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> JobStore:
    return JobStore(engine, now=clock)


@pytest.fixture
def running(store: JobStore) -> Job:
    store.create("count", {"to": 10})
    job = store.claim("me", KINDS)
    assert job is not None
    return job
