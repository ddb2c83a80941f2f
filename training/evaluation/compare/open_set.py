"""Scores of how new a query is, smaller for known animals.

Experiments that lost, but for `nearest_distance`, which the catalogue uses: nothing separates known
from new animals better (docs/benchmarks.md, "Ways to answer, compared"). All judge the same answer,
the nearest individual, and differ only in when they believe it. `distances` (n, c) are a query's to
every individual, infinite for one that is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.search.engine import exact_distances
from index.search.matching import BadQuery
from index.search.vectors import FloatArray

Distances = NDArray[np.float64]

_BLOCK_BYTES = 64 * 2**20  # memory for one block of photos against every photo
_NO_NEARER = 1e-6  # margins of equal photos of two individuals: a logarithm needs more than 0
_SHAPES = (
    -5.0,
    5.0,
)  # natural logarithms between which a Weibull shape is sought: equal margins have none
_FARTHEST = 700.0  # natural logarithm of the greatest novelty, which float64 still holds


def nearest_distance(distances: Distances) -> Distances:
    """The distance to the nearest individual (n,): what the catalogue's thresholds use."""
    return distances.min(axis=1)


def gap(distances: Distances) -> Distances:
    """Subtract the second individual's distance from the first's: (n,), -2 to 0."""
    first, second = _nearest_two(distances)
    return first - second


def distance_and_gap(distances: Distances, *, weight: float) -> Distances:
    """The nearest distance plus `weight` times the gap (n,): near, and nearer than any rival."""
    return nearest_distance(distances) + weight * gap(distances)


def neighbourhood_aware(distances: Distances, *, k: int, temperature: float) -> Distances:
    """1 minus the nearest individual's share of a softmax over the k nearest ones (n,), 0 to 1.

    Neighbourhood Aware Cosine (Park, Park and Teoh, 2022, arXiv:2301.01922): likeness counts by how
    much it exceeds that of the next individuals. The temperature is ours to fit. Raises BadQuery
    for k below 2 or a temperature that isn't above 0.
    """
    if k < 2 or not temperature > 0:
        raise BadQuery(
            f"k is {k} and temperature {temperature}; give at least 2 individuals and more than 0"
        )
    kept = min(k, distances.shape[1])
    nearest = np.sort(np.partition(distances, kept - 1, axis=1)[:, :kept], axis=1)
    weights = np.exp(-(nearest - nearest[:, :1]) / temperature)
    return 1 - 1 / weights.sum(axis=1)


class ExtremeValues:
    """The extreme value machine (Rudd, Jain, Scheirer and Boult, 2018).

    It estimates how far each gallery photo's individual reaches.

    Half the distances from a photo to the nearest photos of others are margins. The smallest of
    many follow a Weibull distribution. Its fit says how likely a query is still within the margin.
    """

    def __init__(self, vectors: FloatArray, columns: NDArray[np.int64], *, tail: int) -> None:
        """Fit to photos (m, d) in order of individual.

        `columns` (m,) say whose each is, `tail` how many margins count.

        Raises BadQuery for a tail below 2, and where a photo has fewer than 2 of other individuals.
        """
        others = len(columns) - np.bincount(columns)[columns].max(initial=0)
        if tail < 2 or others < 2:
            raise BadQuery(
                f"the tail is {tail}, of {others} photos of others at least; 2 are needed for a "
                "margin"
            )
        self._vectors = vectors
        self._columns = columns
        self._shapes, self._scales = fit_weibull(
            _margins(vectors, columns, min(tail, int(others)))
        )  # (m,) each

    def novelty(self, queries: FloatArray, columns: NDArray[np.int64]) -> Distances:
        """Measure how far outside the individual's margins each query is: (n,), 0 and up.

        The individuals are those in `columns` (n,).

        `exp(-novelty)` is the probability of inclusion, the largest over the individual's photos.
        """
        novelty = np.zeros(len(queries))
        for at, column in enumerate(columns.tolist()):
            rows = slice(*np.searchsorted(self._columns, [column, column + 1]))
            distances = exact_distances(queries[at : at + 1], self._vectors[rows])[0]
            # Of a distance of 0 the logarithm is taken of next to nothing, whose power is 0 again.
            powers = self._shapes[rows] * np.log(np.maximum(distances, 1e-300) / self._scales[rows])
            novelty[at] = np.exp(np.minimum(powers, _FARTHEST)).min()
        return novelty


def fit_weibull(values: Distances) -> tuple[Distances, Distances]:
    """Fit a Weibull distribution to each row of positive values (m, t): shapes, scales (m,).

    By maximum likelihood.

    The likelihood's slope in the shape rises all the way, so halving an interval finds its zero for
    all rows at once.
    """
    largest = values.max(axis=1, keepdims=True)
    scaled = values / largest  # powers of numbers up to 1 never overflow
    logarithms = np.log(scaled)
    low, high = (np.full(len(values), end) for end in _SHAPES)
    for _ in range(60):
        middle = (low + high) / 2
        shapes = np.exp(middle)[:, None]
        powers = scaled**shapes
        slope = (
            (powers * logarithms).sum(axis=1) / powers.sum(axis=1)
            - 1 / shapes[:, 0]
            - logarithms.mean(axis=1)
        )
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    shapes = np.exp((low + high) / 2)
    scales = largest[:, 0] * (scaled ** shapes[:, None]).mean(axis=1) ** (1 / shapes)
    return shapes, scales


def _margins(vectors: FloatArray, columns: NDArray[np.int64], tail: int) -> Distances:
    """Half the distance to each photo's `tail` nearest photos of other individuals: (m, tail)."""
    margins = np.zeros((len(vectors), tail))
    size = max(1, _BLOCK_BYTES // (8 * len(vectors)))
    for start in range(0, len(vectors), size):
        rows = slice(start, start + size)
        distances = exact_distances(vectors[rows], vectors)
        distances[columns[rows, None] == columns] = np.inf
        margins[rows] = np.partition(distances, tail - 1, axis=1)[:, :tail] / 2
    return np.maximum(margins, _NO_NEARER)


def _nearest_two(distances: Distances) -> tuple[Distances, Distances]:
    if distances.shape[1] < 2:
        raise BadQuery("a gap needs two individuals to compare with, and the gallery holds fewer")
    two = np.partition(distances, 1, axis=1)
    return two[:, 0], two[:, 1]
