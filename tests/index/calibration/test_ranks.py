"""index/calibration/ranks.py: ranks against sorting."""

from __future__ import annotations

import numpy as np

from index.calibration.ranks import true_ranks


def test_true_ranks_agree_with_sorting_and_tie_by_column(rng: np.random.Generator) -> None:
    distances = rng.integers(0, 4, size=(100, 9)) / 2
    columns = rng.integers(0, 9, size=100)
    for row, rank in enumerate(true_ranks(distances, columns)):
        order = sorted(range(9), key=lambda column: (distances[row, column], column))
        assert order.index(columns[row]) + 1 == rank
