"""Two photos of one encounter, one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from index.fusion import fuse, fuse_vectors
from index.matching import BadQuery

At = Callable[..., np.ndarray]

# The first photo takes the encounter for individual 0 by a hair, the second is clearly of 1.
PHOTOS = np.array([[0.30, 0.31, 0.90], [0.80, 0.10, 0.20]])


def test_the_mean_lets_every_photo_vote() -> None:
    np.testing.assert_allclose(fuse(PHOTOS), [0.55, 0.205, 0.55])
    np.testing.assert_array_equal(fuse(PHOTOS), fuse(PHOTOS, "mean"))


def test_the_best_photo_decides() -> None:
    np.testing.assert_allclose(fuse(PHOTOS, "min"), [0.30, 0.10, 0.20])


def test_one_photo_is_an_encounter_too() -> None:
    for by in ("mean", "min"):
        np.testing.assert_array_equal(fuse(PHOTOS[:1], by), PHOTOS[0])


def test_an_individual_left_out_stays_out() -> None:
    assert np.isinf(fuse(np.array([[0.1, np.inf], [0.2, np.inf]]))[1])


def test_the_mean_never_comes_nearer_than_its_photos_do(rng: np.random.Generator) -> None:
    # What lets thresholds of single photos stay: the nearest of means, against the mean of the nearest.
    for _ in range(100):
        distances = rng.uniform(0, 2, size=(3, 20))
        assert fuse(distances).min() >= distances.min(axis=1).mean() - 1e-12
        assert fuse(distances, "min").min() == distances.min()


def test_vectors_fuse_into_their_mean_direction(at: At) -> None:
    np.testing.assert_allclose(fuse_vectors(at(10, 50)), at(30)[0], atol=1e-6)
    assert fuse_vectors(at(10, 50)).dtype == np.float32


def test_an_encounter_without_photos_is_refused() -> None:
    with pytest.raises(BadQuery, match="holds no photo"):
        fuse(np.zeros((0, 3)))
    with pytest.raises(BadQuery, match="holds no photo"):
        fuse_vectors(np.zeros((0, 2), np.float32))


def test_another_rule_is_refused() -> None:
    rule: Any = "max"
    with pytest.raises(BadQuery, match="the fusion is 'max'; the fusions are mean, min"):
        fuse(PHOTOS, rule)
