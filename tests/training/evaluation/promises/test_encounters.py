"""training/evaluation/promises/encounters.py: three photos as one query, and as three frames."""

from __future__ import annotations

import pytest

from training.evaluation.promises.draws import PhotoSet
from training.evaluation.promises.encounters import compare_bursts, compare_encounters


def test_encounters_by_their_own_calibration_find_more(make_herd) -> None:
    herd = make_herd(100, 8, 0, spread=0.7)
    own, single = compare_encounters(PhotoSet.of(herd.vectors, herd.photos), 0)
    assert (own["calibration"], single["calibration"]) == ("own", "single")
    # A fifth of 100 individuals are absent.
    assert (own["absent_queries"], own["known_queries"]) == (20, 80)
    # The mean of three is farther than one photo's nearest: single photos' threshold is strict.
    assert own["found"] > single["found"] + 0.1
    assert own["absent"] <= 0.05 + 0.05 and single["absent"] <= own["absent"]


def test_no_encounters_no_rows(make_herd) -> None:
    herd = make_herd(60, 2, 0)
    assert compare_encounters(PhotoSet.of(herd.vectors, herd.photos), 0) == []
    herd = make_herd(12, 5, 0)  # too few animals for the rate
    assert compare_encounters(PhotoSet.of(herd.vectors, herd.photos), 0) == []


def test_bursts_deceive_a_calibration_that_does_not_know_them(make_herd) -> None:
    herd = make_herd(100, 4, 60, spread=0.7)
    found = compare_bursts(PhotoSet.of(herd.vectors, herd.photos), 0)
    assert found["frames"] == 3
    assert found["facts"]["error"] < 1.5 * found["facts"]["chance"]["within"]
    assert found["blind"]["error"] > 0.2
    # Blind, a photo always finds its other frames: matches at a distance are never right.
    assert min(one["stated"] for one in found["blind"]["bins"]) < 0.07
    assert sum(one["weight"] for one in found["facts"]["bins"]) == pytest.approx(1)


def test_bursts_need_queries(make_herd) -> None:
    herd = make_herd(20, 1, 0)
    assert compare_bursts(PhotoSet.of(herd.vectors, herd.photos), 0) == {}
