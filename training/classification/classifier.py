"""From an embedding to kinds with probabilities: what a checkpoint trained on kinds holds beside
its network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedding.checkpoint import (
    CLASSES_PREFIX,
    BadCheckpoint,
    load_weights,
    read_header,
    save_checkpoint,
)
from index.search.vectors import FloatArray

Method = Literal["nearest", "centres", "linear"]
METHODS: tuple[Method, ...] = get_args(Method)
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Classifier:
    """One way from unit vectors (n, d) to c kinds.

    `nearest`: the mean cosine to a kind's `neighbours` nearest of the `rows` (m, d), whose kinds
    are `kinds` (m,). `centres`: the cosine to each kind's centre, `rows` (c, d). `linear`: `rows`
    (c, d) are weights, with `bias` (c,). Scores over `temperature` through a softmax are
    probabilities.
    """

    names: tuple[str, ...]
    method: Method
    rows: FloatArray
    kinds: NDArray[np.int64]
    bias: FloatArray
    neighbours: int = 1
    temperature: float = 1.0

    def scores(self, vectors: FloatArray) -> Scores:
        """Score (n, c) vectors (n, d): greater is likelier."""
        products = vectors.astype(np.float64) @ self.rows.astype(np.float64).T
        if self.method != "nearest":
            return products + self.bias.astype(np.float64)
        found = np.empty((len(vectors), len(self.names)))
        for kind in range(len(self.names)):
            own = products[:, self.kinds == kind]
            count = min(self.neighbours, own.shape[1])
            found[:, kind] = np.partition(own, own.shape[1] - count, axis=1)[:, -count:].mean(
                axis=1
            )
        return found

    def probabilities(self, vectors: FloatArray) -> Scores:
        """How probable each kind is (n, c), each row summing to 1."""
        return softmax(self.scores(vectors) / self.temperature)


def softmax(scores: Scores) -> Scores:
    """Shares (n, c) of the exponentials of scores (n, c)."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def add_classifier(path: Path, classifier: Classifier) -> str:
    """Write a classifier into the checkpoint that its vectors are of, atomically; returns the new
    fingerprint.
    """
    header = read_header(path)
    weights = {
        name: value
        for name, value in load_weights(path).items()
        if not name.startswith(CLASSES_PREFIX)
    }
    told: dict[str, Any] = {
        "names": list(classifier.names),
        "method": classifier.method,
        "neighbours": classifier.neighbours,
        "temperature": classifier.temperature,
    }
    own: dict[str, Tensor] = {
        "rows": torch.from_numpy(classifier.rows),
        "kinds": torch.from_numpy(classifier.kinds),
        "bias": torch.from_numpy(classifier.bias),
    }
    weights |= {CLASSES_PREFIX + name: value for name, value in own.items()}
    return save_checkpoint(path, weights, replace(header, classes=told))


def read_classifier(path: Path) -> Classifier:
    """Read a checkpoint's classifier.

    Raises BadCheckpoint, with the command that makes one, where it has none.
    """
    told = read_header(path).classes
    if told is None:
        raise BadCheckpoint(
            f"{path} tells individuals apart and knows no classes. Train one that does: "
            "`flukeprint train classify "
            "--csv LABELS.csv --photos DIR --out RUN`, and give --checkpoint RUN/best.safetensors"
        )
    weights = load_weights(path)
    try:
        if told["method"] not in METHODS:
            raise ValueError(f"method {told['method']!r}")
        names = tuple(cast("list[str]", told["names"]))
        found = Classifier(
            names,
            told["method"],
            weights[CLASSES_PREFIX + "rows"].numpy(),
            weights[CLASSES_PREFIX + "kinds"].numpy(),
            weights[CLASSES_PREFIX + "bias"].numpy(),
            int(told["neighbours"]),
            float(told["temperature"]),
        )
        _check(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadCheckpoint(
            f"{path} has a damaged classifier ({error}); copy or train it again"
        ) from error
    return found


def _check(found: Classifier) -> None:
    count = len(found.names)
    rows = len(found.kinds) if found.method == "nearest" else count
    if (
        found.rows.ndim != 2
        or len(found.rows) != rows
        or found.bias.shape != (count,)
        or not found.temperature > 0
    ):
        raise ValueError(
            f"{found.rows.shape} rows and {found.bias.shape} of bias for {count} classes"
        )
    if found.method == "nearest" and set(found.kinds.tolist()) != set(range(count)):
        raise ValueError("a class without reference photos")
