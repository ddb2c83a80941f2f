"""The threshold with the best expected MAP@5 of a Kaggle submission."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.fitting import best_submission_threshold
from tests.index.calibration.test_calibration import trials
from training.evaluation.metrics import submission_map5


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_submission_threshold_is_the_best_of_all(
    rng: np.random.Generator, share: float
) -> None:
    distances = rng.uniform(0.1, 0.9, size=70).round(3)
    known = trials(distances.tolist(), np.where(rng.uniform(size=70) > distances, 1, 3).tolist())
    unknown = rng.uniform(0.4, 1.1, size=30).round(3)

    def expected_map5(threshold: float) -> float:
        of_known = submission_map5(
            known.distances[:, 0], known.true_ranks, np.full(1, 9.0), threshold
        )
        of_unknown = np.where(unknown <= threshold, 0.5, 1.0).mean()
        # The one far stranger in the first figure is always labelled right.
        return (1 - share) * (of_known * 71 - 1) / 70 + share * float(of_unknown)

    best = best_submission_threshold(known, unknown, share)
    every = [-1.0, *distances.tolist(), *unknown.tolist(), 2.0]
    assert expected_map5(best) == pytest.approx(max(expected_map5(each) for each in every))


def test_when_nothing_is_ever_right_new_whale_always_comes_first() -> None:
    known = trials([0.3] * 20, [2] * 20)
    assert best_submission_threshold(known, np.full(20, 0.5), 0.3) < 0
