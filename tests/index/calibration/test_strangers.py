"""index/calibration/calibration.py: two kinds of stranger, and rates promised for the harder."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.calibration import Strangers, calibrate
from tests.index.calibration.test_calibration import herd, unit


@pytest.mark.parametrize(
    ("strangers", "source", "count"),
    [
        (49, "held-out individuals", 129),
        (50, "held-out individuals and new_whale photos", 80),
        (200, "held-out individuals and new_whale photos", 200),
    ],
)
def test_enough_new_whale_photos_are_a_kind_of_their_own(
    rng: np.random.Generator, strangers: int, source: str, count: int
) -> None:
    vectors, individuals = herd(rng, 20, 4)
    others = unit(rng.normal(size=(strangers, 16)))
    calibration = calibrate(
        np.concatenate([vectors, others]), [*individuals, *([None] * strangers)]
    )
    assert (calibration.unknown_source, calibration.unknown_trials) == (source, count)
    assert calibration.known_trials == 80


@pytest.mark.parametrize("strangers", [50, 500])
@pytest.mark.parametrize("fpir", [0.05, 0.1, 0.3])
def test_mild_strangers_do_not_loosen_what_is_promised_for_animals_that_are_lacking(
    rng: np.random.Generator, strangers: int, fpir: float
) -> None:
    vectors, individuals = herd(rng, 60, 4)
    alone = calibrate(vectors, individuals)
    mild = np.full((strangers, 16), -1.0, np.float32) + rng.normal(
        scale=0.1, size=(strangers, 16)
    ).astype(np.float32)
    both = calibrate(np.concatenate([vectors, unit(mild)]), [*individuals, *([None] * strangers)])
    assert both.threshold_at_fpir(fpir) <= alone.threshold_at_fpir(fpir) + 1e-9


def test_at_each_rate_the_nearer_of_two_kinds_counts() -> None:
    held_out = np.array([[0.5], [0.1], [0.9], [0.7]])
    new_whales = np.array([[0.8], [0.3]])
    strangers = Strangers.of_two_kinds(held_out, new_whales)
    assert strangers.nearest.tolist() == [0.1, 0.3, 0.7, 0.8]
    assert strangers.submitted.tolist() == [0.3, 0.8]
    assert sorted(strangers.candidates[:, 0].tolist()) == [0.1, 0.3, 0.3, 0.5, 0.7, 0.8, 0.8, 0.9]
