"""What predicted kinds are worth: figures of merit of probabilities, by scikit-learn's
definitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn.metrics  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from training.classification.classifier import Scores
from training.classification.fitting import Kinds, log_loss
from training.evaluation.metrics import bootstrap_interval, expected_calibration_error

_metrics: Any = sklearn.metrics

BINS = 10
_INTERVAL_SEED = 95


@dataclass(frozen=True, slots=True)
class KindMeasures:
    """One kind against all others.

    `auc` and `average_precision` None: no photo of it, or of no other, was asked.
    """

    name: str
    photos: int
    precision: float
    recall: float
    f1: float
    auc: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class Measures:
    """All figures of n photos' probabilities (n, c); `auc` and `average_precision` are means over
    kinds.

    `confusion` (c, c) counts photos, true kinds down, answers across. `interval_95` is the
    accuracy's, by bootstrap.
    """

    photos: int
    accuracy: float
    interval_95: tuple[float, float]
    balanced_accuracy: float
    auc: float | None
    average_precision: float | None
    log_loss: float
    calibration_error: float
    kinds: tuple[KindMeasures, ...]
    confusion: NDArray[np.int64]


def measure(probabilities: Scores, kinds: Kinds, names: Sequence[str]) -> Measures:
    """Measure probabilities (n, c) of photos whose kinds (n,) are known."""
    answers = probabilities.argmax(axis=1)
    is_right = answers == kinds
    each = _of_kinds(probabilities, kinds, answers, names)
    rng = np.random.default_rng(_INTERVAL_SEED)
    return Measures(
        photos=len(kinds),
        accuracy=float(is_right.mean()),
        interval_95=bootstrap_interval(is_right, [str(at) for at in range(len(kinds))], _mean, rng),
        balanced_accuracy=float(np.mean([one.recall for one in each if one.photos])),
        auc=_mean_known([one.auc for one in each]),
        average_precision=_mean_known([one.average_precision for one in each]),
        log_loss=log_loss(probabilities, kinds),
        calibration_error=expected_calibration_error(probabilities.max(axis=1), is_right, BINS),
        kinds=each,
        confusion=_metrics.confusion_matrix(kinds, answers, labels=range(len(names))),
    )


def roc_points(probabilities: Scores, is_of_kind: NDArray[np.bool_]) -> tuple[Scores, Scores]:
    """False-positive and true-positive rates (t,) at every threshold of one kind's probabilities
    (n,).
    """
    false, true, _ = _metrics.roc_curve(is_of_kind, probabilities)
    return false, true


def precision_recall_points(
    probabilities: Scores, is_of_kind: NDArray[np.bool_]
) -> tuple[Scores, Scores]:
    """Recall and precision (t,) at every threshold of one kind's probabilities (n,)."""
    precision, recall, _ = _metrics.precision_recall_curve(is_of_kind, probabilities)
    return recall, precision


def reliability(probabilities: Scores, kinds: Kinds) -> list[tuple[float, float, int]]:
    """For each tenth of stated probability that was given: its mean, the share that was right, and
    how many.
    """
    stated, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == kinds
    which = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
    return [
        (
            float(stated[which == one].mean()),
            float(is_right[which == one].mean()),
            int((which == one).sum()),
        )
        for one in range(BINS)
        if (which == one).any()
    ]


def _of_kinds(
    probabilities: Scores, kinds: Kinds, answers: Kinds, names: Sequence[str]
) -> tuple[KindMeasures, ...]:
    precision, recall, f1, photos = _metrics.precision_recall_fscore_support(
        kinds, answers, labels=range(len(names)), zero_division=0.0
    )
    found: list[KindMeasures] = []
    for at, name in enumerate(names):
        is_own, own = kinds == at, probabilities[:, at]
        has_both = bool(is_own.any() and not is_own.all())
        found.append(
            KindMeasures(
                name,
                int(photos[at]),
                float(precision[at]),
                float(recall[at]),
                float(f1[at]),
                float(_metrics.roc_auc_score(is_own, own)) if has_both else None,
                float(_metrics.average_precision_score(is_own, own)) if has_both else None,
            )
        )
    return tuple(found)


def _mean_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _mean(drawn: NDArray[Any]) -> float:
    return float(drawn.mean())
