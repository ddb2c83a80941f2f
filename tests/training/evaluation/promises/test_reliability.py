"""training/evaluation/promises/reliability.py: bins, and shares set or estimated."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.promises.draws import PhotoSet, draw_catalogue
from training.evaluation.promises.reliability import (
    compare_shares,
    error_by_chance,
    reliability,
    weighted_queries,
)


def test_the_error_is_the_bins_mean_distance_by_weight() -> None:
    stated = np.array([0.1, 0.12, 0.9, 1.0])
    found = reliability(stated, np.array([False, True, True, True]), np.array([0.3, 0.1, 0.4, 0.2]))
    # .1 and .12 share the bin up to 2/15; .9 and 1 are in the bins from 13/15 and 14/15.
    assert found["bins"] == [
        {
            "stated": pytest.approx(0.105),
            "right": pytest.approx(0.25),
            "weight": pytest.approx(0.4),
        },
        {"stated": pytest.approx(0.9), "right": pytest.approx(1.0), "weight": pytest.approx(0.4)},
        {"stated": 1.0, "right": 1.0, "weight": 0.2},
    ]
    assert found["error"] == pytest.approx(0.4 * 0.145 + 0.4 * 0.1)


def test_the_error_by_chance_is_that_of_exact_probabilities(rng: np.random.Generator) -> None:
    stated, weights = rng.uniform(size=600), np.full(600, 1 / 600)
    errors = []
    for _ in range(60):
        is_right = rng.uniform(size=600) < stated
        errors.append(reliability(stated, is_right, weights)["error"])
    chance = error_by_chance(stated, is_right, weights)
    assert chance["mean"] == pytest.approx(np.mean(errors), rel=0.15)
    assert chance["within"] == pytest.approx(np.quantile(errors, 0.95), rel=0.25)
    # What is too sure of itself is beyond chance.
    sure = np.where(stated > 0.5, 0.98, 0.02)
    assert reliability(sure, is_right, weights)["error"] > 2 * chance["within"]


def test_weights_make_the_share_and_halve_it_between_the_kinds(make_herd) -> None:
    herd = make_herd(60, 4, 30)
    draw = draw_catalogue(PhotoSet.of(herd.vectors, herd.photos), 0)
    queries = weighted_queries(draw, 0.8)
    assert queries is not None
    known, absent, new = np.split(queries.weights, [48, 96])
    assert known.sum() == pytest.approx(0.2)
    assert absent.sum() == pytest.approx(0.4) and new.sum() == pytest.approx(0.4)
    herd = make_herd(60, 4, 0)
    queries = weighted_queries(draw_catalogue(PhotoSet.of(herd.vectors, herd.photos), 0), 0.8)
    assert queries is not None and queries.weights[48:].sum() == pytest.approx(0.8)


def test_a_share_that_is_set_or_estimated_is_nearer_the_truth(make_herd) -> None:
    herd = make_herd(200, 4, 200, spread=0.6)
    rows = compare_shares(PhotoSet.of(herd.vectors, herd.photos), 0)
    assert [row["share"] for row in rows] == [0.1, 0.3, 0.5, 0.8]
    assert rows[1]["set"] == rows[1]["unset"]
    for row in rows:
        # Fifteen bins of 160 known queries are never wholly even.
        assert row["set"]["error"] < 0.12, row["share"]
        assert row["estimate"]["low"] - 0.05 < row["share"] < row["estimate"]["high"] + 0.05
        assert sum(one["weight"] for one in row["set"]["bins"]) == pytest.approx(1)
    assert rows[3]["unset"]["error"] > 2 * rows[3]["set"]["error"]
    assert rows[3]["unset"]["error"] > 2 * rows[3]["estimated"]["error"]


def test_without_queries_of_a_sort_nothing_is_measured(make_herd) -> None:
    herd = make_herd(20, 1, 0)  # no individual has the two photos of a known query
    assert compare_shares(PhotoSet.of(herd.vectors, herd.photos), 0) == []
