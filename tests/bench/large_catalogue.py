"""Start-up, memory, identifying, merging, another checkpoint: a catalogue of 8,000 individuals with
166,000 photos.

    python tests/bench/large_catalogue.py [--individuals 8000] [--photos 166000] [--dimension 512]
    [--folder FOLDER]
        [--url 'postgresql://USER@HOST/DATABASE?schema=large'] [--only measure|swap] [--fit-all]

The photos are random unit vectors in clusters, one an individual; there are no pictures, and no
network runs. With --url the catalogue stands in PostgreSQL, in a schema that is filled where it
isn't there, and kept.

For the swap another checkpoint's vectors are laid beside, gone over to in one commit, and that is
undone. Meanwhile a second process reads and asks for the write lock again and again, and a thread
of the one that swaps, as a service's would, asks a gallery in memory. Thresholds are fitted to a
twentieth, before the commit, but with --fit-all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete

import index.reindex.preparation
from index.catalogue.calibrating import refit
from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import read_photo_states, refresh_gallery
from index.catalogue.revision import open_revision
from index.curation.curator import Curator
from index.curation.undo import undo
from index.exchange.backup.copy_database import copy_catalogue
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from index.search.gallery import Gallery
from index.storage.address import CatalogueAddress, address_of, files_folder, with_files_folder
from index.storage.connection import exists, remove_database
from index.storage.retry import enter_while_busy
from index.storage.schema import VectorRow

FINGERPRINT = "b" * 64
_NOISE = (
    0.04  # a photo is about .4 from another of its individual, individuals about 1 from each other
)


def vectors_of(
    individuals: int, photos: int, dimension: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Whose each photo is (photos,), and its unit vector (photos, dimension)."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1 / np.sqrt(dimension), (individuals, dimension)).astype(np.float32)
    whose = np.sort(
        np.concatenate([np.arange(individuals), rng.integers(0, individuals, photos - individuals)])
    )
    vectors = centres[whose] + rng.normal(0, _NOISE, (photos, dimension)).astype(np.float32)
    return whose, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(address: CatalogueAddress, individuals: int, photos: int, dimension: int) -> None:
    """Write the catalogue in one revision, where at most an unfinished one is; into PostgreSQL by
    way of a file.
    """
    remove_database(address)
    if not isinstance(address, Path):  # row by row over a socket takes hours
        file = files_folder(address) / "filling.db"
        fill(file, individuals, photos, dimension)
        copy_catalogue(file, address)
        remove_database(file)
        return
    whose, vectors = vectors_of(individuals, photos, dimension)
    folder = files_folder(address)
    with Catalogue.open(address, create=True) as catalogue, open_revision(catalogue) as revision:
        for at, (owner, vector) in enumerate(zip(whose.tolist(), vectors, strict=True)):
            name = f"p{at:06}.jpg"
            label = LabelledPhoto(name, folder / name, f"w_{owner:05}", None, None, None, None)
            revision.add(
                EmbeddedPhoto(label, PhotoFile(f"{at:064x}", 1, None), vector), FINGERPRINT
            )
        revision.finish(FINGERPRINT)
    with Catalogue.open(address) as catalogue:
        print(f"calibration fitted: {timed(lambda: refit(catalogue)):.1f} s", flush=True)


def is_filled(address: CatalogueAddress) -> bool:
    """Whether the catalogue is there and complete: one whose filling was killed has no revision."""
    if not exists(address):
        return False
    with Catalogue.open(address) as catalogue:
        return catalogue.revision > 0


def peak_mib() -> float:
    """The most memory that this process ever had, in MiB (of Linux; getrusage would count its
    parent's, too).
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def timed(act: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def told(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p50, p95 = statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(
        f"{name}: p50 {p50 * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms ({len(ordered)} times)",
        flush=True,
    )


def queries_near(gallery: Gallery) -> NDArray[np.float32]:
    """400 new photos of known individuals."""
    rng = np.random.default_rng(1)
    queries = gallery.vectors[rng.integers(0, gallery.size, 400)] + rng.normal(
        0, _NOISE, (400, gallery.dimension)
    )
    return (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)


def measure(address: CatalogueAddress) -> None:
    """Print every figure; run in a process of its own, so that its memory is that of answering."""
    before = peak_mib()
    started = time.perf_counter()
    catalogue = Catalogue.open(address)
    gallery = catalogue.gallery()
    print(
        f"start: {time.perf_counter() - started:.1f} s until {gallery.size:,} photos of "
        f"{gallery.individual_count:,} individuals can be searched"
    )
    print(
        f"memory: {peak_mib():.0f} MiB at most, {before:.0f} before the catalogue was opened; "
        "the vectors are "
        f"{gallery.vectors.nbytes / 2**20:.0f}"
    )
    queries = queries_near(gallery)
    told(
        "identify, five individuals",
        [timed(lambda row=row: gallery.rank(row[None], 5)) for row in queries],
    )
    curator = Curator(catalogue, made_by="bench")
    merges, undos = list[float](), list[float]()
    for at in range(20):
        started = time.perf_counter()
        merged = curator.merge(f"w_{2 * at:05}", f"w_{2 * at + 1:05}")
        gallery = refresh_gallery(
            gallery, merged.photos, read_photo_states(catalogue, merged.photos)
        )
        merges.append(time.perf_counter() - started)
        started = time.perf_counter()
        undone = undo(catalogue, merged.revision, made_by="bench")
        gallery = refresh_gallery(
            gallery, undone.photos, read_photo_states(catalogue, undone.photos)
        )
        undos.append(time.perf_counter() - started)
    told("merge two individuals, until the gallery has it", merges)
    told("undo that, until the gallery has it", undos)
    print(f"memory after that: {peak_mib():.0f} MiB at most")


@dataclass
class Spans:
    """When something began and ended, in seconds of the machine's one steady clock, which its
    processes share.
    """

    times: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def again(
        self, act: Callable[[], object], is_over: threading.Event, pause_seconds: float = 0.005
    ) -> None:
        while not is_over.is_set():
            started = time.monotonic()
            act()
            self.times.append((started, time.monotonic()))
            time.sleep(pause_seconds)

    def within(self, start: float, stop: float) -> list[float]:
        """Seconds of each that was going on at some moment between."""
        return [ended - began for began, ended in self.times if began < stop and ended > start]


def watch(address: CatalogueAddress) -> None:
    """Read, and ask for the write lock, until the input ends; then print when and how long.

    A process of its own.
    """
    is_over = threading.Event()
    reading, writing = Spans(), Spans()
    with Catalogue.open(address) as reader, Catalogue.open(address) as writer:
        name = "p000000.jpg"

        def ask_to_write() -> None:
            with enter_while_busy(lambda: open_revision(writer)):
                pass

        asking = [
            threading.Thread(
                target=reading.again, args=(lambda: read_photo_states(reader, [name]), is_over)
            ),
            threading.Thread(target=writing.again, args=(ask_to_write, is_over)),
        ]
        for thread in asking:
            thread.start()
        print("ready", flush=True)
        sys.stdin.read()
        is_over.set()
        for thread in asking:
            thread.join()
    print(json.dumps({"reader": reading.times, "writer": writing.times}))


@contextmanager
def watched(
    what: str, words: Sequence[str], gallery: Gallery, around_seconds: float
) -> Generator[None]:
    """Tell how long the block took, and how long others waited before and during it."""
    queries = queries_near(gallery)
    is_over, asked = threading.Event(), Spans()
    numbers = iter(range(10**9))
    asking = threading.Thread(
        target=asked.again,
        args=(lambda: gallery.rank(queries[next(numbers) % len(queries)][None], 5), is_over),
    )
    with subprocess.Popen(
        [*words, "--watch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "ready\n"
        asking.start()
        time.sleep(around_seconds)
        start = time.monotonic()
        try:
            yield
        finally:
            stop = time.monotonic()
            time.sleep(around_seconds)
            is_over.set()
            asking.join()
            seen: dict[str, Any] = json.loads(watcher.communicate()[0])
    print(
        f"{what}: {stop - start:.2f} s, from asking for the write lock until it is given back",
        flush=True,
    )
    waiting = {
        "identify, gallery in memory": asked,
        "a reader": Spans(seen["reader"]),
        "a writer": Spans(seen["writer"]),
    }
    for name, spans in waiting.items():
        told(f"  {name}, before", spans.within(0, start))
        during = spans.within(start, stop)
        told(f"  {name}, meanwhile", during)
        print(f"  {name}, longest meanwhile: {max(during) * 1000:.1f} ms", flush=True)


class Rolled:
    """What stands for another checkpoint: every vector's numbers one place further.

    Makes none from images.
    """

    input_px = 1

    def __init__(self, gallery: Gallery, revision: int) -> None:
        self.fingerprint = (
            f"{revision:064x}"  # another one each time, so that no vector is there before
        )
        self.dimension = gallery.dimension
        self._gallery = gallery
        self._rows = {name: row for row, name in enumerate(gallery.photo_names)}

    def embed(
        self, images: Sequence[Any], boxes: Sequence[Any] | None = None
    ) -> NDArray[np.float32]:
        raise NotImplementedError("there are no pictures")

    def made(self, photos: Iterable[LabelledPhoto], _: object) -> Generator[list[EmbeddedPhoto]]:
        """Batches of vectors, in the place of `index.photos.embed.embed_photos`."""
        photos = list(photos)
        for start in range(0, len(photos), index.reindex.preparation.BATCH_PHOTOS):
            batch = photos[start : start + index.reindex.preparation.BATCH_PHOTOS]
            yield [
                EmbeddedPhoto(
                    each, PhotoFile(f"{int(each.name[1:-4]):064x}", 1, None), self._of(each)
                )
                for each in batch
            ]

    def _of(self, photo: LabelledPhoto) -> NDArray[np.float32]:
        return np.roll(self._gallery.vectors[self._rows[photo.name]], 1)


def swap(
    address: CatalogueAddress,
    words: Sequence[str],
    *,
    around_seconds: float,
) -> None:
    """Go over to another checkpoint and back, and print what others wait; a process of its own, as
    the service is.
    """
    with Catalogue.open(address) as catalogue:
        gallery = catalogue.gallery()
        other = Rolled(gallery, catalogue.revision)
        began = time.monotonic()
        index.reindex.preparation.embed_photos = other.made
        try:
            report = update_catalogue(
                catalogue,
                None,
                other,
                UpdateOptions(kind="swap"),
                around_commit=lambda: watched(
                    "the commit that goes over", words, gallery, around_seconds
                ),
            )
            assert report.reembedded == gallery.size
            print(f"another checkpoint's vectors: {time.monotonic() - began:.0f} s in all")
            reread = timed(lambda: (catalogue.searchable(), catalogue.photos()))
            print(f"the gallery read anew, while the old one answers: {reread:.1f} s", flush=True)
            with watched("undoing that", words, gallery, around_seconds):
                undo(catalogue, report.revision, made_by="bench")
            assert catalogue.fingerprint == gallery.fingerprint
        finally:
            with open_revision(catalogue) as act:  # a kept catalogue doesn't grow with each run
                act.session.execute(
                    delete(VectorRow).where(VectorRow.fingerprint == other.fingerprint)
                )
    print(f"memory: {peak_mib():.0f} MiB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--individuals", type=int, default=8000)
    parser.add_argument("--photos", type=int, default=166_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where the catalogue is written, and kept")
    parser.add_argument(
        "--url", help="a database of PostgreSQL that the catalogue is written into, and kept"
    )
    parser.add_argument("--only", choices=["measure", "swap"], help="one of the two parts alone")
    parser.add_argument(
        "--around-seconds", type=float, default=3.0, help="how long to watch before and after"
    )
    for part in ("measure", "swap", "watch"):
        parser.add_argument(f"--{part}", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        address = with_files_folder(address_of(given.url or str(folder / "large.db")), folder)
        words = [
            sys.executable,
            __file__,
            "--folder",
            str(folder),
            *(["--url", given.url] if given.url else []),
        ]
        if given.measure or given.swap or given.watch:
            if given.measure:
                measure(address)
            elif given.watch:
                watch(address)
            else:
                swap(
                    address,
                    words,
                    around_seconds=given.around_seconds,
                )
            return
        if not is_filled(address):
            seconds = timed(lambda: fill(address, given.individuals, given.photos, given.dimension))
            size = (
                f", {address.stat().st_size / 2**20:.0f} MiB on disk"
                if isinstance(address, Path)
                else ""
            )
            print(f"filled in {seconds:.0f} s{size}", flush=True)
        if given.only != "swap":
            subprocess.run([*words, "--measure"], check=True)
        if given.only != "measure":
            more = ["--around-seconds", str(given.around_seconds)]
            subprocess.run([*words, "--swap", *more], check=True)


if __name__ == "__main__":
    main()
