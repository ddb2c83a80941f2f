"""training/evaluation/compare/scores.py: the protocol's own figures come out for the protocol's
scores, and fusing photos helps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest

from index.search.matching import BadQuery, Score
from training.evaluation.compare.scores import compare_fusions, compare_scorings, fuse_vectors
from training.evaluation.queries import LabelledVectors, protocol_queries, trial_queries


def test_known_and_open_figures_are_the_evaluation_s(herd: LabelledVectors) -> None:
    found = compare_scorings(herd, trial_queries(herd))
    asked = protocol_queries(herd)
    for score in get_args(Score):
        distances = asked.gallery.individual_distances(asked.known, score)
        first = distances.argmin(axis=1) == asked.truths
        assert found[score]["known"]["top1"] == pytest.approx(first.mean())
        assert found[score]["known"]["queries"] == 48
        assert found[score]["disjoint"]["queries"] == 48
        assert found[score]["open"]["unknown_queries"] == 50
    tried = {
        "k-reciprocal",
        "query expansion",
        "augmentation",
        "local scaling",
        "logits",
        "logit blend",
    }
    assert {*found} == {*get_args(Score), *tried}


def test_choices_are_fitted_to_trials_and_not_to_queries(herd: LabelledVectors) -> None:
    trials = trial_queries(herd)
    choices = {name: one["choices"] for name, one in compare_scorings(herd, trials).items()}
    queries = herd.rows("known_query", "unknown_query")
    herd.vectors[queries] = herd.vectors[queries][::-1]
    assert {name: one["choices"] for name, one in compare_scorings(herd, trials).items()} == choices
    assert set(choices["k-reciprocal"]) == {"k1", "k2", "distance_weight"}
    assert set(choices["local scaling"]) == {"k", "share"}
    assert choices["logits"]["distance_weight"] == 0
    assert choices["logit blend"]["distance_weight"] > 0


def test_gains_are_over_the_nearest_photo(herd: LabelledVectors) -> None:
    found = compare_scorings(herd, trial_queries(herd))
    assert found["nearest"]["known"]["map5_gain_95"] == (0.0, 0.0)
    low, high = found["centre"]["known"]["map5_gain_95"]
    gain = found["centre"]["known"]["map5"] - found["nearest"]["known"]["map5"]
    assert low <= gain <= high and low < high


def test_two_noisy_photos_say_more_than_one(herd: LabelledVectors) -> None:
    found = compare_fusions(herd)
    assert list(found) == ["among disjoint", "among all"]
    among_all = found["among all"]
    assert (among_all["individuals"], among_all["encounters"]) == (12, 120)
    answers = among_all["answers"]
    assert list(answers) == ["one photo", "mean", "min", "mean vector"]
    assert answers["mean"]["top1"] > answers["one photo"]["top1"]
    low, high = answers["mean"]["top1_gain_95"]
    assert low <= answers["mean"]["top1"] - answers["one photo"]["top1"] <= high
    passed = {name: one["fpir_at_one_photo_s"] for name, one in answers.items()}
    assert passed["one photo"] == pytest.approx(
        0.1, abs=0.03
    )  # draws repeat photos, and equal distances pass together
    assert passed["mean"] < passed["one photo"] < passed["min"]


def test_protocols_without_queries_are_left_out(herd: LabelledVectors) -> None:
    herd._roles = ["fit" for _ in herd._roles]  # pyright: ignore[reportPrivateUsage]
    found = compare_scorings(herd, trial_queries(herd))
    assert all(set(one) == {"choices"} for one in found.values())
    assert compare_fusions(herd) == {}


def test_without_pairs_to_try_the_first_choice_stands(herd: LabelledVectors) -> None:
    trials = trial_queries(herd)
    empty = type(trials)(trials.gallery, trials.known[:0], trials.truths[:0], trials.unknown)
    found = compare_scorings(herd, empty)
    assert found["k-reciprocal"]["choices"] == {"k1": 3, "k2": 1, "distance_weight": 0.3}
    assert np.isfinite(found["k-reciprocal"]["known"]["top1"])


def test_vectors_fuse_into_their_mean_direction(at: Callable[..., np.ndarray]) -> None:
    np.testing.assert_allclose(fuse_vectors(at(10, 50)), at(30)[0], atol=1e-6)
    assert fuse_vectors(at(10, 50)).dtype == np.float32


def test_an_encounter_without_vectors_is_refused() -> None:
    with pytest.raises(BadQuery, match="holds no photo"):
        fuse_vectors(np.zeros((0, 2), np.float32))
