from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.classification.classifier import Classifier
from training.classification.predictions import KindAnswer, answers_csv, answers_of


def test_the_likeliest_kind_comes_first_and_the_next_second(at: Callable[..., np.ndarray]) -> None:
    classifier = Classifier(
        ("cat", "dog", "fox"),
        "centres",
        at(0, 90, 180),
        np.zeros(0, np.int64),
        np.zeros(3, np.float32),
    )
    (one,) = answers_of(classifier, ["a.jpg"], at(60))
    assert (one.label, one.second_label) == ("dog", "cat")
    raised = np.exp([0.5, 3**0.5 / 2, -0.5])
    assert (one.probability, one.second_probability) == pytest.approx(
        (raised[1] / raised.sum(), raised[0] / raised.sum())
    )


def test_the_csv_has_a_row_for_each_photo() -> None:
    text = answers_csv([KindAnswer("a, b.jpg", "cat", 0.98765, "dog", 0.01)])
    assert text == (
        'image,label,probability,second_label,second_probability\n"a, '
        'b.jpg",cat,0.9877,dog,0.0100\n'
    )
