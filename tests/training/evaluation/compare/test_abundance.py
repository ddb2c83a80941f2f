"""training/evaluation/compare/abundance.py: textbook estimates, and what misses and mistakes make
of them.
"""

from __future__ import annotations

import math

import pytest

from training.evaluation.compare.abundance import chapman, expected_estimates, lincoln_petersen


def test_estimates_of_a_count() -> None:
    assert lincoln_petersen(300, 300, 90) == 1000
    assert chapman(9, 19, 4) == 39  # 10 * 20 / 5 - 1
    assert lincoln_petersen(300, 300, 0) == math.inf and chapman(9, 19, 0) == 199


def test_misses_alone_multiply_by_one_over_one_minus_missed() -> None:
    for missed in (0.0, 0.25, 0.5, 0.9):
        assert expected_estimates(missed)["lincoln_petersen"] == pytest.approx(1000 / (1 - missed))
    assert expected_estimates(0.5)["recaptures_counted"] == 45
    assert expected_estimates(0.5)["chapman"] == pytest.approx(301 * 301 / 46 - 1)


def test_mistakes_count_as_recaptures() -> None:
    # 90 recaptured, 210 new: a tenth of the new ones makes up for 21 missed ones.
    assert expected_estimates(21 / 90, 0.1)["recaptures_counted"] == pytest.approx(90)
    assert expected_estimates(0.0, 0.1)["lincoln_petersen"] == pytest.approx(90_000 / 111)
    assert expected_estimates(1.0)["lincoln_petersen"] == math.inf
