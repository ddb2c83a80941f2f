"""Seconds to find which individuals are near each other, at first and after a change.

    PYTHONPATH=. python tests/bench/near_individuals.py 10000 100000
    PYTHONPATH=. python tests/bench/near_individuals.py --csv humpback/train.csv \
        --photos humpback/photos --vectors runs/promises/vectors.npz

Drawn vectors are those of `refit_cost.py`. `--vectors` as in `promise_draws.py`. A change gives one
individual another photo.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from index.pairs.near_pairs import find_near_pairs
from index.pairs.similar_individuals import pairs_fitted
from index.search.gallery import Gallery
from index.search.rows.live_rows import LiveRows
from tests.bench.promise_draws import photo_set
from tests.bench.refit_cost import catalogue


def print_times(vectors: LiveRows, individuals: list[str]) -> None:
    """Print a row of the table."""
    names = [f"{row:07}.jpg" for row in range(len(individuals))]
    gallery = Gallery.build(names, individuals, vectors, fingerprint="f" * 64, revision=1)
    start, cpu = time.perf_counter(), time.process_time()
    near = find_near_pairs(gallery, pairs_fitted(gallery.individual_count))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    another = gallery.vectors_at([0])
    changed = gallery.replace_photos([], ["more.jpg"], [individuals[-1]], another, revision=2)
    start = time.process_time()
    after = near.after(changed)
    assert after is not None
    again = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {gallery.size:,} | {gallery.individual_count:,} | {len(near.pairs.ones):,} | "
        f"{seconds:.1f} | {cpu:.1f} | {again:.2f} | {peak:.1f} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What finding near individuals costs.")
    parser.add_argument("photos", nargs="*", type=int)
    for name in ("--csv", "--photos", "--vectors"):
        parser.add_argument(name, type=Path, dest=name[2:] + "_path")
    given = parser.parse_args()
    print("| photos | individuals | pairs | seconds | CPU s | CPU s after a change | peak GB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    if given.vectors_path:
        photos = photo_set(given.csv_path, given.photos_path, given.vectors_path)
        rows = np.flatnonzero(photos.individuals != "")
        own = photos.individuals[rows].tolist()
        print_times(LiveRows.of(np.ascontiguousarray(photos.vectors[rows])), own)
    for count in given.photos:
        vectors, names = catalogue(count)
        rows = [at for at, one in enumerate(names) if one is not None]
        print_times(vectors.take(np.array(rows)), [names[at] or "" for at in rows])


if __name__ == "__main__":
    main()
