"""training/evaluation/occasions.py: one animal on one day and another, at known angles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from index.labels.reader import LabelledPhoto
from training.evaluation.occasions import rank_by_occasion

At = Callable[..., np.ndarray]

# name: individual, angle, encounter, time
MET = {
    "a1": ("a", 0, "m1", "2024-05-01T08:00"),
    "a2": ("a", 2, "m1", "2024-05-01T08:01"),
    "a3": ("a", 20, "m2", "2024-05-01T18:00"),
    "a4": ("a", 50, "m3", "2024-05-07T08:00"),
    "b1": ("b", 11, "m4", "2024-05-01T08:00"),
    "c1": ("c", 45, "m5", "2024-05-02T08:00"),
    "c2": ("c", 46, "m5", "2024-05-02T08:00"),
}
PHOTOS = [
    LabelledPhoto(name, Path(name), individual, encounter=encounter, taken_at=taken_at)
    for name, (individual, _, encounter, taken_at) in MET.items()
]
BURSTS = np.array([0, 0, 1, 2, 3, 4, 4])


def test_the_same_photos_are_asked_on_harder_terms(at: At) -> None:
    vectors = at(*(angle for _, angle, _, _ in MET.values()))
    found = rank_by_occasion(vectors, PHOTOS, BURSTS)
    assert found is not None
    # c was met on one day: its photos are no queries, and stand before a4.
    assert found.individuals == ["a", "a", "a", "a"]
    assert {name: ranks.tolist() for name, ranks in found.ranks.items()} == {
        "any_other_photo": [1, 1, 2, 2],  # b1 is nearest to a3, c to a4
        "another_encounter": [2, 2, 2, 2],  # of a1 and a2, b1 at 11 and 9 degrees before a3
        "another_day": [3, 3, 3, 2],  # b1 and c before a4
    }


def test_without_dates_or_days_nothing_is_told(at: At) -> None:
    vectors = at(*(angle for _, angle, _, _ in MET.values()))
    undated = [LabelledPhoto(photo.name, photo.path, photo.individual) for photo in PHOTOS]
    assert rank_by_occasion(vectors, undated, BURSTS) is None
    one_day = [
        LabelledPhoto(photo.name, photo.path, photo.individual, taken_at="2024-05-01")
        for photo in PHOTOS
    ]
    assert rank_by_occasion(vectors, one_day, BURSTS) is None
    days_apart = [
        LabelledPhoto(photo.name, photo.path, photo.individual, taken_at=f"2024-05-{row + 1:02}")
        for row, photo in enumerate(PHOTOS)
    ]
    assert rank_by_occasion(vectors, days_apart, np.arange(7)) is None
