"""What memory thousands of small uploads leave behind, and what it is.

    python tests/bench/upload_memory.py [--uploads 4000] [--route identify|queue] [--clients 4]
    [--no-network] [--every 500] [--objects] [--arenas]

A service runs in a process of its own, with the shipped checkpoint or with none. Photos of many
sizes are sent to it. Every so many uploads the table says: the process's resident memory, what
glibc's malloc holds for it in use, and what malloc keeps free, over all of its arenas. Memory that
is in use and grows would be a leak. Memory that is free belongs to the process and is used again.
--objects adds the lines of Python that hold the most more than at the start (tracemalloc, slower).
"""

from __future__ import annotations

import argparse
import ctypes
import io
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from index.catalogue.catalogue import Catalogue
from tests.bench.reader_requests import RandomEmbedder, fill

_HELD = re.compile(
    rb'<(system|total) type="(current|rest|fast|mmap)"(?: count="\d+")? size="(\d+)"/>'
)


def held_by_malloc() -> dict[str, int]:
    """MiB in use and free in glibc's arenas, and how many arenas there are."""
    libc = ctypes.CDLL(None)
    libc.open_memstream.restype = ctypes.c_void_p
    text, size = ctypes.c_char_p(), ctypes.c_size_t()
    stream = libc.open_memstream(ctypes.byref(text), ctypes.byref(size))
    libc.malloc_info(0, ctypes.c_void_p(stream))
    libc.fclose(ctypes.c_void_p(stream))
    document = ctypes.string_at(text, size.value)
    total = document[document.rindex(b"</heap>") :]
    figures = {(kind, of): int(count) for kind, of, count in _HELD.findall(total)}
    system, mapped = figures[(b"system", b"current")], figures.get((b"total", b"mmap"), 0)
    free = figures.get((b"total", b"fast"), 0) + figures.get((b"total", b"rest"), 0)
    return {
        "in_use": (system - free + mapped) >> 20,
        "free": free >> 20,
        "arenas": document.count(b"<heap nr="),
    }


def serve(folder: Path, *, has_network: bool, has_objects: bool, keeps_arenas: bool) -> None:
    """Serve the catalogue; tells its memory for each line that comes on standard input."""
    import uvicorn

    from embedding.networks.malloc import limit_arenas
    from index.identification.identifier import Identifier
    from index.snapshots.served_photo import ServedPhoto
    from service.app import create_app
    from service.catalogue.writer import open_writer
    from service.server import listen, url_of
    from service.serving.checkpoints import load_embedder
    from service.serving.service import Serving
    from service.settings import Settings

    if not keeps_arenas:
        limit_arenas(4)  # as `service.server.run` does
    settings = Settings(catalogue=folder / "catalogue.db")
    with Catalogue.open(settings.address) as catalogue:
        gallery, calibration = catalogue.searchable()
        photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
    embedder: Any = RandomEmbedder()
    if has_network:
        network = load_embedder(None, settings)
        # The catalogue's vectors are random, so the network's are only computed.
        embedder.embed = lambda images, boxes=None: (
            network.embed(images, boxes),
            RandomEmbedder.embed(embedder, images),
        )[1]
    serving = Serving(Identifier(embedder, gallery, calibration), photos)
    app = create_app(
        settings,
        lambda: serving,
        open_writer=lambda service: open_writer(settings, service),
    )
    first: list[tracemalloc.Snapshot] = []
    if has_objects:
        tracemalloc.start()

    def tell() -> None:
        for _ in sys.stdin:
            lines = Path("/proc/self/status").read_text().splitlines()
            rss = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
            told: dict[str, Any] = {"rss": rss >> 10, **held_by_malloc()}
            told["threads"] = threading.active_count()
            if has_objects:
                now = tracemalloc.take_snapshot()
                first.append(now)
                more = now.compare_to(first[0], "lineno")[:5]
                told["objects"] = [str(one) for one in more]
            print(json.dumps(told), flush=True)

    with listen("127.0.0.1", 0) as listening:
        print(json.dumps({"url": url_of(listening)}), flush=True)
        threading.Thread(target=tell, daemon=True).start()
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run([listening])


def photos_of_many_sizes() -> list[bytes]:
    """Twelve JPEGs of 30 to 400 kB."""
    rng = np.random.default_rng(0)
    photos: list[bytes] = []
    for at in range(12):
        size = (500 + 90 * at, 400 + 60 * at)
        pixels = rng.integers(0, 255, (size[1] // 4, size[0] // 4, 3), np.uint8)
        data = io.BytesIO()
        Image.fromarray(pixels).resize(size).save(data, "JPEG", quality=85)
        photos.append(data.getvalue())
    return photos


def send(url: str, route: str, photos: list[bytes], numbers: range, statuses: set[int]) -> None:
    """Send uploads one after the other, each of other bytes than all before."""
    with httpx.Client(base_url=url, timeout=300, trust_env=False) as client:
        for number in numbers:
            data = photos[number % len(photos)] + f"{number}".encode()
            files = {"photos": (f"u{number}.jpg", data)}
            statuses.add(client.post(f"/v1/{route}", files=files).status_code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=4000)
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--route", choices=["identify", "queue"], default="identify")
    parser.add_argument("--no-network", action="store_true")
    parser.add_argument("--objects", action="store_true")
    parser.add_argument("--arenas", action="store_true", help="as many as glibc likes")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(
            options.serve,
            has_network=not options.no_network,
            has_objects=options.objects,
            keeps_arenas=options.arenas,
        )
        return
    photos = photos_of_many_sizes()
    with tempfile.TemporaryDirectory() as temporary:
        fill(Path(temporary), 50, 200, 0)
        more = [flag for flag in ("--no-network", "--objects", "--arenas") if flag in sys.argv]
        command = [sys.executable, __file__, "--serve", temporary, *more]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as service:
            assert service.stdin is not None
            assert service.stdout is not None
            url = json.loads(service.stdout.readline())["url"]
            try:
                with httpx.Client(trust_env=False, timeout=60) as client:
                    while client.get(f"{url}/readyz").status_code != 200:
                        time.sleep(0.1)
                print("| uploads | resident MiB | in use MiB | kept free MiB | arenas | threads |")
                print("| --- | --- | --- | --- | --- | --- |")
                statuses: set[int] = set()
                for start in range(0, options.uploads + 1, options.every):
                    service.stdin.write("\n")
                    service.stdin.flush()
                    told = json.loads(service.stdout.readline())
                    names = ("rss", "in_use", "free", "arenas", "threads")
                    print(
                        f"| {start} | {' | '.join(str(told[name]) for name in names)} |", flush=True
                    )
                    for line in told.get("objects", ()):
                        print(f"    {line}", flush=True)
                    if start == options.uploads:
                        break
                    each = options.every // options.clients
                    threads = [
                        threading.Thread(
                            target=send,
                            args=(url, options.route, photos, numbers, statuses),
                        )
                        for at in range(options.clients)
                        for numbers in [range(start + at * each, start + (at + 1) * each)]
                    ]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
                print(f"statuses: {sorted(statuses)}")
            finally:
                service.terminate()


if __name__ == "__main__":
    main()
