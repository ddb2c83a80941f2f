"""training/evaluation/compare/rejection.py: the plain distance's figures are the metrics', a fit to
trials keeps its promise.
"""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.compare.rejection import compare_rejections, query_distances
from training.evaluation.metrics import auroc, fnir_at_fpir
from training.evaluation.queries import (
    LabelledVectors,
    Queries,
    protocol_queries,
    trial_queries,
)


@pytest.fixture
def found(herd: LabelledVectors) -> dict[str, dict[str, object]]:
    unlearned = query_distances(trial_queries(herd, "disjoint"))
    return compare_rejections(
        query_distances(protocol_queries(herd)), query_distances(trial_queries(herd)), unlearned
    )


def test_the_plain_distance_s_figures_are_the_metrics(
    herd: LabelledVectors, found: dict[str, dict]
) -> None:
    asked = protocol_queries(herd)
    known = asked.gallery.individual_distances(asked.known)
    unknown = asked.gallery.individual_distances(asked.unknown).min(axis=1)
    plain = found["distance"]
    assert plain["auroc"] == auroc(known.min(axis=1), unknown)
    assert plain["fnir_at_fpir_0.1"] == fnir_at_fpir(
        known.min(axis=1), asked.ranks(known), unknown, 0.1
    )
    assert plain["fnir_at_fpir_0.1_change_95"] == (0.0, 0.0)
    assert (
        found["gap"]["fnir_at_fpir_0.1_change_95"][1] > 0
    )  # clusters: a rival says less than the distance


def test_every_score_is_told_with_its_choices(found: dict[str, dict]) -> None:
    assert {name: set(one["choices"]) for name, one in found.items()} == {
        "distance": set(),
        "gap": set(),
        "distance and gap": {"weight"},
        "neighbourhood aware": {"k", "temperature"},
        "extreme values": {"tail"},
        "distance, fitted to animals never learned": set(),
    }
    states = [name for name, one in found.items() if "calibration_error_as_stated" in one]
    assert states == ["neighbourhood aware", "extreme values"]
    assert found["extreme values"]["auroc"] > 0.8


def test_thresholds_and_probabilities_are_fitted_to_trials(found: dict[str, dict]) -> None:
    # Nothing was learned of this herd, so trials and queries are alike.
    for one in found.values():
        assert one["fpir_promised"] == 0.05 and one["fpir_measured"] <= 0.16
        assert one["calibration_error_at_assumed_share"] < 0.2


def test_the_assumed_share_weighs_the_queries(herd: LabelledVectors) -> None:
    # All strangers, and a known query that is right: at a share of .3 the known query has .7 of the
    # weight.
    asked, trials = query_distances(protocol_queries(herd)), query_distances(trial_queries(herd))
    few = asked._replace(
        known_vectors=asked.known_vectors[:1],
        known=asked.known[:1],
        ranks=asked.ranks[:1],
        groups=asked.groups[:1],
    )
    found = compare_rejections(few, trials, trials)["distance"]
    assert found["calibration_error"] != pytest.approx(found["calibration_error_at_assumed_share"])


def test_without_new_whales_the_known_stand_for_the_unknown(herd: LabelledVectors) -> None:
    trials = trial_queries(herd)
    asked = query_distances(
        Queries(trials.gallery, trials.known, trials.truths, trials.unknown[:0])
    )
    np.testing.assert_array_equal(asked.unknown_vectors, asked.known_vectors)
    assert (asked.unknown.min(axis=1) >= asked.known.min(axis=1)).all() and np.isinf(
        asked.unknown
    ).any(axis=1).all()


def test_trials_too_few_promise_nothing(herd: LabelledVectors) -> None:
    asked, trials = query_distances(protocol_queries(herd)), query_distances(trial_queries(herd))
    few = trials._replace(unknown_vectors=trials.unknown_vectors[:5], unknown=trials.unknown[:5])
    nobody = asked._replace(known=asked.known[:0])
    found = compare_rejections(asked, few, nobody)
    assert "fpir_measured" not in found["distance"] and "auroc" in found["distance"]
    assert "distance, fitted to animals never learned" not in found
