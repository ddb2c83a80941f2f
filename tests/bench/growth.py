"""What searching, starting and a curator's acts cost as a catalogue grows to a million photos.

    python tests/bench/growth.py [--photos 1000 10000 100000] [--folder FOLDER]
        [--vectors FILE.npz ...] [--code FOLDER] [--json FILE] [--draw PNG]

Each size is measured in a process of its own, on one thread. There are no pictures, and no network
runs: the vectors are those of --vectors (as `flukeprint embed` writes them), jittered, or random
ones that are like the shipped checkpoint's: 816 numbers in blocks, of which 192 (or 432) are not 0.
Ten photos an individual, three an encounter; a hundred wait in the queue. Times are CPU time, the
least of several, or percentiles where many are named. --code measures another working copy, and
GROWTH_ENGINE=auto another engine than the exact one. Acts stay in the catalogue that is kept.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.storage.address import CatalogueAddress

FINGERPRINT = "b" * 64
DIMENSION = 816
ENGINE = os.environ.get("GROWTH_ENGINE", "Flat")
_BLOCK = 10_000
_WAITING = 100
_BLOCKS = {"humpback": [(0, 192)], "right whale": [(192, 624)]}  # live columns, and photos in ten
_PHOTOS_EACH = 10


class Vectors:
    """Makes the vectors of one block of photos after the other."""

    def __init__(self, files: list[Path], seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        found = [np.load(file)["embedding"] for file in files]
        self._real = np.concatenate(found).astype(np.float32) if found else None

    def block(self, individuals: int) -> NDArray[np.float32]:
        """Ten unit vectors each of so many new individuals."""
        rng = self._rng
        if self._real is not None:
            centres = self._real[rng.integers(0, len(self._real), individuals)]
            # Another animal of the same kind: turned within its live columns.
            centres = centres + (centres != 0) * rng.normal(0, 0.05, centres.shape)
        else:
            centres = np.zeros((individuals, DIMENSION))
            is_humpback = rng.random(individuals) < 0.8
            for own, (start, stop) in ((is_humpback, (0, 192)), (~is_humpback, (192, 624))):
                centres[own, start:stop] = rng.normal(size=(int(own.sum()), stop - start))
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        rows = np.repeat(centres, _PHOTOS_EACH, axis=0)
        live = (rows != 0).sum(axis=1, keepdims=True)
        rows = rows + (rows != 0) * rng.normal(size=rows.shape) * 0.6 / np.sqrt(live)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows.astype(np.float32)


def fill(file: CatalogueAddress, photos: int, vectors: Vectors) -> None:
    """Write a catalogue row by row, far faster than by revisions."""
    from sqlalchemy import insert

    from index.calibration.fitting import calibrate
    from index.catalogue.catalogue import Catalogue
    from index.storage.checksums import vector_checksum
    from index.storage.schema import (
        CalibrationRow,
        ChangeRow,
        EncounterRow,
        IndividualRow,
        PhotoRow,
        RevisionRow,
        VectorRow,
        writing,
    )

    if isinstance(file, Path):
        file.parent.mkdir(parents=True, exist_ok=True)
    with Catalogue.open(file, create=True) as catalogue:
        done, calibration = 0, {}
        while done < photos:
            count = min(_BLOCK, photos - done)
            rows = vectors.block(-(-count // _PHOTOS_EACH))[:count]
            numbers = range(done, done + count)
            whose = [number // _PHOTOS_EACH for number in numbers]
            with writing(catalogue.engine.connect()) as connection, connection.begin():
                connection.execute(
                    insert(IndividualRow),
                    [
                        {"id": 1 + each, "name": f"w_{each:06}", "species": f"s{each % 2}"}
                        for each in sorted(set(whose))
                    ],
                )
                connection.execute(
                    insert(EncounterRow),
                    [
                        {
                            "id": 1 + each,
                            "name": f"e{each}",
                            "individual_id": 1 + whose[each * 3 - done],
                        }
                        for each in range(-(-done // 3), -(-(done + count) // 3))
                    ],
                )
                connection.execute(
                    insert(PhotoRow),
                    [
                        {
                            "id": 1 + at,
                            "name": f"p{at * 7919 % 10_000_019:08}.jpg",
                            "path": f"photos/p{at}.jpg",
                            "content_hash": f"{at:064x}",
                            "size_bytes": 1,
                            "individual_id": None if _is_waiting(at, photos) else 1 + owner,
                            "encounter_id": 1 + at // 3,
                            "taken_at": f"20{at % 20:02}-06-01",
                            "state": "waiting" if _is_waiting(at, photos) else "catalogued",
                            "viewpoint": "left" if at % 4 == 0 else None,
                        }
                        for at, owner in zip(numbers, whose, strict=True)
                    ],
                )
                connection.execute(
                    insert(VectorRow),
                    [
                        {
                            "photo_id": 1 + at,
                            "fingerprint": FINGERPRINT,
                            "dimension": DIMENSION,
                            "embedding": row.tobytes(),
                            "checksum": vector_checksum(1 + at, FINGERPRINT, row.tobytes()),
                        }
                        for at, row in zip(numbers, rows, strict=True)
                    ],
                )
                connection.execute(
                    insert(ChangeRow),
                    [
                        {
                            "revision": 1,
                            "kind": "add",
                            "photo": f"p{at * 7919 % 10_000_019:08}.jpg",
                            "detail": {"before": {}, "after": {}, "rows": []},
                        }
                        for at in numbers
                    ],
                )
                if done == 0:
                    some = min(count, 1000)
                    calibration = calibrate(rows[:some], [f"w_{each}" for each in whose[:some]])
                    connection.execute(
                        insert(RevisionRow).values(
                            revision=1, at="2026-01-01T00:00:00Z", fingerprint=FINGERPRINT
                        )
                    )
                    connection.execute(
                        insert(CalibrationRow).values(revision=1, calibration=calibration.to_json())
                    )
            done += count


def _is_waiting(at: int, photos: int) -> bool:
    return at % max(1, photos // _WAITING) == 5


def cpu_of(act: Callable[[], object]) -> float:
    """CPU milliseconds of one call in this thread and all others."""
    started = time.process_time()
    act()
    return (time.process_time() - started) * 1000


def peak_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Writing:
    """A service's writer on a catalogue, with an embedder that embeds nothing."""

    def __init__(self, file: Path) -> None:
        from index.catalogue.catalogue import Catalogue
        from service.catalogue.writer import CatalogueWriter

        catalogue = Catalogue.open(file)
        self.settings = SimpleNamespace(
            new_share=0.3, animal_threshold=None, engine=ENGINE, notice_url=None, notice_email=None
        )
        started = time.process_time()
        self.serving = _read(catalogue, self.settings)
        self.start_seconds = time.process_time() - started
        self.writer = CatalogueWriter(self, catalogue)  # pyright: ignore[reportArgumentType]
        self.writer.calibrator = SimpleNamespace(  # pyright: ignore[reportAttributeAccessIssue]
            wake=lambda: None, stop=lambda: None
        )

    def ready(self) -> Any:
        return self.serving


