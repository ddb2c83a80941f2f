"""One rule decides: equal to a threshold is within it, NaN is refused, no candidate is a new
whale.
"""

from __future__ import annotations

import math

import pytest

from index.search.matching import NOBODY, BadQuery, Candidate, Thresholds, decide, explain

THRESHOLDS = Thresholds(known=0.2, new_whale=0.5)


@pytest.mark.parametrize(
    ("distance", "decision"),
    [
        (0.0, "known"),
        (0.2, "known"),
        (math.nextafter(0.2, 1), "review"),
        (0.5, "review"),
        (math.nextafter(0.5, 1), "new_whale"),
        (2.0, "new_whale"),
        (NOBODY, "new_whale"),
    ],
)
def test_decide_at_and_beside_each_threshold(distance: float, decision: str) -> None:
    assert decide(distance, THRESHOLDS) == decision


def test_equal_thresholds_leave_no_review() -> None:
    assert decide(0.3, Thresholds(0.3, 0.3)) == "known"
    assert decide(math.nextafter(0.3, 1), Thresholds(0.3, 0.3)) == "new_whale"


def test_a_negative_known_threshold_sends_even_the_same_photo_to_review() -> None:
    assert decide(0.0, Thresholds(-1.0, 0.5)) == "review"


def test_nan_is_refused_rather_than_called_a_new_whale() -> None:
    with pytest.raises(ValueError, match="NaN"):
        decide(math.nan, THRESHOLDS)


@pytest.mark.parametrize(("known", "new_whale"), [(0.6, 0.5), (math.nan, 0.5), (0.5, math.nan)])
def test_thresholds_out_of_order_are_refused(known: float, new_whale: float) -> None:
    with pytest.raises(BadQuery, match="known must not be above new_whale"):
        Thresholds(known, new_whale)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (0.1, "Very likely w_1 (distance 0.100; sure below 0.200)."),
        (
            0.3,
            "Perhaps w_1 (distance 0.300; sure below 0.200, new above 0.500). Compare the photos.",
        ),
        (0.9, "Probably a new animal. The nearest is w_1 (distance 0.900; new above 0.500)."),
    ],
)
def test_the_reason_names_individual_distance_and_threshold(distance: float, words: str) -> None:
    assert words in explain(Candidate("w_1", distance, "a.jpg"), THRESHOLDS)


def test_the_reason_without_a_sure_match_and_without_individuals() -> None:
    assert "no match is sure" in explain(Candidate("w_1", 0.3, "a.jpg"), Thresholds(-1.0, 0.5))
    assert explain(None, THRESHOLDS) == "The catalogue has no known individual to compare with."
