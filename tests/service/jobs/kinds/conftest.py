"""Services for the kinds of jobs: a season of two whales, two checkpoints, a bench of photos."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.identification.identifier import Identifier
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.snapshots.served_photo import ServedPhoto
from index.storage.address import CatalogueAddress
from service.app import create_app
from service.catalogue.writer import act_now, follow_job, open_writer
from service.jobs.queue import open_jobs
from service.serving.service import Service, Serving
from service.settings import Settings
from tests.service.conftest import RedEmbedder, photo_of
from tests.service.jobs.kinds.bench import JobBench
from tests.service.jobs.kinds.season import Site
from tests.service.jobs.kinds.two_models import ANGLES, Turned, TwoModels, checkpoint
from tests.service.local_client import local_client


@pytest.fixture
def serve_season(settings: Settings, tmp_path: Path) -> Callable[..., Any]:
    """`with serve_season() as (client, path, embedder)`: w_0 and w_90 are known, jobs and curators
    work.
    """
    folder = tmp_path / "season"
    for whale, angles in {"w_0": (0, 3), "w_90": (90,)}.items():
        (folder / whale).mkdir(parents=True)
        for angle in angles:
            (folder / whale / f"{angle}.png").write_bytes(photo_of(angle))
    path, embedder = tmp_path / "catalogue.db", RedEmbedder()
    build_catalogue(path, read_labels(None, folder), embedder)

    @contextmanager
    def _serve(has_keys: bool = False, **changed: Any) -> Generator[Site]:
        given = Settings(
            **{**settings.model_dump(), "catalogue": path, "requests_per_minute": 0, **changed}
        )

        def load() -> Serving:
            with Catalogue.open(path) as catalogue:
                gallery, calibration = catalogue.searchable()
                photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
            return Serving(Identifier(embedder, gallery, calibration), photos)

        app = create_app(
            given,
            load,
            access=AccessStore.of(Catalogue.open(path).engine) if has_keys else None,
            open_jobs=lambda service: open_jobs(
                given, service, on_revision=lambda: follow_job(app), act=partial(act_now, app)
            ),
            open_writer=lambda service: open_writer(given, service),
        )
        with local_client(app, raise_server_exceptions=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield client, path, embedder

    return _serve


@pytest.fixture
def site(serve_season: Callable[..., Any]) -> Generator[Site]:
    with serve_season() as ready:
        yield ready


@pytest.fixture
def serve_two(
    settings: Settings, tmp_path: Path, place: Callable[[Path], CatalogueAddress]
) -> Generator[Callable[..., Any]]:
    folder, models = tmp_path / "season", tmp_path / "models"
    models.mkdir()
    old_path, new_path = checkpoint(models, "old"), checkpoint(models, "new")
    for whale, angles in ANGLES.items():
        (folder / whale).mkdir(parents=True)
        for angle in angles:
            (folder / whale / f"{angle}.png").write_bytes(photo_of(angle))
    path = place(tmp_path / "catalogue.db")
    old, new = Turned(old_path, 0), Turned(new_path, 40)
    build_catalogue(path, read_labels(None, folder), old)

    @contextmanager
    def _serve(has_keys: bool = False, **changed: Any) -> Generator[TwoModels]:
        own = {
            "catalogue": path,
            "checkpoint": old_path,
            "checkpoints": models,
            "requests_per_minute": 0,
        }
        given = Settings(**{**settings.model_dump(), **own, **changed})

        def load() -> Serving:
            with Catalogue.open(path) as catalogue:
                gallery, calibration = catalogue.searchable()
                photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
            embedder = next(each for each in (old, new) if each.fingerprint == gallery.fingerprint)
            return Serving(Identifier(embedder, gallery, calibration), photos)

        def with_jobs(service: Service) -> Any:
            service.checkpoints.load = lambda given: new if given == new_path.resolve() else old
            return open_jobs(
                given, service, on_revision=lambda: follow_job(app), act=partial(act_now, app)
            )

        app = create_app(
            given,
            load,
            access=AccessStore.of(opened.engine) if has_keys else None,
            open_jobs=with_jobs,
            open_writer=lambda service: open_writer(given, service),
        )
        with local_client(app, raise_server_exceptions=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield TwoModels(client, path, old, new)

    with Catalogue.open(path) as opened:
        yield _serve


@pytest.fixture
def models(serve_two: Callable[..., Any]) -> Generator[TwoModels]:
    with serve_two() as ready:
        yield ready


@pytest.fixture
def bench(tmp_path: Path, serving: Serving, photo: Callable[..., bytes]) -> JobBench:
    return JobBench(tmp_path, serving, photo)
