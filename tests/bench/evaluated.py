"""What `flukeprint evaluate` left in its folder, read for the scripts beside: unit vectors, and who
asks whom.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Listed:
    """Photos (n,) of one list, whose they are (n,), and their unit vectors (n, d)."""

    photos: NDArray[np.str_]
    animals: NDArray[np.str_]
    vectors: Vectors


class Evaluated:
    """A report's gallery, queries (known and unknown) and disjoint photos; by its vectors, or by
    `vectors` instead.
    """

    def __init__(self, report: Path, vectors: Vectors | None = None) -> None:
        with np.load(report / "vectors.npz") as kept:
            self.vectors: Vectors = (
                kept["embedding"].astype(np.float64) if vectors is None else vectors
            )
            self.row_of = {str(name): row for row, name in enumerate(kept["photo"])}
        self._unit = self.vectors / np.linalg.norm(self.vectors, axis=1, keepdims=True).clip(1e-12)
        self.gallery, self.queries, self.disjoint = (
            self._listed(report / f"{name}.csv") for name in ("gallery", "queries", "disjoint")
        )
        self.is_known = np.isin(self.queries.animals, self.gallery.animals)
        self.cosines = self.queries.vectors @ self.gallery.vectors.T
        self.nearest = self.cosines.max(1)

    def _listed(self, path: Path) -> Listed:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = np.array([row["Image"] for row in rows])
        return Listed(
            names,
            np.array([row["Id"] for row in rows]),
            self._unit[[self.row_of[name] for name in names]],
        )

    def figures(self, left_out: frozenset[str] = frozenset()) -> tuple[float, float, float]:
        """Known top-1, disjoint top-1 and AUROC, without the queries `left_out`."""
        is_asked = ~np.isin(self.queries.photos, list(left_out))
        known = is_asked & self.is_known
        answers = self.gallery.animals[self.cosines[known].argmax(1)]
        apart, same = self.nearest[known][:, None], self.nearest[is_asked & ~self.is_known][None]
        auroc = float(((apart > same) + 0.5 * (apart == same)).mean())
        animals, among = self.disjoint.animals, self.disjoint.vectors @ self.disjoint.vectors.T
        np.fill_diagonal(among, -2.0)
        has_other = np.array([np.sum(animals == animal) > 1 for animal in animals])
        has_other &= ~np.isin(self.disjoint.photos, list(left_out))
        found = float((animals[among.argmax(1)] == animals)[has_other].mean())
        return float((answers == self.queries.animals[known]).mean()), found, auroc
