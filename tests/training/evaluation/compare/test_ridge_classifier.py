"""training/evaluation/compare/ridge_classifier.py: the closed form is the least squares that it
claims to be, and tells individuals apart.
"""

from __future__ import annotations

import numpy as np
import pytest

from index.search.matching import BadQuery
from training.evaluation.compare.ridge_classifier import ClassLogits


def _at(degrees: float) -> list[float]:
    return [float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))]


def test_own_photos_have_the_greatest_logit() -> None:
    vectors = np.array([_at(0), _at(10), _at(90), _at(200)], np.float32)
    logits = ClassLogits(vectors, np.array([0, 0, 1, 2]), ridge=0.01).logits(
        np.array([_at(5), _at(80), _at(210)], np.float32)
    )
    assert logits.shape == (3, 3)
    assert logits.argmax(axis=1).tolist() == [0, 1, 2]


def test_logits_are_those_of_least_squares_with_a_ridge() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(30, 5)).astype(np.float32)
    individuals = np.arange(30) % 4
    targets = np.eye(4)[individuals]
    # The same problem as plain least squares: the ridge as further rows of photos, the intercept by
    # centring.
    centred = vectors - vectors.mean(axis=0)
    rows = np.vstack([centred, np.sqrt(0.3) * np.eye(5)])
    wanted = np.vstack([targets - targets.mean(axis=0), np.zeros((5, 4))])
    weights = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    queries = rng.normal(size=(7, 5)).astype(np.float32)
    expected = (queries - vectors.mean(axis=0)) @ weights + targets.mean(axis=0)
    np.testing.assert_allclose(
        ClassLogits(vectors, individuals, ridge=0.3).logits(queries), expected, atol=1e-6
    )


def test_a_ridge_of_nothing_is_refused() -> None:
    with pytest.raises(BadQuery, match=r"ridge is 0\.0; give a number above 0"):
        ClassLogits(np.eye(2, dtype=np.float32), np.array([0, 1]), ridge=0.0)
