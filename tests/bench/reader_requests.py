"""What a reader can ask, and what it costs the others: each route, alone and from eight clients.

    python tests/bench/reader_requests.py [--individuals 5000] [--photos 20000] [--acts 1000]
    [--folder FOLDER] [--seconds 3] [--only TEXT]

The catalogue holds random unit vectors of 512 numbers in clusters, unknown photos that wait, and a
history of curators' acts. There is no network: a photo's vector is random, so what is measured is
the service. Each route is asked five times alone. Then eight clients ask it for some seconds, while
others ask for /healthz and identify a photo. Their slowest answers show what the route costs them.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
from PIL import Image

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import open_revision
from index.curation.curator import Curator
from index.identification.identifier import Identifier
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from tests.bench.large_catalogue import FINGERPRINT, vectors_of

DIMENSION = 512
LOADED_BY = 8


class RandomEmbedder:
    """Vectors of no photo."""

    fingerprint = FINGERPRINT
    dimension = DIMENSION
    input_px = 64

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)

    def embed(self, images: Sequence[Image.Image], boxes: Any = None) -> np.ndarray:
        vectors = self._rng.normal(size=(len(images), DIMENSION)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(folder: Path, individuals: int, photos: int, acts: int) -> None:
    """Write the catalogue, a twentieth of its photos unknown, and a history of acts."""
    whose, vectors = vectors_of(individuals, photos, DIMENSION)
    picture = folder / "picture.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3), np.uint8)
    Image.fromarray(pixels).resize((4000, 3000)).save(picture, quality=80)
    size = picture.stat().st_size
    names = [f"w_{owner:05}" for owner in whose.tolist()]
    with Catalogue.open(folder / "catalogue.db", create=True) as catalogue:
        with open_revision(catalogue) as revision:
            for at, vector in enumerate(vectors):
                owner = None if at % 20 == 19 else names[at]
                label = LabelledPhoto(
                    f"{2000 + at % 20}/p{at:06}.jpg",
                    picture,
                    owner,
                    "humpback_whale",
                    f"e{at // 4}",
                    f"{2000 + at % 20}-06-01",
                    None,
                    region=f"sea {at % 30}",
                )
                file = PhotoFile(f"{at:064x}", size, None)
                revision.add(EmbeddedPhoto(label, file, vector), FINGERPRINT)
            revision.finish(FINGERPRINT)
        curator = Curator(catalogue, made_by="bench")
        for at in range(acts):
            curator.edit(names[at * 7 % photos], {"notes": f"noted {at}"})


def serve(folder: Path) -> None:
    """Serve the catalogue until the process is ended; prints the URL and a reader's secret."""
    import uvicorn

    from index.snapshots.served_photo import ServedPhoto
    from service.app import create_app
    from service.catalogue.writer import open_writer
    from service.jobs.queue import open_jobs
    from service.server import listen, url_of
    from service.serving.service import Serving
    from service.settings import Settings

    settings = Settings(catalogue=folder / "catalogue.db")
    with Catalogue.open(settings.address) as catalogue:
        gallery, calibration = catalogue.searchable()
        photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
        species = catalogue.species()
    serving = Serving(Identifier(RandomEmbedder(), gallery, calibration, species), photos)
    access = AccessStore.of(Catalogue.open(settings.address).engine)
    for key in access.keys.all():
        if not key.is_revoked:
            access.keys.revoke(key.id)
    access.keys.create("bench admin", "admin")
    secret = access.keys.create("bench reader", "read").secret
    app = create_app(
        settings,
        lambda: serving,
        access=access,
        open_jobs=lambda service: open_jobs(settings, service),
        open_writer=lambda service: open_writer(settings, service),
    )
    with listen("127.0.0.1", 0) as listening:
        print(json.dumps({"url": url_of(listening), "secret": secret}), flush=True)
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run([listening])


class Route(NamedTuple):
    """A request that a reader may send, drawn anew each time."""

    name: str
    send: Callable[[httpx.Client, int], httpx.Response]


