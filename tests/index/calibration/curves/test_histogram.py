"""Trials counted in bins."""

from __future__ import annotations

import numpy as np

from index.calibration.curves.histogram import BIN_COUNT, BIN_WIDTH, Histogram, count


def test_known_mistaken_and_unknown_are_counted_apart() -> None:
    counted = count(
        np.array([0.01, 0.05, 0.5]), np.array([True, False, True]), np.array([0.5, 0.51, 2.0])
    )
    assert (counted.known[0], counted.known[25], sum(counted.known)) == (1, 1, 2)
    assert (counted.mistaken[2], sum(counted.mistaken)) == (1, 1)
    assert (counted.unknown[25], counted.unknown[-1], sum(counted.unknown)) == (2, 1, 3)
    assert counted.is_counted


def test_an_edge_belongs_to_the_upper_bin() -> None:
    edges = np.round(np.arange(BIN_COUNT) * BIN_WIDTH, 6)
    assert count(np.zeros(0), np.zeros(0, np.bool_), edges).unknown == (1,) * BIN_COUNT


def test_nobody_near_is_in_no_bin() -> None:
    assert sum(count(np.zeros(0), np.zeros(0, np.bool_), np.array([np.inf])).unknown) == 0
    assert not Histogram().is_counted
