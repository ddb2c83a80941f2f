"""A browser before a service whose catalogue holds drawn whales, and an embedder that needs no
network.

Each photo says in its lower left corner who it shows, in grey blocks that survive JPEG, and the
embedder reads that.
"""

from __future__ import annotations

import csv
import os
import socket
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image, ImageDraw
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from demo.anatomy import Individual
from demo.photograph import photograph
from index.catalogue.catalogue import Catalogue
from index.curation.listings import Directory
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.snapshots.served_photo import ServedPhoto
from service.app import create_app
from service.catalogue.writer import act_now, follow_job, open_writer
from service.jobs.queue import JobQueue, open_jobs
from service.server import listen, url_of
from service.serving.loading import open_access
from service.serving.service import Service, Serving
from service.settings import Settings

expect.set_options(timeout=30_000)  # a busy machine is no fault of the page
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_BLOCK_PX = 16
_DIMENSION = 24
_READY_SECONDS = 60
# Two individuals that look alike: the last of the catalogue is drawn near the first.
WHALES = 12
LOOKALIKE = 11


def painted(whale: int, take: int) -> Image.Image:
    """A drawn photo whose corner says whale and take, each up to 15."""
    photo = photograph(Individual.from_seed(whale), np.random.default_rng([whale, take]))
    pen = ImageDraw.Draw(photo)
    for at, number in enumerate((whale, take)):
        grey = 16 * number + 8
        left, top = at * _BLOCK_PX, photo.height - _BLOCK_PX
        pen.rectangle((left, top, left + _BLOCK_PX, top + _BLOCK_PX), fill=(grey, grey, grey))
    return photo


