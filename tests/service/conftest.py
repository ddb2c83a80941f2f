"""A service of known answers: a photo's red says its angle, and the catalogue's whales lie at known
angles.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from embedding.photos.photo import content_hash
from index.access.store import AccessStore
from index.calibration.calibration import Calibration
from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from index.catalogue.catalogue import Catalogue
from index.identification.identifier import Identifier
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.search.gallery import Gallery
from index.snapshots.served_photo import ServedPhoto
from index.storage.address import CatalogueAddress
from service.app import create_app
from service.catalogue.writer import act_now, open_writer
from service.jobs.queue import open_jobs
from service.server import listen, url_of
from service.serving.service import Serving
from service.settings import Settings
from tests.service.local_client import local_client

FINGERPRINT = "f1" * 32
WHALES = {"w_0": 0, "w_30": 30, "w_90": 90}
FACTS = {
    "w_0": ("humpback", "2016-07-01"),
    "w_30": ("humpback", "2018-06-01T12:30:00"),
    "w_90": ("fin whale", None),
}


class RedEmbedder:
    """Embeds an image at as many degrees as its first pixel is red."""

    fingerprint = FINGERPRINT
    dimension = 2
    input_px = 8

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []
        self.before_embedding: Callable[[], None] = lambda: None

    def embed(
        self, images: Sequence[Image.Image], boxes: Sequence[object] | None = None
    ) -> np.ndarray:
        self.batch_sizes.append(len(images))
        self.before_embedding()
        radians = np.radians([image.getpixel((0, 0))[0] for image in images])
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def photo_of(degrees: int, size: tuple[int, int] = (8, 8)) -> bytes:
    """A PNG that RedEmbedder sees at the given angle."""
    data = io.BytesIO()
    Image.new("RGB", size, (degrees, 0, 0)).save(data, "PNG")
    return data.getvalue()


def calibration_of_trials() -> Calibration:
    """Known queries at distance 0 to .09, unknown ones at .05 to 1: FPIR .05 falls at .11, .20 at
    .25, .30 at .35.
    """
    known = Trials(np.linspace(0, 0.09, 50)[:, None], np.ones(50, np.int64))
    return fit_trials(known, np.linspace(0.05, 1.0, 100))


@pytest.fixture
def photo() -> Callable[..., bytes]:
    return photo_of


@pytest.fixture
def embedder() -> RedEmbedder:
    return RedEmbedder()


@pytest.fixture
def serving(embedder: RedEmbedder, at: Callable[..., np.ndarray], tmp_path: Path) -> Serving:
    """Three whales with one photo each; the photo files lie in `tmp_path`, a photo with GPS among
    them.
    """
    photos: dict[str, ServedPhoto] = {}
    for individual, degrees in WHALES.items():
        path = tmp_path / f"{individual}.jpg"
        exif = Image.Exif()
        exif.get_ifd(0x8825)[1] = "N"  # GPS: north
        exif[0x010F] = "a camera"
        Image.new("RGB", (900, 600), (degrees, 0, 0)).save(path, "JPEG", exif=exif)
        species, taken_at = FACTS[individual]
        photos[f"2018/{individual}.jpg"] = ServedPhoto(
            path, content_hash(path.read_bytes()), individual, species, None, taken_at
        )
    gallery = Gallery.build(
        list(photos), list(WHALES), at(*WHALES.values()), fingerprint=FINGERPRINT, revision=7
    )
    return Serving(Identifier(embedder, gallery, calibration_of_trials()), photos)


@pytest.fixture
def fitted() -> Calibration:
    return calibration_of_trials()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The defaults, whatever the environment says."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FLUKEPRINT_{name.upper()}", raising=False)
    return Settings()


@pytest.fixture
def serve(serving: Serving, settings: Settings) -> Callable[..., object]:
    """`with serve(max_photos=2) as client`: a client of a ready service with changed settings."""

    @contextmanager
    def _serve(
        load: Callable[[], Serving] | None = None, **changed: object
    ) -> Generator[TestClient]:
        app = create_app(
            Settings(**{**settings.model_dump(), **changed}), load or (lambda: serving)
        )
        with local_client(app, raise_server_exceptions=False) as client:
            while load is None and client.get("/readyz").status_code != 200:
                pass
            yield client

    return _serve


@pytest.fixture
def client(serve: Callable[..., object]) -> Generator[TestClient]:
    with serve() as ready:
        yield ready


@pytest.fixture
def problem() -> Callable[..., dict[str, object]]:
    """Check that a response is a whole problem document, and give it back."""

    def _problem(response: object, status: int, slug: str) -> dict[str, object]:
        assert response.headers["content-type"] == "application/problem+json"
        document = json.loads(response.content)
        assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(document)
        assert (response.status_code, document["status"]) == (status, status), document
        assert document["type"] == f"/docs#problem-{slug}"
        assert document["request_id"] == response.headers["x-request-id"]
        return document

    return _problem


class Curated(NamedTuple):
    """A ready service with curators and jobs, its catalogue's file, and the embedder behind
    both.
    """

    client: TestClient
    path: CatalogueAddress
    embedder: RedEmbedder


_CURATED = """\
image,label,species,encounter,taken_at
w_0_a.png,w_0,humpback,e1,2016-07-01
w_0_b.png,w_0,humpback,e1,2017-07-01
w_30_a.png,w_30,humpback,e2,2018-06-01
w_90_a.png,w_90,fin whale,,
nobody_200.png,new_whale,,,
nobody_201.png,new_whale,,,
"""


@pytest.fixture
def serve_curated(
    settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., object]:
    """`with serve_curated(has_keys=True) as curated`: whales at 0 (and 3), 30 and 90 degrees on
    disk.

    A module that uses the fixture `place` has the catalogue there: its tests run on both databases.
    """
    file = tmp_path / "curated" / "catalogue.db"
    address = request.getfixturevalue("place")(file) if "place" in request.fixturenames else file

    @contextmanager
    def _serve(has_keys: bool = False) -> Generator[Curated]:
        app, path, embedder = curated_app(
            settings, tmp_path / "curated", has_keys=has_keys, address=address
        )
        with local_client(app, raise_server_exceptions=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield Curated(client, path, embedder)

    return _serve


def curated_app(
    settings: Settings,
    folder: Path,
    *,
    has_keys: bool = False,
    address: CatalogueAddress | None = None,
) -> tuple[FastAPI, CatalogueAddress, RedEmbedder]:
    """An application with curators and jobs, its photos made in `folder`, as its catalogue is, and
    the embedder.
    """
    embedder = RedEmbedder()
    folder.mkdir()
    for name in _CURATED.splitlines()[1:]:
        image = name.partition(",")[0]
        degrees = (
            3
            if image == "w_0_b.png"
            else int(image.removesuffix(".png").removesuffix("_a").split("_")[1])
        )
        (folder / image).write_bytes(photo_of(degrees))
    (folder / "labels.csv").write_text(_CURATED)
    path = address or folder / "catalogue.db"
    build_catalogue(path, read_labels(folder / "labels.csv", folder), embedder)
    changed = Settings(**{**settings.model_dump(), "catalogue": path})

    def load() -> Serving:
        with Catalogue.open(path) as catalogue:
            gallery, calibration = catalogue.searchable()
            photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
            species = catalogue.species()
        return Serving(Identifier(embedder, gallery, calibration, species), photos)

    app = create_app(
        changed,
        load,
        access=AccessStore.of(Catalogue.open(path).engine) if has_keys else None,
        open_jobs=lambda service: open_jobs(changed, service, act=partial(act_now, app)),
        open_writer=lambda service: open_writer(changed, service),
    )
    return app, path, embedder


@pytest.fixture
def curated_url(settings: Settings, tmp_path: Path) -> Generator[str]:
    """Where the curated whales are served on a real socket."""
    app, _, _ = curated_app(settings, tmp_path / "curated")
    with served(app) as url:
        yield url


@contextmanager
def served(app: FastAPI) -> Generator[str]:
    """Serve an application on a free port of this machine until the block ends; yields its URL once
    it is ready.
    """
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=10)
        )
        app.state.is_stopping = lambda: server.should_exit
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        url = url_of(listening)
        try:
            while httpx.get(f"{url}/readyz", trust_env=False, timeout=60).status_code != 200:
                pass
            yield url
        finally:
            server.should_exit = True
            thread.join(60)


@pytest.fixture
def curated(serve_curated: Callable[..., object]) -> Generator[Curated]:
    with serve_curated() as ready:
        yield ready
