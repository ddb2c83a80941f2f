"""Hubs are moved away from everybody, by as much as can be worked out in the head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import training.evaluation.compare.local_scaling
from index.search.matching import BadQuery
from training.evaluation.compare.local_scaling import reach_of_each, scaled_distances

At = Callable[..., np.ndarray]


def test_an_individuals_own_photos_are_no_neighbours(at: At) -> None:
    vectors = at(0, 60, 120, 180)
    reach = reach_of_each(vectors, ["w_a", "w_a", "w_b", "w_c"], 1)
    np.testing.assert_allclose(reach, [1.5, 0.5, 0.5, 0.5], atol=1e-6)
    # The second of two neighbours is 120 degrees away from 60 and from 180, and 60 from 120.
    np.testing.assert_allclose(
        reach_of_each(vectors, ["w_a", "w_a", "w_b", "w_c"], 2), [1.75, 1.0, 0.5, 1.0], atol=1e-6
    )


def test_fewer_neighbours_than_asked_for_and_none(at: At) -> None:
    np.testing.assert_allclose(reach_of_each(at(0, 60), ["w_a", "w_b"], 5), [0.5, 0.5], atol=1e-6)
    np.testing.assert_array_equal(reach_of_each(at(0, 60), ["w_a", "w_a"], 5), [1.0, 1.0])
    with pytest.raises(BadQuery, match="k is 0; give at least 1"):
        reach_of_each(at(0, 60), ["w_a", "w_b"], 0)


def test_a_hub_is_overtaken_by_a_photo_that_stands_apart(at: At) -> None:
    # w_hub lies among three others; w_far stands alone and is a little farther from the query.
    individuals, vectors = ["w_hub", "w_1", "w_2", "w_3", "w_far"], at(40, 41, 39, 42, -45)
    reach = reach_of_each(vectors, individuals, 3)
    plain = scaled_distances(at(0), vectors, reach, 0.0)[0]
    scaled = scaled_distances(at(0), vectors, reach, 0.5)[0]
    assert plain.argmin() == 2 and scaled.argmin() == 4
    assert scaled[4] == pytest.approx(plain[4] + 0.5 * (1 - reach[4]))


def test_blocks_change_nothing(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = rng.normal(size=(50, 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    individuals = [f"w_{at % 12}" for at in range(50)]
    at_once = reach_of_each(vectors, individuals, 4)
    monkeypatch.setattr(training.evaluation.compare.local_scaling, "_BLOCK_BYTES", 8 * 50 * 7)
    np.testing.assert_array_equal(reach_of_each(vectors, individuals, 4), at_once)