class CornerEmbedder:
    """Embeds what a photo's corner says: takes of one whale lie near each other, whales far
    apart.
    """

    fingerprint = "c0" * 32
    dimension = _DIMENSION
    input_px = 4096  # decoded whole: the corner must be seen

    def embed(
        self, images: Sequence[Image.Image], boxes: Sequence[object] | None = None
    ) -> np.ndarray:
        rows = [self._vector(*self._corner(image)) for image in images]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)

    def _vector(self, whale: int, take: int) -> np.ndarray:
        own = np.random.default_rng([whale]).normal(size=_DIMENSION)
        if whale == LOOKALIKE:
            own = np.random.default_rng([0]).normal(size=_DIMENSION) + 0.35 * own
        return own + 0.2 * np.random.default_rng([whale, take]).normal(size=_DIMENSION)

    def _corner(self, image: Image.Image) -> tuple[int, int]:
        whale, take = (
            image.getpixel((_BLOCK_PX * at + _BLOCK_PX // 2, image.height - 8))[0] // 16
            for at in (0, 1)
        )
        return whale, take


@dataclass(frozen=True)
class Site:
    """The service under test: its URL, and the photos that nobody has sent yet."""

    url: str
    folder: Path
    catalogue: Path

    @property
    def directory(self) -> Directory:
        """What the catalogue holds now, read past the service."""
        return Directory(Catalogue.open(self.catalogue))

    def photo(self, whale: int, take: int, at: str | None = None) -> Path:
        """A photo to send; `at` is the time of its day in May by its camera, such as `09:40`."""
        path = self.folder / f"sent_{whale:02}_{take:02}.jpg"
        told: dict[str, Image.Exif] = {}
        if at is not None:
            told["exif"] = exif = Image.Exif()
            exif[0x010F] = "a camera"
            exif.get_ifd(0x8769)[0x9003] = f"2026:05:28 {at}:00"
        painted(whale, take).save(path, "JPEG", quality=92, **told)
        return path


@pytest.fixture(scope="session")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drawn whales with three photos each, two photos of nobody known, and their
    catalogue.
    """
    folder = tmp_path_factory.mktemp("season")
    (folder / "photos").mkdir()
    rows: list[tuple[str, ...]] = []
    for whale in range(WHALES):
        for take in range(3):
            name = f"whale_{whale:02}_{take}.jpg"
            painted(whale, take).save(folder / "photos" / name, "JPEG", quality=92)
            dated = f"20{16 + take * 3}-0{6 + take}-1{take}"
            rows.append((name, f"w_{whale:04}", "humpback_whale", f"meeting {whale}-{take}", dated))
    for take in range(2):
        name = f"stranger_{take}.jpg"
        painted(14, take).save(folder / "photos" / name, "JPEG", quality=92)
        rows.append((name, "new_whale", "humpback_whale", "", f"2024-07-0{take + 1}"))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "label", "species", "encounter", "taken_at"), *rows])
    return folder


@pytest.fixture
def site(season: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Site]:
    """A ready service over a catalogue of its own."""
    for name in [name for name in os.environ if name.startswith("FLUKEPRINT_")]:
        monkeypatch.delenv(name)
    catalogue = tmp_path / "catalogue.db"
    build_catalogue(
        catalogue, read_labels(season / "labels.csv", season / "photos"), CornerEmbedder()
    )
    settings = Settings(catalogue=catalogue, port=0)
    with listen(settings.host, 0) as listening, serving_on(settings, listening):
        yield Site(url_of(listening), tmp_path, catalogue)


def load(settings: Settings, *embedders: CornerEmbedder) -> Serving:
    """What `service.serving.loading.load_serving` loads, with that of the embedders which made the
    catalogue.
    """
    from index.identification.identifier import Identifier

    with Catalogue.open(settings.catalogue) as catalogue:
        gallery, calibration = catalogue.searchable()
        photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
        species = catalogue.species()
    embedder = next(
        each for each in (*embedders, CornerEmbedder()) if each.fingerprint == gallery.fingerprint
    )
    return Serving(Identifier(embedder, gallery, calibration, species), photos)


@contextmanager
def serving_on(
    settings: Settings,
    listening: socket.socket,
    embedders: Mapping[str, CornerEmbedder] = MappingProxyType({}),
) -> Generator[None]:
    """Run the service in a thread of this process until the block ends; `embedders` are of files in
    its folder.
    """
    ready = threading.Event()

    def with_jobs(service: Service) -> JobQueue:
        if embedders:
            service.checkpoints.load = lambda path: embedders[path.name]
        return open_jobs(
            settings, service, on_revision=lambda: follow_job(app), act=partial(act_now, app)
        )

    app = create_app(
        settings,
        lambda: load(settings, *embedders.values()),
        on_loaded=lambda _: ready.set(),
        access=open_access(settings),
        open_jobs=with_jobs,
        open_writer=lambda service: open_writer(settings, service),
    )
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    app.state.is_stopping = lambda: server.should_exit
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    try:
        assert ready.wait(_READY_SECONDS), "the service was not ready in time"
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Debian's Chromium; tests that need it skip where it isn't installed.

    Not for the session: Playwright keeps an event loop running in this thread, where no other test
    could run its own.
    """
    if not CHROMIUM.exists():
        pytest.skip("needs a browser: apt-get install chromium (.ci/run does)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Generator[Callable[..., Page]]:
    """`open_page("#/history", width=360)`: the page at a screen; what it logs as an error fails the
    test.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def _open(
        screen: str = "", *, width: int = 1280, height: int = 800, dark: bool = False, **more: Any
    ) -> Page:
        scheme = "dark" if dark else "light"
        viewport = {"width": width, "height": height}
        context = browser.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce", **more
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if is_fault(said) else None)
        page.goto(f"{site.url}/{screen}")
        page.wait_for_selector("main h1")
        return page

    yield _open
    for context in contexts:
        for page in context.pages:
            page.unroute_all(
                behavior="ignoreErrors"
            )  # an answer may still be on its way to a route
        context.close()
    assert faults == []


def is_fault(said: ConsoleMessage) -> bool:
    """Whether the page did something wrong; a refusal by the service, which Chromium logs too, is
    none.
    """
    return said.type == "error" and "Failed to load resource" not in said.text
