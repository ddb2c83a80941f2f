"""What was promised and what came of it, as the mean over several draws of a labelled set.

    PYTHONPATH=. python tests/bench/promise_draws.py --csv humpback/train.csv \
        --photos humpback/photos --vectors runs/promises/vectors.npz --draws 3

The vectors are those that `flukeprint evaluate` writes, or `flukeprint embed --csv`. Each draw is
what the command measures with that seed; its ratio of strangers' rates is printed as well, which
says whether one threshold can serve both kinds. `--rates` and `--shares` choose the tables.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from training.evaluation.promises.draws import PhotoSet
from training.evaluation.promises.rates import compare_rates
from training.evaluation.promises.reliability import compare_shares
from training.sets.labelled import read_labelled


def photo_set(csv: Path, photos: Path, vectors: Path) -> PhotoSet:
    """A labelled set with its vectors."""
    labelled = list(read_labelled(csv, photos).photos)
    with np.load(vectors) as stored:
        row_of = {str(name): row for row, name in enumerate(stored["photo"].tolist())}
        rows = stored["embedding"][[row_of[photo.name] for photo in labelled]]
    return PhotoSet.of(rows, labelled)


def print_rates(photos: PhotoSet, draws: int) -> None:
    """Rates of both kinds of stranger over what was promised: the mean, and the highest draw."""
    found = defaultdict(list)
    for seed in range(draws):
        for row in compare_rates(photos, seed):
            if not row["is_refused"]:
                found[row["individuals"], row["promised"]].append(row)
    print("\n| individuals | promised | absent | new_whale | absent / new_whale | missed |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (individuals, rate), rows in found.items():
        cells, means = [], {}
        for kind in ("absent", "new_whales"):
            shares = [row[kind] / rate for row in rows if row[kind] is not None]
            means[kind] = np.mean(shares) if shares else np.nan
            cells.append(f"{means[kind]:.2f} (at most {max(shares, default=np.nan):.2f})")
        missed = np.mean([row["missed"] for row in rows if row["missed"] is not None])
        ratio = means["absent"] / means["new_whales"] if means["new_whales"] else np.nan
        print(
            f"| {individuals:,} | {rate} | {' | '.join(cells)} | {ratio:.2f} | {missed:.3f} |",
            flush=True,
        )


def print_shares(photos: PhotoSet, draws: int) -> None:
    """Calibration errors of each draw, and those that chance alone would give."""
    found = defaultdict(list)
    for seed in range(draws):
        for row in compare_shares(photos, seed):
            found[row["share"]].append(row)
    print("\n| share new | unset | set, each draw | mean | estimated | chance (95 %) | estimates |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for share, rows in found.items():
        errors = {how: [row[how]["error"] for row in rows] for how in ("unset", "set", "estimated")}
        chance = [row["set"]["chance"] for row in rows]
        estimates = [f"{row['estimate']['share']:.2f}" if row["estimate"] else "-" for row in rows]
        by_chance = [np.mean([one[name] for one in chance]) for name in ("mean", "within")]
        print(
            f"| {share} | {np.mean(errors['unset']):.3f} | "
            f"{', '.join(f'{one:.3f}' for one in errors['set'])} | {np.mean(errors['set']):.3f} | "
            f"{np.mean(errors['estimated']):.3f} | {by_chance[0]:.3f} ({by_chance[1]:.3f}) | "
            f"{', '.join(estimates)} |",
            flush=True,
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Promises over several draws.")
    for name in ("--csv", "--photos", "--vectors"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--shares", action="store_true")
    given = parser.parse_args()
    photos = photo_set(given.csv, given.photos, given.vectors)
    if given.shares or not given.rates:
        print_shares(photos, given.draws)
    if given.rates or not given.shares:
        print_rates(photos, given.draws)


if __name__ == "__main__":
    main()
