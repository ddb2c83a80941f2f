"""Centres at known angles, and of individuals whose vectors cancel out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from index.search.centroids import centres_of, sums_of

At = Callable[..., np.ndarray]


def test_each_individuals_run_of_rows_is_summed(at: At) -> None:
    sums = sums_of(at(0, 90, 60, 0, 0), np.array([0, 2, 3]))
    np.testing.assert_allclose(sums, [[1, 1], [0.5, 3**0.5 / 2], [2, 0]], atol=1e-6)
    assert sums.dtype == np.float64
    assert sums_of(at()[:0], np.zeros(0, np.int64)).shape == (0, 2)


def test_a_centre_is_the_mean_direction(at: At) -> None:
    opposite = np.array([[1, 0], [-1, 0]], np.float32)
    centres = centres_of(sums_of(np.concatenate([at(10, 50), opposite]), np.array([0, 2])))
    np.testing.assert_allclose(centres, [at(30)[0], [0, 0]], atol=1e-6)
