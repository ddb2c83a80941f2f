"""How much of what is found of nyalas depends on the flank that a photo shows: left or right.

    python tests/bench/flanks.py runs/report-nyala

Reads what `flukeprint evaluate` left (vectors.npz, gallery.csv, queries.csv, disjoint.csv), and
nyala_flanks.csv beside this file: the flank that each photo shows, told by one machine reader by
eye (60 of them looked at twice, all alike).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Labelled = list[tuple[str, str]]


def main() -> None:
    """Print the figures of the known and of the disjoint queries."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    report: Path = parser.parse_args().report
    with Path(__file__).with_name("nyala_flanks.csv").open(newline="") as file:
        flanks = {row["photo"]: row["facing"] for row in csv.DictReader(file)}
    stored = np.load(report / "vectors.npz")
    vectors = {
        Path(str(name)).name: row
        for name, row in zip(stored["photo"], stored["embedding"], strict=True)
    }
    gallery, disjoint = _labelled(report / "gallery.csv"), _labelled(report / "disjoint.csv")
    there = {individual for _, individual in gallery}
    known = [each for each in _labelled(report / "queries.csv") if each[1] in there]
    for name, queries, searched in (("known", known, gallery), ("disjoint", disjoint, disjoint)):
        _tell(name, queries, searched, vectors, flanks)


def _labelled(path: Path) -> Labelled:
    with path.open(newline="") as file:
        return [(Path(row["Image"]).name, row["Id"]) for row in csv.DictReader(file)]


def _tell(
    name: str,
    queries: Labelled,
    searched: Labelled,
    vectors: dict[str, NDArray[np.float32]],
    flanks: dict[str, str],
) -> None:
    photos = np.array([photo for photo, _ in searched])
    whose = np.array([individual for _, individual in searched])
    shown = np.array([flanks[photo] for photo in photos])
    matrix = np.stack([vectors[photo] for photo in photos])
    hits: dict[str, list[bool]] = {
        "all": [],
        "with another photo of that flank": [],
        "without": [],
        "searched among photos of that flank only": [],
        "the nearest photo shows the same flank": [],
    }
    for photo, individual in queries:
        others = photos != photo
        own = (whose == individual) & others
        if not own.any():
            continue
        same = shown == flanks[photo]
        similarity = np.where(others, matrix @ vectors[photo], -2)
        best = int(similarity.argmax())
        is_hit = bool(whose[best] == individual)
        hits["all"].append(is_hit)
        hits["with another photo of that flank" if (own & same).any() else "without"].append(is_hit)
        among = int(np.where(same, similarity, -2).argmax())
        hits["searched among photos of that flank only"].append(bool(whose[among] == individual))
        hits["the nearest photo shows the same flank"].append(bool(same[best]))
    for what, each in hits.items():
        print(f"{name}, {what}: {_share(each)}")


def _share(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.3f} of {len(hits)}" if hits else "none"


if __name__ == "__main__":
    main()
