"""A service of known answers: a photo's red says its angle, and the catalogue's whales lie at known angles."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from index.calibration import Calibration
from index.gallery import Gallery
from index.identifier import Identifier
from index.trials import Trials
from service.app import create_app
from service.serving import ServedPhoto, Serving
from service.settings import Settings

FINGERPRINT = "f1" * 32
WHALES = {"w_0": 0, "w_30": 30, "w_90": 90}


class RedEmbedder:
    """Embeds an image at as many degrees as its first pixel is red."""

    fingerprint = FINGERPRINT
    dimension = 2

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []
        self.before_embedding: Callable[[], None] = lambda: None

    def embed(self, images: Sequence[Image.Image], boxes: Sequence[object] | None = None) -> np.ndarray:
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
    """Known queries at distance 0 to .09, unknown ones at .05 to 1: FPIR .05 falls at .11, .20 at .25, .30 at .35."""
    known = Trials(np.linspace(0, 0.09, 50)[:, None], np.ones(50, np.int64))
    return Calibration.from_trials(known, np.linspace(0.05, 1.0, 100))


@pytest.fixture
def photo() -> Callable[..., bytes]:
    return photo_of


@pytest.fixture
def embedder() -> RedEmbedder:
    return RedEmbedder()


@pytest.fixture
def serving(embedder: RedEmbedder, at: Callable[..., np.ndarray], tmp_path: Path) -> Serving:
    """Three whales with one photo each; the photo files lie in `tmp_path`, a photo with GPS among them."""
    photos: dict[str, ServedPhoto] = {}
    for individual, degrees in WHALES.items():
        path = tmp_path / f"{individual}.jpg"
        exif = Image.Exif()
        exif.get_ifd(0x8825)[1] = "N"  # GPS: north
        exif[0x010F] = "a camera"
        Image.new("RGB", (900, 600), (degrees, 0, 0)).save(path, "JPEG", exif=exif)
        photos[f"2018/{individual}.jpg"] = ServedPhoto(path, f"{degrees:064d}")
    gallery = Gallery.build(list(photos), list(WHALES), at(*WHALES.values()), fingerprint=FINGERPRINT, revision=7)
    return Serving(Identifier(embedder, gallery, calibration_of_trials()), photos)


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
    def _serve(load: Callable[[], Serving] | None = None, **changed: object) -> Generator[TestClient]:
        app = create_app(Settings(**{**settings.model_dump(), **changed}), load or (lambda: serving))
        with TestClient(app, raise_server_exceptions=False) as client:
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
