"""The three ways from vectors to kinds, fitted to the photos learned from and compared on
validation photos.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]
import sklearn.linear_model  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from index.search.vectors import FloatArray
from training.classification.classifier import METHODS, Classifier, Method, Scores, softmax

_optimize: Any = scipy.optimize
_linear_model: Any = sklearn.linear_model

Kinds = NDArray[np.int64]

_NEIGHBOURS = (1, 5, 15)
_STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Inverse regularisation tried for the linear head; vectors are of unit length."""
_COLDEST, _HOTTEST = 1e-3, 1e2
_MOST_STEPS = 5000
_SMALLEST_NORM = 1e-12


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier and what it does on the validation photos that its choices were made by."""

    classifier: Classifier
    accuracy: float
    balanced_accuracy: float
    log_loss: float


def fit_all(
    names: Sequence[str],
    vectors: FloatArray,
    kinds: Kinds,
    validation: FloatArray,
    validation_kinds: Kinds,
) -> dict[Method, Fitted]:
    """Fit every method to unit vectors (n, d) of kinds (n,), its own choices and temperature to the
    validation part.

    Of a method's variants (numbers of neighbours, strengths) the one with the smallest log loss on
    validation is kept.
    """
    found: dict[Method, Fitted] = {}
    for method in METHODS:
        variants = [
            _judged(variant, validation, validation_kinds)
            for variant in _variants(method, tuple(names), vectors, kinds)
        ]
        found[method] = min(variants, key=lambda one: one.log_loss)
    return found


def best_of(fitted: dict[Method, Fitted]) -> Method:
    """The method with the best balanced accuracy on validation; between equals, with the smaller
    log loss.
    """
    return min(
        fitted, key=lambda method: (-fitted[method].balanced_accuracy, fitted[method].log_loss)
    )


def temperature_of(scores: Scores, kinds: Kinds) -> float:
    """The temperature that makes softmax(scores / temperature) likeliest (Guo et al. 2017); scores
    are (n, c).
    """

    def loss(logarithm: float) -> float:
        return log_loss(softmax(scores / np.exp(logarithm)), kinds)

    found = _optimize.minimize_scalar(
        loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded"
    )
    return float(np.exp(found.x))


def log_loss(probabilities: Scores, kinds: Kinds) -> float:
    """Mean negative log of the probability that each photo's own kind was given."""
    own = probabilities[np.arange(len(kinds)), kinds]
    return float(-np.log(np.maximum(own, 1e-15)).mean())


def _judged(classifier: Classifier, vectors: FloatArray, kinds: Kinds) -> Fitted:
    scores = classifier.scores(vectors)
    temperature = temperature_of(scores, kinds)
    is_right = scores.argmax(axis=1) == kinds
    counts = np.bincount(kinds)
    shares = np.bincount(kinds, weights=is_right)[counts > 0] / counts[counts > 0]
    loss = log_loss(softmax(scores / temperature), kinds)
    return Fitted(
        replace(classifier, temperature=temperature),
        float(is_right.mean()),
        float(shares.mean()),
        loss,
    )


def _variants(
    method: Method, names: tuple[str, ...], vectors: FloatArray, kinds: Kinds
) -> Iterator[Classifier]:
    none, no_bias = np.zeros(0, np.int64), np.zeros(len(names), np.float32)
    if method == "nearest":
        for neighbours in _NEIGHBOURS:
            yield Classifier(names, method, _half_precision(vectors), kinds, no_bias, neighbours)
    elif method == "centres":
        sums = np.stack(
            [vectors[kinds == kind].sum(axis=0, dtype=np.float64) for kind in range(len(names))]
        )
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        yield Classifier(
            names,
            method,
            _half_precision(sums / np.maximum(lengths, _SMALLEST_NORM)),
            none,
            no_bias,
        )
    else:
        for strength in _STRENGTHS:
            weights, bias = _regression(vectors, kinds, len(names), strength)
            yield Classifier(names, method, _half_precision(weights), none, _half_precision(bias))


def _regression(vectors: FloatArray, kinds: Kinds, count: int, strength: float) -> tuple[Any, Any]:
    """Weights (c, d) and bias (c,) of a multinomial logistic regression."""
    model = _linear_model.LogisticRegression(C=strength, max_iter=_MOST_STEPS)
    model.fit(vectors.astype(np.float64), kinds)
    if count > 2:
        return model.coef_, model.intercept_
    # Of two kinds the library keeps the second's alone: how much likelier it is than the first.
    return np.concatenate([-model.coef_, model.coef_]) / 2, np.concatenate(
        [-model.intercept_, model.intercept_]
    ) / 2


def _half_precision(values: NDArray[Any]) -> FloatArray:
    """As a checkpoint keeps it, in half precision: what is measured is then what is loaded."""
    return values.astype(np.float16).astype(np.float32)