def _read(catalogue: Any, settings: Any) -> Any:
    """What a service reads when it starts."""
    embedder: Any = SimpleNamespace(fingerprint=FINGERPRINT, dimension=DIMENSION, input_px=None)
    try:
        from index.snapshots.snapshot import read_served
        from service.serving.loading import serving_of
    except ImportError:  # another working copy, from before snapshots
        from service.serving.served_photo import (  # pyright: ignore[reportMissingImports]
            ServedPhoto,
        )

        from index.identification.identifier import Identifier
        from service.serving.service import Serving

        gallery, calibration, _ = catalogue.read_searchable(ENGINE, may_be_old=True)
        photos = ServedPhoto.read_all(catalogue)
        species, viewpoints = catalogue.species(), catalogue.viewpoints()
        return Serving(Identifier(embedder, gallery, calibration, species, viewpoints), photos)
    return serving_of(read_served(catalogue, ENGINE), embedder, settings)


def first_start(file: Path) -> dict[str, float]:
    """What a start takes without a snapshot, and writing one."""
    import faiss  # pyright: ignore[reportMissingTypeStubs]

    faiss.omp_set_num_threads(1)  # pyright: ignore[reportUnknownMemberType]
    before = peak_mib()
    service = Writing(file)
    found = {
        "first_start_cpu_s": service.start_seconds,
        "first_start_memory_mib": peak_mib() - before,
    }
    started = time.process_time()
    try:
        service.writer.compactor.start(service.serving)
    except AttributeError:  # from before snapshots
        return found
    finally:
        service.writer.stop()
    written = list(file.parent.glob(f"{file.name}.snapshot/*"))
    found["snapshot_cpu_s"] = time.process_time() - started
    found["snapshot_mib"] = sum(each.stat().st_size for each in written) / 2**20
    return found