def routes() -> list[Route]:
    """Every kind of request of the role `read`, the dearest form of each."""

    def get(path: str) -> Route:
        return Route(f"GET {path}", lambda client, at: client.get(path.replace("{at}", str(at))))

    photo = photo_bytes()
    scoped = {"species": "humpback_whale"}

    def identify(**data: str) -> Callable[[httpx.Client, int], httpx.Response]:
        return lambda client, at: client.post(
            "/v1/identify",
            files={"photos": ("q.png", photo)},
            data={key: value.replace("{at}", str(at)) for key, value in data.items()},
        )

    return [
        get("/healthz"),
        get("/readyz"),
        get("/openapi.json"),
        get("/docs"),
        get("/"),
        get("/metrics"),
        get("/v1/version"),
        get("/v1/calibration?max_fpir=0.01"),
        get("/v1/stats"),
        get("/v1/queue?limit=200"),
        get("/v1/individuals?limit=200"),
        get("/v1/individuals?limit=200&search=nobody{at}"),
        get("/v1/individuals?limit=200&search=noted"),
        get("/v1/individuals/next-id"),
        get("/v1/individuals/w_00001"),
        get("/v1/encounters?limit=200"),
        get("/v1/catalogue/photos?limit=200"),
        get("/v1/changes?limit=200"),
        get("/v1/changes?limit=200&subject=w_0{at}"),
        get("/v1/merge-suggestions"),
        get("/v1/clusters"),
        get("/v1/jobs?limit=200"),
        get("/v1/photos/2000/p000000.jpg?size_px=2048"),
        get("/v1/photos/2001/p000001.jpg?size_px=512"),
        Route("POST /v1/identify", identify()),
        Route("POST /v1/identify, scope", identify(**scoped)),
        Route("POST /v1/identify, region {at}", identify(regions="sea {at}")),
        Route("POST /v1/identify, as_of", identify(as_of="{at}")),
    ]


def photo_bytes() -> bytes:
    """A small PNG."""
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (1, 2, 3)).save(data, "PNG")
    return data.getvalue()


def asked(client: httpx.Client, route: Route, at: int) -> tuple[float, int]:
    """Milliseconds and status of one request."""
    started = time.perf_counter()
    try:
        status = route.send(client, at).status_code
    except httpx.TimeoutException:
        status = 0
    return (time.perf_counter() - started) * 1000, status


def under_load(open_client: Callable[[], httpx.Client], route: Route, seconds: float) -> list[Any]:
    """Ask a route from many clients: its times, and those of /healthz and identify meanwhile."""
    others = {one.name: one for one in routes()}
    watched = [route] * LOADED_BY + [others["GET /healthz"], others["POST /v1/identify"]]
    found: list[list[tuple[float, int]]] = [[] for _ in watched]
    until = time.perf_counter() + seconds

    def ask_on(number: int) -> None:
        with open_client() as client:
            at = number
            while time.perf_counter() < until:
                at += 1
                found[number].append(asked(client, watched[number], at % 900))

    threads = [threading.Thread(target=ask_on, args=(number,)) for number in range(len(watched))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [[each for one in found[:LOADED_BY] for each in one], found[-2], found[-1]]


def measure(url: str, secret: str, seconds: float, only: str) -> None:
    """Print a table of all routes."""

    def open_client() -> httpx.Client:
        headers = {"X-API-Key": secret}
        return httpx.Client(base_url=url, headers=headers, timeout=120, trust_env=False)

    print(
        "| request | alone, median ms | first ms | 8 clients, worst ms | /healthz then, worst ms "
        "| identify then, worst ms | statuses |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for route in routes():
        if only not in route.name:
            continue
        with open_client() as client:
            alone = [asked(client, route, at) for at in range(5)]
        loaded, health, identify = under_load(open_client, route, seconds)
        statuses = sorted({status for _, status in [*alone, *loaded]})
        worst = [max((ms for ms, _ in each), default=0) for each in (loaded, health, identify)]
        print(
            f"| {route.name} | {sorted(ms for ms, _ in alone)[2]:.0f} | {alone[0][0]:.0f} | "
            + " | ".join(f"{ms:.0f}" for ms in worst)
            + f" | {', '.join(map(str, statuses))} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--individuals", type=int, default=5000)
    parser.add_argument("--photos", type=int, default=20000)
    parser.add_argument("--acts", type=int, default=1000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        if not (folder / "catalogue.db").exists():
            fill(folder, options.individuals, options.photos, options.acts)
        command = [sys.executable, __file__, "--serve", "--folder", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
            assert service.stdout is not None
            told = json.loads(service.stdout.readline())
            try:
                with httpx.Client(trust_env=False) as client:
                    while True:
                        try:
                            if client.get(f"{told['url']}/readyz").status_code == 200:
                                break
                        except httpx.TransportError:
                            time.sleep(0.1)
                measure(told["url"], told["secret"], options.seconds, options.only)
            finally:
                service.terminate()


if __name__ == "__main__":
    main()
