"""A service with jobs, and photos for them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress
from service.app import create_app
from service.jobs.queue import open_jobs
from service.serving.service import Serving
from service.settings import Settings
from tests.service.local_client import local_client
from tests.service.routes.admin.job_site import Restart


@pytest.fixture
def start_jobs(
    serving: Serving, settings: Settings, tmp_path: Path, place: Callable[[Path], CatalogueAddress]
) -> Restart:
    """`with start() as client`: a ready service with jobs, each time over the same database, of
    either kind.
    """
    database = place(tmp_path / "catalogue.db")
    Catalogue.open(database, create=True).close()

    @contextmanager
    def _start(**changed: object) -> Generator[TestClient]:
        given = Settings(**{**settings.model_dump(), "catalogue": database, **changed})
        app = create_app(
            given, lambda: serving, open_jobs=lambda service: open_jobs(given, service)
        )
        with local_client(app, raise_server_exceptions=False) as jobs_client:
            while jobs_client.get("/readyz").status_code != 200:
                pass
            yield jobs_client

    return _start


@pytest.fixture
def jobs_client(start_jobs: Restart) -> Generator[TestClient]:
    with start_jobs() as ready:
        yield ready


@pytest.fixture
def may_photos(tmp_path: Path, photo: Callable[..., bytes]) -> Path:
    """Ten photos below the folder that jobs may read, and a file that is none."""
    folder = tmp_path / "may"
    folder.mkdir()
    for angle in range(0, 100, 10):
        (folder / f"{angle:02}.png").write_bytes(photo(angle))
    (folder / "notes.txt").write_text("seen at noon")
    return folder
