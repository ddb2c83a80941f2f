"""training/learning/class_weights.py: how much photos of rare and frequent classes count, by their
formulas.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.learning.class_weights import class_weights
from training.learning.losses import WeightedLosses
from training.recipes.choices import LossChoices

COUNTS = np.array([1, 3, 16])


def test_inverse_frequency_lets_all_classes_count_alike() -> None:
    weights = class_weights(COUNTS, LossChoices(kind="arcface", class_weights="inverse"))
    # 20 photos of 3 classes: each class has 20 / 3 in all.
    assert weights * COUNTS == pytest.approx([20 / 3] * 3)


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_the_effective_number_is_its_formula_with_a_mean_of_one(beta: float) -> None:
    choices = LossChoices(kind="arcface", class_weights="effective", effective_beta=beta)
    weights = class_weights(COUNTS, choices)
    plain = [(1 - beta) / (1 - beta**n) for n in (1, 3, 16)]
    assert weights / weights[0] == pytest.approx(np.array(plain) / plain[0])
    assert (weights * COUNTS).sum() == pytest.approx(20.0)


def test_none_is_one_for_each_and_beta_0_too() -> None:
    assert class_weights(COUNTS, LossChoices(kind="arcface")).tolist() == [1.0, 1.0, 1.0]
    zero = LossChoices(kind="arcface", class_weights="effective", effective_beta=0.0)
    assert class_weights(COUNTS, zero).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("kind", ["arcface", "subcenter_arcface", "softmax", "focal"])
def test_a_photo_s_loss_is_multiplied_by_its_class_s_weight(kind: str) -> None:
    found: dict[str, list[float]] = {}
    embeddings = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    for weighing in ("none", "inverse"):
        torch.manual_seed(4)
        term = LossChoices(kind=kind, class_weights=weighing)  # pyright: ignore[reportArgumentType]
        losses = WeightedLosses([term], dimension=5, photos_of_identity=COUNTS, twin_shift=0)
        found[weighing] = [
            losses(embeddings[at : at + 1], torch.tensor([at])).item() for at in range(3)
        ]
    wanted = class_weights(COUNTS, LossChoices(kind="arcface", class_weights="inverse"))
    assert np.array(found["inverse"]) == pytest.approx(np.array(found["none"]) * wanted, rel=1e-5)


@pytest.mark.parametrize("kind", ["arcface", "subcenter_arcface", "softmax", "focal"])
def test_classes_that_are_not_known_yet_are_left_as_they_are(kind: str) -> None:
    torch.manual_seed(4)
    term = LossChoices(kind=kind, sub_centers=1)  # pyright: ignore[reportArgumentType]
    losses = WeightedLosses([term], dimension=5, photos_of_identity=COUNTS, twin_shift=0)
    embeddings = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))

    def moved() -> list[bool]:
        losses.zero_grad()
        losses(embeddings, torch.tensor([1, 2, 1, 2, 1, 2])).backward()
        weight = next(each for each in losses.parameters() if each.ndim == 2)
        assert weight.grad is not None
        by_class = weight.grad if weight.shape[0] == 3 else weight.grad.T
        return by_class.abs().sum(1).gt(1e-12).tolist()

    assert moved() == [True, True, True]
    losses.restrict_classes(torch.tensor([False, True, True]))
    assert moved() == [False, True, True]
    losses.restrict_classes(None)
    assert moved() == [True, True, True]
