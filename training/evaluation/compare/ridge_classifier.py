"""A ridge classifier of the gallery's individuals, fitted in closed form.

An experiment that lost: alone it finds far fewer animals than the nearest photo, and blended with
it no more (docs/benchmarks.md, "Ways to answer, compared").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.search.matching import BadQuery
from index.search.vectors import FloatArray


class ClassLogits:
    """A ridge classifier of photos into individuals, one-versus-rest (Rifkin et al. 2003).

    Unlike the class weights of a training's softmax it knows every individual of the gallery, those
    never learned from and those of a single photo included. It needs nothing but the vectors.
    """

    def __init__(
        self, vectors: FloatArray, individuals: NDArray[np.int64], *, ridge: float
    ) -> None:
        """Fit to photos (m, d) of the individuals (m,), numbered from 0.

        Raises BadQuery for a ridge of 0 or less.
        """
        if not ridge > 0:
            raise BadQuery(f"ridge is {ridge}; give a number above 0")
        photos = vectors.astype(np.float64)
        self._mean = photos.mean(axis=0)
        centred = photos - self._mean
        sums = np.zeros((int(individuals.max()) + 1, photos.shape[1]))
        np.add.at(sums, individuals, centred)
        square = centred.T @ centred + ridge * np.eye(photos.shape[1])
        self._weights: NDArray[np.float64] = np.linalg.solve(square, sums.T)  # (d, c)
        self._shares = np.bincount(individuals) / len(individuals)

    def logits(self, queries: FloatArray) -> NDArray[np.float64]:
        """Compute logits (n, c) of queries (n, d): in the fit 1 for own photos, 0 for others."""
        return (queries - self._mean) @ self._weights + self._shares
