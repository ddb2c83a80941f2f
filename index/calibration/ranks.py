"""Where the right individual stands among all: 1-based ranks of queries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LABELS_A_ROW = 5
"""How many answers Kaggle's MAP@5 reads."""


def true_ranks(distances: NDArray[np.float64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank (n,) each query's own column in its row of distances (n, c), from 1.

    Equal distances are ordered by column, so by individual id.
    """
    own = distances[np.arange(len(distances)), columns][:, None]
    ties_before = (distances == own) & (
        np.arange(distances.shape[1], dtype=np.int64) < columns[:, None]
    )
    return 1 + (distances < own).sum(axis=1) + ties_before.sum(axis=1)