def measure(file: Path) -> dict[str, float]:
    """All figures of one catalogue."""
    import faiss  # pyright: ignore[reportMissingTypeStubs]

    from index.curation.curator import Curator
    from index.curation.listings import Directory
    from index.curation.undo import undo

    faiss.omp_set_num_threads(1)  # pyright: ignore[reportUnknownMemberType]
    before = peak_mib()
    wall = time.perf_counter()
    service = Writing(file)
    found: dict[str, float] = {
        "start_cpu_s": service.start_seconds,
        "start_wall_s": time.perf_counter() - wall,
        "memory_mib": peak_mib() - before,
    }
    print(found, file=sys.stderr, flush=True)
    gallery = service.serving.identifier.gallery
    found["photos"] = gallery.size
    first = gallery.vectors_at([0])
    found["first_answer_ms"] = cpu_of(lambda: service.serving.identifier.identify_vectors(first))
    rng = np.random.default_rng(1)
    at = np.sort(rng.integers(0, gallery.size, 200))
    queries = gallery.vectors_at(at) if hasattr(gallery, "vectors_at") else gallery.vectors[at]
    queries = queries + (queries != 0) * rng.normal(0, 0.02, queries.shape)
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    some = queries[: 200 if gallery.size <= 200_000 else 60]
    one = [cpu_of(lambda row=row: gallery.rank(row[None], 20)) for row in some]
    found["search_p50_ms"], found["search_p95_ms"] = np.percentile(one, [50, 95]).tolist()
    found["search_64_ms"] = min(cpu_of(lambda: gallery.rank(queries[:64], 20)) for _ in range(3))

    print(found, file=sys.stderr, flush=True)
    writer = service.writer
    waiting = [card.name for card in Directory(writer.catalogue).waiting(limit=200)]
    acts: dict[str, list[float]] = {}

    def timed(name: str, act: Callable[[Any], Any]) -> Any:
        given: list[Any] = []
        ms = cpu_of(lambda: given.append(writer._act(act)))
        acts.setdefault(name, []).append(ms)
        return given[0]

    gc.collect()
    for number, name in enumerate(waiting[:15]):
        event = timed(
            "confirm", lambda c, n=name, i=number: Curator(c, made_by="x").confirm(n, f"w_{i:06}")
        )
        timed("undo", lambda c, e=event: undo(c, e.revision, made_by="x"))
        event = timed(
            "confirm_new", lambda c, n=name, i=number: Curator(c, made_by="x").confirm(n, f"n{i}")
        )
        event = timed(
            "merge",
            lambda c, i=number: Curator(c, made_by="x").merge(
                f"w_{2 * i + 9:06}", f"w_{2 * i + 10:06}"
            ),
        )
        timed("undo_merge", lambda c, e=event: undo(c, e.revision, made_by="x"))
        now = service.serving.identifier
        acts.setdefault("search_after_act", []).append(
            cpu_of(lambda r=queries[number], i=now: i.identify_vectors(r[None]))
        )
    for name, times in acts.items():
        found[f"{name}_ms"], found[f"{name}_max_ms"] = min(times), max(times)
    print(found, file=sys.stderr, flush=True)
    directory = writer.directory
    lists: dict[str, Callable[[], object]] = {
        "queue": lambda: (directory.waiting(), directory.waiting_count()),
        "changes": lambda: directory.history(limit=50),
        "individuals": lambda: directory.individuals(limit=50),
        "individuals_page_2": lambda: directory.individuals(after="w_000500", limit=50),
        "individual": lambda: directory.individual("w_000007"),
        "photos": lambda: directory.photos(limit=50),
        "encounters": lambda: directory.encounters(limit=50),
        "next_id": directory.next_id,
        "individuals_search": lambda: directory.individuals(search="w_0000", limit=50),
    }
    for name, read in lists.items():
        found[f"{name}_ms"] = min(cpu_of(read) for _ in range(3))
    from service.serving.scopes import Scope

    scope = Scope(years=frozenset({2003}))
    try:
        found["scope_ms"] = cpu_of(lambda: service.serving.scopes.identifier_for(scope))
    except Exception as error:
        print("scope:", error, file=sys.stderr)
    name = waiting[-1]
    timed("confirm", lambda c: Curator(c, made_by="x").confirm(name, "w_000003"))
    found["scope_after_act_ms"] = cpu_of(lambda: service.serving.scopes.identifier_for(scope))
    found["memory_after_mib"] = peak_mib() - before
    writer.stop()
    return found


