from __future__ import annotations

import numpy as np
import pytest

from training.classification.classifier import softmax
from training.classification.fitting import best_of, fit_all, log_loss, temperature_of


@pytest.fixture
def clouds(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping clouds of 40 unit vectors in 8 dimensions."""
    kinds = np.repeat(np.arange(3), 40)
    vectors = np.eye(3, 8)[kinds] + rng.normal(0, 0.45, (120, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), kinds


def test_every_method_is_fitted_and_judged_on_validation(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    vectors, kinds = clouds
    fitted = fit_all(["a", "b", "c"], vectors[::2], kinds[::2], vectors[1::2], kinds[1::2])
    assert list(fitted) == ["nearest", "centres", "linear"]
    for one in fitted.values():
        answers = one.classifier.probabilities(vectors[1::2])
        assert one.accuracy == np.mean(answers.argmax(1) == kinds[1::2]) > 0.6
        shares = [np.mean(answers[kinds[1::2] == kind].argmax(1) == kind) for kind in range(3)]
        assert one.balanced_accuracy == pytest.approx(np.mean(shares))
        assert one.log_loss == pytest.approx(log_loss(answers, kinds[1::2]))
        assert one.classifier.rows.dtype == np.float32
        assert np.array_equal(one.classifier.rows, one.classifier.rows.astype(np.float16))


def test_centres_are_the_mean_directions(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, kinds = clouds
    fitted = fit_all(["a", "b", "c"], vectors, kinds, vectors, kinds)
    mean = vectors[kinds == 1].mean(axis=0)
    assert fitted["centres"].classifier.rows[1] == pytest.approx(
        mean / np.linalg.norm(mean), abs=1e-3
    )


def test_of_two_kinds_the_linear_head_is_the_librarys_own(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, kinds = (each[:80] for each in clouds)
    scores = fit_all(["a", "b"], vectors, kinds, vectors, kinds)["linear"].classifier.scores(
        vectors
    )
    logits = scores[:, 1] - scores[:, 0]
    found = [
        LogisticRegression(C=strength, max_iter=5000).fit(vectors, kinds).decision_function(vectors)
        for strength in (0.1, 1.0, 10.0, 100.0, 1000.0)
    ]
    assert (
        min(np.abs(one - logits).max() / np.abs(one).max() for one in found) < 2e-3
    )  # half precision


def test_the_temperature_is_the_likeliest_of_a_fine_grid(rng: np.random.Generator) -> None:
    kinds = rng.integers(0, 3, 200)
    scores = rng.normal(0, 1, (200, 3)) + 1.5 * np.eye(3)[kinds]
    grid = np.geomspace(0.01, 100, 4001)
    best = min(grid, key=lambda one: log_loss(softmax(scores / one), kinds))
    assert temperature_of(scores, kinds) == pytest.approx(best, rel=0.01)


def test_the_best_is_the_most_accurate_and_of_equals_the_likeliest(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    from dataclasses import replace

    vectors, kinds = clouds
    one = fit_all(["a", "b", "c"], vectors, kinds, vectors, kinds)["centres"]
    given = {
        "nearest": replace(one, balanced_accuracy=0.8, log_loss=0.1),
        "centres": replace(one, balanced_accuracy=0.9, log_loss=0.5),
        "linear": replace(one, balanced_accuracy=0.9, log_loss=0.4),
    }
    assert best_of(given) == "linear"
