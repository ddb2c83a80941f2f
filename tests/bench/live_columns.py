"""Search over all columns, over the live ones, and coarsely first: memory, time, what is found.

    python tests/bench/live_columns.py --vectors FILE.npz ... [--photos 10000 100000 400000]

FILE.npz is what `flukeprint embed` writes. One in forty of its photos is a query; the others are
the gallery, with jittered copies where more are asked for. One thread; CPU time, the least of
several; all ways in one run. `whole` compares 816 numbers a photo, as flukeprint did before.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import faiss  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

from index.search.engine import LiveEngine, build_engine
from index.search.rows.live_rows import LiveGroup, LiveRows

_JITTER = 0.5  # length of what is added to a vector of unit length


def grown(
    real: NDArray[np.float32], photos: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """So many vectors, and queries that are not among them."""
    rng = np.random.default_rng(0)
    queries, base = real[::40], np.delete(real, np.s_[::40], axis=0)
    parts, count = [base], len(base)
    while count < photos:
        live = (base != 0).astype(np.float32)
        noise = rng.normal(size=base.shape).astype(np.float32) * live
        rows = base + _JITTER * noise / np.sqrt(live.sum(axis=1, keepdims=True))
        parts.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        count += len(base)
    return np.concatenate(parts)[:photos], queries


def cpu_ms(act: Callable[[], object], times: int) -> float:
    """The least CPU time of several calls, in milliseconds."""
    found = list[float]()
    for _ in range(times):
        started = time.process_time()
        act()
        found.append((time.process_time() - started) * 1000)
    return min(found)


def one_each(engine: LiveEngine, queries: NDArray[np.float32], k: int) -> float:
    """The mean of ten queries, one after the other."""

    def ask() -> None:
        for row in range(10):
            engine.search(queries[row : row + 1], k)

    return cpu_ms(ask, 4) / 10


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--vectors", type=Path, nargs="+", required=True)
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000, 400_000])
    parser.add_argument("--neighbours", type=int, default=80, help="asked for, of each query")
    given = parser.parse_args()
    faiss.omp_set_num_threads(1)  # pyright: ignore[reportUnknownMemberType]
    real = np.concatenate([np.load(file)["embedding"] for file in given.vectors])
    k: int = given.neighbours
    print(
        "| photos | engine | MB | built, CPU s | 1 query, CPU ms | 64 queries, CPU ms | recall@10 |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for photos in given.photos:
        vectors, queries = grown(real, photos)
        size, dimension = vectors.shape
        whole = LiveRows(
            [LiveGroup(np.arange(size), np.arange(dimension), vectors)], size, dimension
        )
        live = LiveRows.of(vectors)
        expected = None
        base = (0.0, 0.0)
        for name, rows, factory in (
            ("whole", whole, "flat"),
            ("live columns", live, "flat"),
            ("live columns, pq", live, "pq"),
        ):
            started = time.process_time()
            engine = build_engine(rows, factory)
            built = time.process_time() - started
            one = one_each(engine, queries, k)
            many = cpu_ms(lambda e=engine, q=queries: e.search(q[:64], k), 2)
            found = engine.search(queries, k)[1][:, :10].tolist()
            expected = expected or found
            base = base if base[0] else (one, many)
            recall = sum(len(set(a) & set(b)) for a, b in zip(expected, found, strict=True)) / sum(
                map(len, expected)
            )
            print(
                f"| {photos:,} | {name} | {rows.nbytes / 1e6:.0f} | {built:.1f} | {one:.2f} "
                f"({base[0] / one:.1f} x) | {many:.0f} ({base[1] / many:.1f} x) | {recall:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
