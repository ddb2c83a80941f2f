"""Promised and measured false-positive rates for both kinds of stranger, over vectors.

    flukeprint embed PHOTOS --out vectors.npz
    python tests/bench/promises.py vectors.npz LABELS.csv [--individuals 300] [--seed 0]

A fifth of the individuals leave the catalogue and are asked about, and a third of the new_whale
photos. One photo of each remaining individual with three or more is a known query. The catalogue
holds the rest; `--individuals` keeps so many of them. Prints a row a promised rate.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from index.calibration.calibration import calibrate
from index.search.gallery import Gallery

RATES = (0.3, 0.1, 0.05, 0.01)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Promised and measured rates.")
    parser.add_argument("vectors", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--individuals", type=int, help="how many the catalogue keeps")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    stored = np.load(given.vectors, allow_pickle=False)
    row_of = {Path(str(name)).name: row for row, name in enumerate(stored["photo"])}
    with given.labels.open(newline="", encoding="utf-8") as file:
        rows = [(each["Image"], each["Id"]) for each in csv.DictReader(file)]
    names = np.array([name for name, _ in rows])
    labels = np.array([label for _, label in rows])
    vectors = stored["embedding"][[row_of[name] for name in names]]
    rng = np.random.default_rng(given.seed)
    ids = rng.permutation(np.unique(labels[labels != "new_whale"]))
    absent, present = ids[: len(ids) // 5], ids[len(ids) // 5 :][: given.individuals]
    strangers = rng.permutation(np.flatnonzero(labels == "new_whale"))
    asked_new, held_new = np.split(strangers, [len(strangers) // 3])
    known = [rows[0] for one in present if len(rows := np.flatnonzero(labels == one)) >= 3]
    gallery_rows = np.setdiff1d(np.flatnonzero(np.isin(labels, present)), known)
    fitted = calibrate(
        vectors[np.concatenate([gallery_rows, held_new])],
        [*labels[gallery_rows].tolist(), *([None] * len(held_new))],
    )
    gallery = Gallery.build(
        names[gallery_rows].tolist(),
        labels[gallery_rows].tolist(),
        vectors[gallery_rows],
        fingerprint="f" * 64,
        revision=1,
    )
    asked = {
        "absent individuals": np.flatnonzero(np.isin(labels, absent)),
        "new_whale photos": asked_new,
        "known": np.array(known),
    }
    first = {kind: [gallery.rank(vectors[[r]], 1)[0][0] for r in at] for kind, at in asked.items()}
    print(f"{fitted.description}\n| promised | " + " | ".join(asked) + " (missed) |")
    print("| --- |" + " --- |" * len(asked))
    for rate in RATES:
        distance = fitted.threshold_at_fpir(rate)
        cells: list[float] = []
        for kind, at in asked.items():
            near = np.array([each.distance <= distance for each in first[kind]])
            if kind == "known":
                pairs = zip(first[kind], at, strict=True)
                is_right = np.array([each.individual == labels[row] for each, row in pairs])
                cells.append(1 - float((near & is_right).mean()))
            else:
                cells.append(float(near.mean()))
        print(f"| {rate} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
