"""Each photo's kind and runner-up with probabilities, and their CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.search.vectors import FloatArray
from training.classification.classifier import Classifier


@dataclass(frozen=True, slots=True)
class KindAnswer:
    """What one photo shows: the likeliest kind and the next."""

    image: str
    label: str
    probability: float
    second_label: str
    second_probability: float


def answers_of(
    classifier: Classifier, images: Sequence[str], vectors: FloatArray
) -> list[KindAnswer]:
    """Answer for photos by name, whose vectors are (n, d)."""
    found: list[KindAnswer] = []
    for image, row in zip(images, classifier.probabilities(vectors), strict=True):
        order: list[int] = np.argsort(-row, kind="stable").tolist()
        first, second = order[:2]
        names = classifier.names
        found.append(
            KindAnswer(image, names[first], float(row[first]), names[second], float(row[second]))
        )
    return found


def answers_csv(answers: Sequence[KindAnswer]) -> str:
    """`image,label,probability,second_label,second_probability` rows, in the order given."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "label", "probability", "second_label", "second_probability"])
    for one in answers:
        probabilities = f"{one.probability:.4f}", f"{one.second_probability:.4f}"
        writer.writerow(
            [one.image, one.label, probabilities[0], one.second_label, probabilities[1]]
        )
    return text.getvalue()
