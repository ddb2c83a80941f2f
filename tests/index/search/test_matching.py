"""One rule decides: equal to a threshold is within it, NaN is refused, no candidate is a new
whale.
"""

from __future__ import annotations

import math

import pytest

from index.search.matching import (
    NOBODY,
    BadQuery,
    Match,
    Thresholds,
    decide,
    explain,
    of_hundred,
)

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
        (
            0.1,
            "w_1 (distance 0.100; known up to 0.200). About 97 of 100 such answers are right.",
        ),
        (
            0.3,
            "Perhaps w_1 (distance 0.300; known up to 0.200, new beyond 0.500). About 97 of 100 "
            "such answers are right. Compare the photos.",
        ),
        (
            0.9,
            "Probably a new animal. The nearest is w_1 (distance 0.900; new beyond 0.500). About "
            "2 of 100 such photos show an animal that the catalogue lacks.",
        ),
    ],
)
def test_the_reason_names_individual_distance_threshold_and_share(
    distance: float, words: str
) -> None:
    assert explain(Match("w_1", distance, 0.97, "a.jpg"), THRESHOLDS, 0.02) == words


def test_the_reason_names_no_share_where_nothing_is_calibrated() -> None:
    words = explain(Match("w_1", 0.3, 0.5, "a.jpg"), Thresholds(-1.0, 0.5))
    assert "nothing is known without review here" in words
    assert "of 100" not in words


def test_a_near_match_that_is_probably_wrong_is_no_known_one() -> None:
    thresholds = Thresholds(0.2, 0.5, least_probability=0.5)
    assert decide(0.1, thresholds, 0.5) == "known"
    assert decide(0.1, thresholds, 0.03) == "review"
    words = explain(Match("w_1", 0.1, 0.03, "a.jpg"), thresholds, 0.9)
    assert words == (
        "Perhaps w_1 (distance 0.100; near enough, but more often wrong than right, new beyond "
        "0.500). About 3 of 100 such answers are right. Compare the photos."
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "Fewer than 1 of 100"),
        (0.004, "Fewer than 1 of 100"),
        (0.5, "About 50 of 100"),
        (0.994, "About 99 of 100"),
        (0.996, "More than 99 of 100"),
        (1.0, "More than 99 of 100"),
    ],
)
def test_shares_in_words(share: float, words: str) -> None:
    assert of_hundred(share) == words


def test_the_reason_without_individuals() -> None:
    assert explain(None, THRESHOLDS) == (
        "There is nobody to compare with: the catalogue, or the part that was asked for, is empty."
    )
