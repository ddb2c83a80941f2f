"""Each individual's centre: the mean direction of its photos' vectors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def sums_of(vectors: NDArray[np.floating], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum each individual's run of rows: (m, d) -> (c, d)."""
    sums = np.empty((len(starts), vectors.shape[1]))
    # One run at a time: a float64 copy of all rows would be twice the gallery, and takes twenty
    # times as long.
    for at, (start, stop) in enumerate(pairwise([*starts.tolist(), len(vectors)])):
        sums[at] = vectors[start:stop].sum(axis=0, dtype=np.float64)
    return sums


def centres_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale sums (c, d) to unit length.

    Vectors that cancel out leave zeros, at distance 1 from all.
    """
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
