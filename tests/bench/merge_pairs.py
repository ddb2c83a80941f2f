"""How true the probability of merge suggestions is: some animals get two ids, and are looked for.

    PYTHONPATH=. python tests/bench/merge_pairs.py --csv humpback/train.csv \
        --photos humpback/photos --vectors runs/promises/vectors.npz

`--vectors` as in `promise_draws.py`. Each draw takes some of the individuals (the rest is held
out), and splits some of those with photos of two bursts or more into two ids, between bursts. The
probability before was that of an identification at the same distance. `--doubted` names a table of
pairs of ids that the labels call different and that look like one animal; such as
`tests/bench/humpback_doubted_pairs.csv`, the eight nearest. Figures are given with and without
them.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from index.calibration.calibration import Calibration
from index.calibration.curves.pair_curve import PairCurve, fit_pair_curve
from index.calibration.fitting import calibrate
from index.calibration.split_individuals import split_distances
from index.curation.reviewed_pairs import ReviewedPairs
from index.pairs.near_pairs import find_near_pairs
from index.pairs.similar_individuals import (
    LEAST_PROBABILITY,
    MOST_LISTED,
    pair_distances,
    pairs_fitted,
)
from index.search.gallery import Gallery
from index.search.rows.live_rows import LiveRows
from tests.bench.promise_draws import photo_set
from training.evaluation.promises.draws import PhotoSet

BINS = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
DRAWS = (
    (100, 0), (100, 5), (300, 0), (300, 15), (1000, 0), (1000, 10), (1000, 50),
    (2346, 0), (2346, 25), (2346, 100),
)  # fmt: skip
TOPS = (5, 10, 25, 50)


class Drawn(NamedTuple):
    """Pairs (p,) that were found near each other, nearest first."""

    distances: np.ndarray
    is_one: np.ndarray
    is_doubted: np.ndarray
    calibration: Calibration
    curve: PairCurve
    duplicates: int

    @property
    def before(self) -> np.ndarray:
        """The probability that was shown for each pair before."""
        return np.array([self.calibration.probability(one, 1) for one in self.distances])

    @property
    def now(self) -> np.ndarray:
        """The probability that is shown now."""
        found = [self.curve.at(one) for one in self.distances.tolist()]
        return np.array([0.0 if one is None else one.probability for one in found])


def draw(
    photos: PhotoSet, individuals: int, duplicates: int, doubted: set[frozenset[str]], seed: int
) -> Drawn:
    """Draw a catalogue, give some of its animals two ids, and look for near pairs."""
    rng = np.random.default_rng(seed)
    of_individual = defaultdict(lambda: defaultdict(list))
    for row, (one, burst) in enumerate(zip(photos.individuals, photos.bursts, strict=True)):
        if one:
            of_individual[str(one)][int(burst)].append(row)
    chosen = rng.permutation(sorted(of_individual))[:individuals].tolist()
    several = [one for one in chosen if len(of_individual[one]) > 1]
    split = set(rng.permutation(several)[:duplicates].tolist())
    rows, whose = list[int](), list[str]()
    for one in chosen:
        bursts = list(of_individual[one].values())
        cut = int(rng.integers(1, len(bursts))) if one in split else len(bursts)
        for at, burst in enumerate(rng.permutation(len(bursts)).tolist()):
            rows += bursts[burst]
            whose += [one if at < cut else f"{one} again"] * len(bursts[burst])
    vectors = LiveRows.of(np.ascontiguousarray(photos.vectors[rows]))
    names = [f"{row:07}.jpg" for row in range(len(rows))]
    gallery = Gallery.build(names, whose, vectors, fingerprint="f" * 64, revision=1)
    near = find_near_pairs(gallery, pairs_fitted(gallery.individual_count))
    halves = split_distances(vectors, whose, photos.facts_of(np.array(rows)))
    curve = fit_pair_curve(pair_distances(near, ReviewedPairs(frozenset(), ()), halves))
    ids = [one.removesuffix(" again") for one in gallery.individual_ids]
    pairs = [
        frozenset((ids[one], ids[other]))
        for one, other in zip(near.pairs.ones, near.pairs.others, strict=True)
    ]
    is_one = np.array([len(pair) == 1 for pair in pairs])
    is_doubted = np.array([pair in doubted for pair in pairs])
    calibration = calibrate(vectors, whose)
    return Drawn(near.pairs.distances, is_one, is_doubted, calibration, curve, len(split))


def print_draws(photos: PhotoSet, doubted: set[frozenset[str]], seeds: int) -> None:
    """Print a row for each size and number of duplicates, and reliability over all."""
    print("| individuals | duplicates | estimated (95 %) | listed before | listed now |")
    print("| --- | --- | --- | --- | --- |")
    every = list[Drawn]()
    for individuals, duplicates in DRAWS:
        drawn = [draw(photos, individuals, duplicates, doubted, seed) for seed in range(seeds)]
        every += drawn
        print(_row(individuals, duplicates, drawn), flush=True)
    for name in ("before", "now"):
        for is_trusted in (False, True) if doubted else (False,):
            note = ", without the doubted pairs" if is_trusted else ""
            print(f"\nProbability {name}{note}:\n")
            print("| stated | pairs | mean stated | right |\n| --- | --- | --- | --- |")
            stated = np.concatenate([getattr(one, name) for one in every])
            is_one = np.concatenate([one.is_one for one in every])
            kept = ~(is_trusted & np.concatenate([one.is_doubted for one in every]))
            _print_reliability(stated[kept], is_one[kept])
    print("\n| duplicates | " + " | ".join(f"first {top}" for top in TOPS) + " |")
    print("| --- |" + " --- |" * len(TOPS))
    for duplicates in sorted({one.duplicates for one in every if one.duplicates}):
        own = [one for one in every if one.duplicates == duplicates]
        cells = [f"{np.mean([_top(each, top) for each in own]):.2f}" for top in TOPS]
        print(f"| {duplicates} | {' | '.join(cells)} |")


def _row(individuals: int, duplicates: int, drawn: Sequence[Drawn]) -> str:
    first = drawn[0]
    if not first.curve.distances:
        return f"| {individuals:,} | {duplicates} | none: {first.curve.fitted_to} | | |"
    estimates = [
        f"{one.curve.duplicates[0]:.1f} ({one.curve.duplicates[1]:.1f}-"
        f"{one.curve.duplicates[2]:.1f})"
        for one in drawn
    ]
    before, now = list[str](), list[str]()
    for one in drawn:
        is_listed = one.distances <= one.calibration.thresholds().new_whale
        before.append(_right_of(one.is_one[is_listed][:MOST_LISTED]))
        now.append(_right_of(one.is_one[one.now >= LEAST_PROBABILITY][:MOST_LISTED]))
    return (
        f"| {individuals:,} | {duplicates} | {', '.join(estimates)} | {', '.join(before)} | "
        f"{', '.join(now)} |"
    )


def _top(drawn: Drawn, top: int) -> float:
    """The share of the first pairs that are one animal, but for the doubted ones."""
    return float(drawn.is_one[~drawn.is_doubted][:top].mean())


def _right_of(is_one: np.ndarray) -> str:
    return f"{int(is_one.sum())} of {len(is_one)}"


def _print_reliability(stated: np.ndarray, is_one: np.ndarray) -> None:
    for low, high in pairwise(BINS):
        own = (stated >= low) & ((stated < high) | (high == 1.0))
        if own.any():
            mean, right = stated[own].mean(), is_one[own].mean()
            print(f"| {low:g}-{high:g} | {own.sum():,} | {mean:.3f} | {right:.3f} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="How true merge suggestions are.")
    for name in ("--csv", "--photos", "--vectors"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--doubted", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    lines = given.doubted.read_text().splitlines()[1:] if given.doubted else []
    doubted = {frozenset(line.split(",")[:2]) for line in lines}
    photos = photo_set(given.csv, given.photos, given.vectors)
    print_draws(photos, doubted, given.seeds)


if __name__ == "__main__":
    main()