def draw(rows: list[dict[str, float]], file: Path) -> None:
    """Draw how each figure grows with the photos."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = {
        "search, CPU ms": {"search_p50_ms": "half of the queries", "search_p95_ms": "95 of 100"},
        "an act, CPU ms": {
            "confirm_ms": "confirm",
            "merge_ms": "merge",
            "undo_merge_ms": "undo a merge",
        },
        "a list, CPU ms": {"queue_ms": "queue", "changes_ms": "changes", "next_id_ms": "next id"},
        "start, CPU s; memory, GiB": {
            "first_start_cpu_s": "first start",
            "start_cpu_s": "start",
            "memory_gib": "memory",
        },
    }
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2), layout="constrained")
    for axis, (title, lines) in zip(axes, shown.items(), strict=True):
        for name, label in lines.items():
            values = [
                row["memory_mib"] / 1024 if name == "memory_gib" else row[name] for row in rows
            ]
            axis.plot([row["photos"] for row in rows], values, marker="o", label=label)
        axis.set(xscale="log", title=title, xlabel="photos")
        if "start" in title:
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(file, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path, default=Path("growth"))
    parser.add_argument("--vectors", type=Path, nargs="*", default=[])
    parser.add_argument("--code", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--json", type=Path, help="where the figures are written")
    parser.add_argument("--draw", type=Path, help="a PNG of the figures in --json; nothing runs")
    for part in ("--one", "--first"):
        parser.add_argument(part, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sys.path.insert(0, str(given.code))
    if given.draw:
        draw(json.loads(given.json.read_text()), given.draw)
        return
    if given.one or given.first:
        print(json.dumps(measure(given.one) if given.one else first_start(given.first)))
        return
    rows: list[dict[str, float]] = []
    for photos in given.photos:
        file = given.folder / f"{photos}.db"
        if not file.exists():
            fill(file.with_suffix(".part"), photos, Vectors(given.vectors))
            file.with_suffix(".part").rename(file)
        shutil.rmtree(f"{file}.snapshot", ignore_errors=True)
        rows.append({})
        for part in ("--first", "--one"):
            words = [sys.executable, __file__, "--code", str(given.code), part, str(file)]
            answer = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
            rows[-1] |= json.loads(answer.stdout)
        print(json.dumps({name: round(value, 2) for name, value in rows[-1].items()}), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
