"""Which photos that were learned from besides are nearly the picture of one that a report asks
about.

    python tests/bench/near_duplicates.py runs/report --photos DATA/humpback/photos \\
        --extra-csv runs/pseudo.csv --extra-photos DATA/humpback/unlabelled/photos

Pseudo-labelled photos come from the collection that the queries come from, so a few may be the same
picture. Pairs are found by perceptual hash, as an import finds them. Printed are how many of them
each kind of query has, how many have the query's own label, and the figures without those queries.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from evaluated import Evaluated

from embedding.photos.photo import read_photo
from index.photos.perceptual_hash import DECODE_PX, near_pairs, perceptual_hash


def main() -> None:
    """Print the pairs and what the report's figures are without them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    for option in ("--photos", "--extra-csv", "--extra-photos"):
        parser.add_argument(option, type=Path, required=True)
    given = parser.parse_args()
    asked = Evaluated(given.report)
    with given.extra_csv.open(newline="", encoding="utf-8") as file:
        extra = {row["image"]: row["label"] for row in csv.DictReader(file)}
    kinds = {
        "known": dict(
            zip(
                asked.queries.photos[asked.is_known],
                asked.queries.animals[asked.is_known],
                strict=True,
            )
        ),
        "unknown": dict.fromkeys(asked.queries.photos[~asked.is_known], ""),
        "disjoint": dict(zip(asked.disjoint.photos, asked.disjoint.animals, strict=True)),
    }
    learned = _hashes(given.extra_photos, list(extra))
    near: set[str] = set()
    for kind, queries in kinds.items():
        hashes = _hashes(given.photos, list(queries))
        both = list({*hashes, *learned})
        pairs = [
            (query, photo)
            for one, other, _ in [
                *near_pairs(both).tolist(),
                *((at, at, 0) for at in range(len(both))),
            ]
            for first, second in {(both[one], both[other]), (both[other], both[one])}
            for query in hashes.get(first, ())
            for photo in learned.get(second, ())
        ]
        same = sum(extra[photo] == queries[query] for query, photo in pairs)
        print(
            f"{kind}: {len(pairs)} pairs with {len({query for query, _ in pairs})} queries, "
            f"{same} of the same label"
        )
        near |= {query for query, _ in pairs}
    for name, figures in (
        ("all", asked.figures()),
        ("without them", asked.figures(frozenset(near))),
    ):
        print(f"{name}: known {figures[0]:.3f}, disjoint {figures[1]:.3f}, AUROC {figures[2]:.3f}")


def _hashes(folder: Path, names: list[str]) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for name in names:
        hashed = perceptual_hash(read_photo(folder / name, at_least_px=DECODE_PX))
        if hashed is not None:
            found.setdefault(hashed, []).append(name)
    return found


if __name__ == "__main__":
    main()
