"""What each member of an ensemble finds by itself, from the vectors of a report.

    python tests/bench/members.py checkpoint runs/report

An ensemble's vector has its members' parts side by side; a part alone, or two together, are searched as the whole is.
The report is one of `flukeprint evaluate` on one species, and only the members that answer for it are told of.
"""

from __future__ import annotations

import argparse
import csv
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.checkpoint import read_header
from embedding.network import NetworkConfig
from embedding.sides import embedded_dim

Vectors = NDArray[np.float64]
_ABSENT = 0.1  # a mean length: a gate sends single photos to others' members


def main() -> None:
    """Print known and disjoint top-1 and AUROC of every member, of every two, and of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("report", type=Path)
    given = parser.parse_args()
    report: Path = given.report
    header = read_header(given.checkpoint)
    if "members" not in header.network:
        parser.error(f"{given.checkpoint} is no ensemble")
    configs = [NetworkConfig.from_dict(_without_size(member)) for member in header.network["members"]]
    sizes = [embedded_dim(config.embedding_dim, config.sides, config.odd_dims) for config in configs]
    with np.load(report / "vectors.npz") as kept:
        vectors: Vectors = kept["embedding"].astype(np.float64)
        row_of = {str(name): row for row, name in enumerate(kept["photo"])}
    parts = dict(enumerate(np.split(vectors, np.cumsum(sizes)[:-1], axis=1), start=1))
    own = {at: part for at, part in parts.items() if np.linalg.norm(part, axis=1).mean() > _ABSENT}
    for count in range(1, len(own) + 1):
        for some in combinations(own, count):
            told = _figures(np.concatenate([own[at] for at in some], axis=1), row_of, report)
            print(f"{' and '.join(map(str, some))}: known {told[0]:.3f}, disjoint {told[1]:.3f}, AUROC {told[2]:.3f}")


def _without_size(member: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in member.items() if name != "input_px"}


def _figures(vectors: Vectors, row_of: dict[str, int], report: Path) -> tuple[float, float, float]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    gallery, gallery_ids = _part(unit, row_of, report / "gallery.csv")
    queries, ids = _part(unit, row_of, report / "queries.csv")
    is_known = np.isin(ids, gallery_ids)
    cosines = queries @ gallery.T
    known = float((gallery_ids[cosines[is_known].argmax(1)] == ids[is_known]).mean())
    nearest = cosines.max(1)
    apart, same = nearest[is_known][:, None], nearest[~is_known][None]
    auroc = float(((apart > same) + 0.5 * (apart == same)).mean())
    disjoint, animals = _part(unit, row_of, report / "disjoint.csv")
    among = disjoint @ disjoint.T
    np.fill_diagonal(among, -2.0)
    has_other = np.array([np.sum(animals == animal) > 1 for animal in animals])
    found = float((animals[among.argmax(1)] == animals)[has_other].mean())
    return known, found, auroc


def _part(unit: Vectors, row_of: dict[str, int], path: Path) -> tuple[Vectors, NDArray[np.str_]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return unit[[row_of[row["Image"]] for row in rows]], np.array([row["Id"] for row in rows])


if __name__ == "__main__":
    main()
