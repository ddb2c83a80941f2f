"""Split whole scenes with a box for the locator: near duplicates stay together.

    python tests/bench/scene_split.py --csv boxes.csv --photos photos --out FOLDER

Two scenes are one group where their perceptual hashes differ by at most BITS bits, in themselves
or mirrored. Groups are dealt by a fixed seed: of all scenes 70 % to fit.csv, 13 % to
validation.csv, the rest to test.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import ImageOps

from embedding.photos.photo import read_photo
from index.photos.perceptual_hash import differing_bits, perceptual_hash

BITS = 70
"""Far more than copies differ by: photos of one burst are kept together too."""
_SHARES = {"fit": 0.70, "validation": 0.13}
_SEED = 0


def main() -> None:
    """Write the three tables, and say how many scenes and groups each has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with given.csv.open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["image"])
    groups = _groups([given.photos / row["image"] for row in rows])
    names = sorted(set(groups))
    sizes = Counter(groups)
    order: list[int] = np.random.default_rng(_SEED).permutation(len(names)).tolist()
    part_of: dict[int, str] = {}
    taken = 0
    for at in order:
        share = taken / len(rows)
        part_of[names[at]] = (
            "fit"
            if share < _SHARES["fit"]
            else "validation"
            if share < _SHARES["fit"] + _SHARES["validation"]
            else "test"
        )
        taken += sizes[names[at]]
    given.out.mkdir(parents=True, exist_ok=True)
    for part in ("fit", "validation", "test"):
        own = [
            # A label file needs individuals; who is who isn't known here.
            {"image": row["image"], "label": f"scene_{group}", "box": row["box"]}
            for row, group in zip(rows, groups, strict=True)
            if part_of[group] == part
        ]
        with (given.out / f"{part}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["image", "label", "box"])
            writer.writeheader()
            writer.writerows(own)
        count = len({g for g in groups if part_of[g] == part})
        print(f"{part}: {len(own)} scenes in {count} groups")


def _groups(paths: list[Path]) -> list[int]:
    """A number for each photo, the same for those that are near duplicates of each other."""
    images = [read_photo(path) for path in paths]
    hashes = [perceptual_hash(image) for image in images]
    mirrored = [perceptual_hash(ImageOps.mirror(image)) for image in images]
    groups = list(range(len(paths)))
    for one in range(len(paths)):
        for other in range(one):
            mine, own, twin = hashes[one], hashes[other], mirrored[other]
            if mine is None or own is None or twin is None:
                continue
            if min(differing_bits(mine, own), differing_bits(mine, twin)) <= BITS:
                kept, gone = sorted((groups[one], groups[other]))
                groups = [kept if group == gone else group for group in groups]
    return groups


if __name__ == "__main__":
    main()
