"""Individuals split in two, between bursts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.calibration import split_individuals
from index.calibration.bursts import PhotoFacts
from index.calibration.split_individuals import split_distances
from index.search.rows.live_rows import LiveRows

At = Callable[..., np.ndarray]


def test_halves_are_as_far_as_their_nearest_photos(at: At) -> None:
    rows = LiveRows.of(at(0, 60, 10, 100))
    found = split_distances(rows, ["w_a", "w_a", "w_b", "w_c"])
    assert found == pytest.approx([0.5], abs=1e-6)  # w_b and w_c have one photo each


def test_photos_of_one_encounter_stay_together(at: At) -> None:
    individuals = ["w_a"] * 3
    rows = LiveRows.of(at(0, 1, 60))
    facts = PhotoFacts(encounters=["may", "may", None])
    (found,) = split_distances(rows, individuals, facts)
    assert found == pytest.approx(1 - np.cos(np.radians(59)), abs=1e-6)
    assert not len(split_distances(rows, individuals, PhotoFacts(encounters=["may"] * 3)))


def test_a_split_depends_on_the_individual_alone(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(40, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    individuals = [f"w_{at // 5}" for at in range(40)]
    whole = split_distances(LiveRows.of(vectors), individuals)
    part = split_distances(LiveRows.of(vectors[:20]), individuals[:20])
    assert set(part.tolist()) <= set(whole.tolist())
    assert len(whole) == 8


def test_a_large_catalogue_has_some_individuals_split(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_individuals, "MOST_SPLIT", 2)
    individuals = [f"w_{at // 2}" for at in range(10)]
    assert len(split_distances(LiveRows.of(at(*range(0, 100, 10))), individuals)) == 2
