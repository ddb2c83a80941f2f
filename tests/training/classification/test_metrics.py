from __future__ import annotations

import numpy as np
import pytest

from training.classification.metrics import (
    measure,
    precision_recall_points,
    reliability,
    roc_points,
)


@pytest.fixture
def asked(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """90 photos of three kinds, unlike in number, with ties among their probabilities."""
    kinds = rng.choice(3, 90, p=[0.6, 0.3, 0.1])
    raw = rng.random((90, 3)).round(1) + 0.1 + 0.5 * np.eye(3)[kinds]
    return raw / raw.sum(axis=1, keepdims=True), kinds


def naive_auc(scores: np.ndarray, is_own: np.ndarray) -> float:
    won = [
        1.0 if own > other else 0.5 if own == other else 0.0
        for own in scores[is_own].tolist()
        for other in scores[~is_own].tolist()
    ]
    return float(np.mean(won))


def naive_average_precision(scores: np.ndarray, is_own: np.ndarray) -> float:
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        taken = [
            own
            for score, own in zip(scores.tolist(), is_own.tolist(), strict=True)
            if score >= threshold
        ]
        recall = sum(taken) / is_own.sum()
        total += (recall - recall_before) * sum(taken) / len(taken)
        recall_before = recall
    return float(total)


def test_figures_are_those_of_naive_loops(asked: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, kinds = asked
    found = measure(probabilities, kinds, ["a", "b", "c"])
    answers = [int(np.argmax(row)) for row in probabilities]
    rights = [answer == kind for answer, kind in zip(answers, kinds.tolist(), strict=True)]
    assert found.accuracy == pytest.approx(sum(rights) / 90)
    recalls = [
        np.mean([right for right, kind in zip(rights, kinds, strict=True) if kind == at])
        for at in range(3)
    ]
    assert found.balanced_accuracy == pytest.approx(np.mean(recalls))
    for at, each in enumerate(found.kinds):
        own = probabilities[:, at], kinds == at
        assert each.auc == pytest.approx(naive_auc(*own))
        assert each.average_precision == pytest.approx(naive_average_precision(*own))
        assert each.recall == pytest.approx(recalls[at])
        chosen = [right for right, answer in zip(rights, answers, strict=True) if answer == at]
        assert each.precision == pytest.approx(np.mean(chosen))
        assert each.f1 == pytest.approx(
            2 * each.precision * each.recall / (each.precision + each.recall)
        )
        assert each.photos == (kinds == at).sum()
        for column in range(3):
            counted = sum(
                kind == at and answer == column
                for kind, answer in zip(kinds.tolist(), answers, strict=True)
            )
            assert found.confusion[at, column] == counted
    assert found.auc == pytest.approx(np.mean([each.auc for each in found.kinds]))
    assert found.average_precision == pytest.approx(
        np.mean([each.average_precision for each in found.kinds])
    )
    assert found.log_loss == pytest.approx(
        -np.mean([np.log(row[kind]) for row, kind in zip(probabilities, kinds, strict=True)])
    )
    assert found.interval_95[0] < found.accuracy < found.interval_95[1]


def test_a_kind_without_photos_has_no_auc_and_does_not_count() -> None:
    found = measure(
        np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]]), np.array([0, 1]), ["a", "b", "absent"]
    )
    assert (found.kinds[2].photos, found.kinds[2].auc, found.kinds[2].average_precision) == (
        0,
        None,
        None,
    )
    assert (found.accuracy, found.balanced_accuracy) == (0.5, 0.5)
    alone = measure(np.array([[0.7, 0.3]]), np.array([0]), ["a", "b"])
    assert (alone.auc, alone.average_precision, alone.accuracy) == (None, None, 1.0)


def test_the_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    """Three photos at .95, two of them right, and one at .65, which is wrong."""
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.95, 0.05], [0.65, 0.35]])
    kinds = np.array([0, 0, 1, 1])
    assert reliability(probabilities, kinds) == [
        (pytest.approx(0.65), 0.0, 1),
        (pytest.approx(0.95), pytest.approx(2 / 3), 3),
    ]
    expected = (3 * (0.95 - 2 / 3) + 0.65) / 4
    assert measure(probabilities, kinds, ["a", "b"]).calibration_error == pytest.approx(expected)


def test_curves_go_through_the_points_of_each_threshold() -> None:
    scores, is_own = np.array([0.9, 0.8, 0.3]), np.array([True, False, True])
    false, true = roc_points(scores, is_own)
    assert {(0.0, 0.0), (0.0, 0.5), (1.0, 1.0)} <= set(
        zip(false.tolist(), true.tolist(), strict=True)
    )
    recall, precision = precision_recall_points(scores, is_own)
    assert {(0.5, 1.0), (0.5, 0.5), (1.0, 2 / 3)} <= set(
        zip(recall.tolist(), precision.tolist(), strict=True)
    )
