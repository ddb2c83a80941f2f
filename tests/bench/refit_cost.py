"""What a refit of the calibration costs, and how far sampled rates are from those of all trials.

    PYTHONPATH=. python tests/bench/refit_cost.py 10000 100000 1000000
    PYTHONPATH=. python tests/bench/refit_cost.py 1000000 --photos-each 2.53 --check 40000
    PYTHONPATH=. python tests/bench/refit_cost.py --error 20000

Vectors are clusters, one an individual, in 192 of 816 numbers, as the shipped checkpoint's of
humpbacks are. Individuals have 1, 2, 3 ... photos as humpbacks have, times `--photos-each`, and
three photos in eight are of nobody known. `--check` asks about as many individuals that the fit
didn't try: their real rates at the thresholds that were promised. `--error` tries every photo of a
catalogue once, and then draws samples as a refit does.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator, Sequence

import numpy as np

from index.calibration import trials
from index.calibration.calibration import Calibration
from index.calibration.error_rates import rates_at
from index.calibration.fitting import calibrate
from index.calibration.leave_one_out import LabelledPhotos
from index.calibration.rate_bounds import StrangerKind
from index.search.rows.live_rows import LiveRows

DIMENSION = 816
LIVE = 192
NOBODY_SHARE = 0.36
PHOTOS_EACH = {1: 0.45, 2: 0.28, 3: 0.1, 4: 0.06, 6: 0.05, 9: 0.04, 16: 0.02}
SPREAD = 0.75  # of a photo around its individual, against the individuals' own
DRAWS = 200
RATES = (0.05, 0.01)


def catalogue(photos: int, each: float = 1.0, seed: int = 0) -> tuple[LiveRows, list[str | None]]:
    """Vectors (n, d) and whose they are."""
    rng = np.random.default_rng(seed)
    strangers = round(NOBODY_SHARE * photos)
    drawn = rng.choice(list(PHOTOS_EACH), photos, p=list(PHOTOS_EACH.values()))
    counts = np.maximum(1, np.round(drawn * each)).astype(np.int64)
    own = np.repeat(np.arange(photos), counts)[: photos - strangers]
    everyone = np.concatenate([own, own.max() + 1 + np.arange(strangers)])
    # Individuals differ in 40 directions, as nearest strangers of real ones come about as near.
    axes = np.zeros((40, DIMENSION), np.float32)
    axes[:, :LIVE] = rng.normal(size=(40, LIVE)) / LIVE**0.5
    centres = rng.normal(size=(everyone.max() + 1, 40)).astype(np.float32)

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, photos, 20_000):
            of = everyone[start : start + 20_000]
            noise = rng.normal(size=(len(of), 40)).astype(np.float32)
            rows = (centres[of] + SPREAD * noise) @ axes
            yield rows / np.linalg.norm(rows, axis=1, keepdims=True)

    vectors = LiveRows.collect(chunks(), DIMENSION)
    names = [f"w_{one}" if at < len(own) else None for at, one in enumerate(everyone.tolist())]
    return vectors, names


def print_cost(sizes: Sequence[int], each: float, check: int) -> None:
    """Seconds and memory of a fit, what it states, and what others' real rates are."""
    print("| photos | individuals | tried | seconds | CPU s | peak GB | error of .05 | of .01 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        vectors, names = catalogue(size, each)
        start, cpu = time.perf_counter(), time.process_time()
        fitted = calibrate(vectors, names)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        errors = [f"{relative_error(fitted, rate):.1%}" for rate in RATES]
        print(
            f"| {size:,} | {len(set(names) - {None}):,} | {fitted.unknown_animals:,} | "
            f"{seconds:.0f} | {cpu:.0f} | {peak:.1f} | {' | '.join(errors)} |",
            flush=True,
        )
        if check:
            print_check(vectors, names, fitted, check)


def relative_error(fitted: Calibration, rate: float) -> float:
    """The stated standard error of the measured rate where `rate` is promised, over the rate."""
    point = rates_at(fitted, fitted.threshold_at_fpir(rate))
    return point.error / max(point.fpir, 1e-9)


def print_check(
    vectors: LiveRows, names: Sequence[str | None], fitted: Calibration, check: int
) -> None:
    """The rates of individuals that weren't tried, at the thresholds that were promised."""
    tried = {names[row] for row in trials.sample_photos(names).rows}
    first = {name: row for row, name in enumerate(names) if name is not None and name not in tried}
    rows = np.sort(np.random.default_rng(1).permutation(list(first.values()))[:check])
    nearest = np.sort(nearest_strangers(LabelledPhotos(vectors, names), rows))
    print(f"\n{len(rows):,} individuals that weren't tried:\n")
    print("| promised | as the fit measured it | real | fit / real | real / promised |")
    print("| --- | --- | --- | --- | --- |")
    for rate in RATES:
        threshold = fitted.threshold_at_fpir(rate)
        measured = fitted.share_passing(threshold)
        real = float(np.searchsorted(nearest, threshold, side="right")) / len(nearest)
        ratios = f"{measured / real:.3f} | {real / rate:.3f}"
        print(f"| {rate} | {measured:.4f} | {real:.4f} | {ratios} |")


def nearest_strangers(photos: LabelledPhotos, rows: np.ndarray) -> np.ndarray:
    """The distance of each photo to the nearest individual that isn't its own."""
    found = [
        block.without_own().first_distances(np.ones(len(block.at), np.bool_), 1)[:, 0]
        for block in photos.distances(rows, [[row] for row in rows.tolist()], "nearest")
    ]
    return np.concatenate(found)


def print_error(size: int) -> None:
    """How far samples' rates are from those of all trials, against what is stated."""
    vectors, names = catalogue(size)
    labelled = np.array([at for at, one in enumerate(names) if one is not None])
    photos = LabelledPhotos(vectors.take(labelled), [names[at] for at in labelled])
    nearest = nearest_strangers(photos, np.arange(len(labelled)))
    whole = StrangerKind(nearest[:, None], photos.columns)
    print(f"{len(labelled):,} photos of {whole.animal_count:,} individuals, {DRAWS} samples")
    print("| rate | individuals tried | stated error | measured error |\n| --- | --- | --- | --- |")
    rng = np.random.default_rng(1)
    for rate in RATES:
        ends = np.sort(nearest)
        limit = ends[np.searchsorted(whole.passing(ends) / whole.animal_count, rate)]
        true = float(whole.passing(np.array([limit]))[0]) / whole.animal_count
        found, tried = [], 0
        for _ in range(DRAWS):
            # Names drawn anew: the sample goes by a hash of them.
            salt = rng.integers(2**32)
            renamed = [f"{salt} {column}" for column in photos.columns]
            rows = trials.sample_photos(renamed, size // 10).rows
            kind = StrangerKind(nearest[rows][:, None], photos.columns[rows])
            tried = kind.animal_count
            found.append(float(kind.passing(np.array([limit]))[0]) / tried)
        stated = (true * (1 - true) / tried) ** 0.5
        measured = float(np.mean((np.array(found) - true) ** 2)) ** 0.5
        print(f"| {true:.4f} | {tried:,} | {stated / true:.1%} | {measured / true:.1%} |")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="What a refit costs.")
    parser.add_argument("photos", nargs="*", type=int)
    parser.add_argument("--photos-each", type=float, default=1.0)
    parser.add_argument("--check", type=int, default=0)
    parser.add_argument("--error", type=int)
    given = parser.parse_args()
    if given.photos:
        print_cost(given.photos, given.photos_each, given.check)
    if given.error:
        print_error(given.error)


if __name__ == "__main__":
    main()
