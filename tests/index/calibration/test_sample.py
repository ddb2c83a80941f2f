"""What is tried of a catalogue too large to try whole."""

from __future__ import annotations

from collections import Counter

import numpy as np

from index.calibration.fitting import calibrate
from index.calibration.trials import MOST_TRIALS, sample_photos


def named(counts: dict[str, int]) -> list[str | None]:
    return [name for name, count in counts.items() for _ in range(count)]


def test_a_small_catalogue_is_tried_whole() -> None:
    individuals = [*named({"a": 3, "b": 1}), None, None]
    sample = sample_photos(individuals, 4)
    assert sample.rows == sample.whole == [0, 1, 2, 3, 4, 5]


def test_individuals_count_and_not_photos() -> None:
    """120 individuals of 50 photos each: all are tried, where 6 were by whole individuals."""
    individuals = named({f"w_{at}": 50 for at in range(120)})
    sample = sample_photos(individuals, 300)
    counts = Counter(individuals[row] for row in sample.rows)
    assert len(counts) == 120 and set(counts.values()) == {2}
    assert sample.whole == list(range(6000))


def test_individuals_with_few_photos_leave_room_for_others() -> None:
    individuals = named({"few": 1, "some": 4, "many": 100})
    counts = Counter(individuals[row] for row in sample_photos(individuals, 15).rows)
    assert counts == {"few": 1, "some": 4, "many": 10}


def test_more_individuals_than_trials_are_one_photo_each_and_the_same_later() -> None:
    counts = {f"w_{at}": 3 for at in range(1000)}
    first = sample_photos(named(counts), 200)
    names = {named(counts)[row] for row in first.rows}
    assert (len(first.rows), len(names), len(first.whole)) == (200, 200, 600)
    later = counts | {"w_new": 3}
    again = {named(later)[row] for row in sample_photos(named(later), 200).rows}
    assert len(names & again) >= 199


def test_photos_of_nobody_are_spread_evenly() -> None:
    individuals: list[str | None] = [None] * 100
    assert sample_photos(individuals, 10).rows == list(range(0, 100, 10))


def test_many_photos_of_each_individual_don_t_hide_other_individuals() -> None:
    """As many strangers are held out as a rate of .01 needs: 600 individuals of 20 photos."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(600, 24))
    vectors = np.repeat(centres, 20, axis=0) + 0.3 * rng.normal(size=(12_000, 24))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    calibration = calibrate(vectors, [f"w_{at // 20}" for at in range(12_000)])
    assert calibration.unknown_animals == 600
    assert calibration.unknown_trials <= MOST_TRIALS
    assert calibration.smallest_rate < 0.005
