"""training/learning/class_heads.py: ArcFace, focal and softmax against naive loops."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.learning.class_heads import dynamic_margins_degrees, twins_of
from training.learning.losses import WeightedLosses
from training.recipes.choices import LossChoices

Floats = NDArray[np.float64]


COUNTS = np.array([1, 2, 4, 9, 1, 2, 4, 9])  # photos of four individuals and of their mirror twins


ARCFACE = LossChoices(kind="arcface", scale=12.0, margin_degrees=20.0)


def built(*terms: LossChoices, dimension: int = 5, twin_shift: int = 0) -> WeightedLosses:
    torch.manual_seed(9)
    return WeightedLosses(
        terms, dimension=dimension, photos_of_identity=COUNTS, twin_shift=twin_shift
    )


@pytest.fixture
def embeddings() -> torch.Tensor:
    return torch.randn(10, 5, generator=torch.Generator().manual_seed(3))


IDENTITIES = torch.tensor([0, 0, 1, 1, 6, 6, 3, 3, 2, 7])


def unit(rows: Floats) -> Floats:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cross_entropy(logits: Floats, label: int) -> float:
    shifted = logits - logits.max()
    return float(np.log(np.exp(shifted).sum()) - shifted[label])


def naive_arcface(
    cosines: Floats, labels: list[int], margins_degrees: Floats, scale: float, twin_shift: int = 0
) -> float:
    """Mean cross entropy of scaled cosines, the own one at an angle widened by the margin; no twin
    among the rivals.
    """
    losses: list[float] = []
    for row, label in zip(cosines.copy(), labels, strict=True):
        angle, margin = np.arccos(row[label]), np.radians(margins_degrees[label])
        assert angle + margin <= np.pi
        row[label] = np.cos(angle + margin)
        if twin_shift:
            row[(label + twin_shift) % (2 * twin_shift)] = -1.0
        losses.append(cross_entropy(scale * row, label))
    return float(np.mean(losses))


def class_cosines(losses: WeightedLosses, embeddings: torch.Tensor) -> Floats:
    weights = next(losses.parameters()).detach().numpy().astype(np.float64)  # (d, classes)
    return unit(embeddings.numpy().astype(np.float64)) @ unit(weights.T).T


@pytest.mark.parametrize("twin_shift", [0, 4])
@pytest.mark.parametrize("is_dynamic", [False, True])
def test_arcface(twin_shift: int, is_dynamic: bool, embeddings: torch.Tensor) -> None:
    losses = built(dataclasses.replace(ARCFACE, dynamic_margin=is_dynamic), twin_shift=twin_shift)
    margins = dynamic_margins_degrees(COUNTS) if is_dynamic else np.full(8, 20.0)
    wanted = naive_arcface(
        class_cosines(losses, embeddings), IDENTITIES.tolist(), margins, 12.0, twin_shift
    )
    assert losses(embeddings, IDENTITIES).item() == pytest.approx(wanted, rel=1e-4)


def test_a_twin_is_no_rival(embeddings: torch.Tensor) -> None:
    """The gradient of a photo's own loss leaves its twin's class weights alone, and moves all
    others'.
    """
    losses = built(ARCFACE, twin_shift=4)
    losses(embeddings[:1], IDENTITIES[:1]).backward()
    gradient = next(losses.parameters()).grad
    assert gradient is not None
    assert gradient.abs().sum(0).gt(0).tolist() == [True, True, True, True, False, True, True, True]


def test_subcenter_arcface_takes_the_nearest_centre_of_each_identity(
    embeddings: torch.Tensor,
) -> None:
    losses = built(
        dataclasses.replace(ARCFACE, kind="subcenter_arcface", sub_centers=3), twin_shift=4
    )
    cosines = class_cosines(losses, embeddings)
    assert cosines.shape == (10, 24)
    nearest = cosines.reshape(10, 8, 3).max(axis=2)
    wanted = naive_arcface(nearest, IDENTITIES.tolist(), np.full(8, 20.0), 12.0, 4)
    assert losses(embeddings, IDENTITIES).item() == pytest.approx(wanted, rel=1e-4)


def test_a_margin_past_the_half_circle_goes_on_falling() -> None:
    """With the embedding turning away from its class, and no nearer to any other, the loss rises
    all the way.
    """
    losses = built(dataclasses.replace(ARCFACE, margin_degrees=60.0), dimension=3)
    angles = torch.deg2rad(torch.arange(0.0, 181.0, 5.0))
    with torch.no_grad():
        next(losses.parameters()).copy_(torch.eye(3)[:, [0, 2, 2, 2, 2, 2, 2, 2]])
    turning = torch.stack([torch.cos(angles), torch.sin(angles), torch.zeros(37)], 1)
    found = [losses(turning[at : at + 1], torch.tensor([0])).item() for at in range(len(angles))]
    assert all(later > earlier for earlier, later in pairwise(found))


def test_dynamic_margins_shrink_with_the_number_of_photos() -> None:
    # .27 + .05 = .32 radians of one photo; .27 / 2^.364 + .05 = .2598 of two; .27 / 10^.364 + .05 =
    # .16677 of ten.
    found = dynamic_margins_degrees(np.array([1, 2, 10, 0]))
    np.testing.assert_allclose(np.radians(found), [0.32, 0.25979, 0.16677, 0.32], atol=1e-5)


def test_twins_are_each_other_s() -> None:
    identities = torch.tensor([0, 3, 4, 7, -1, -2, -7, -8])
    twins = twins_of(identities, 4)
    assert twins.tolist() == [4, 7, 0, 3, -2, -1, -8, -7]
    assert torch.equal(twins_of(twins, 4), identities)
    assert twins_of(torch.tensor([2]), 0).tolist() == [2]


FOCAL = LossChoices(kind="focal", scale=8.0, hardest=3)


def naive_focal(cosines: Floats, identities: list[int], hardest: int, twin_shift: int = 0) -> float:
    total = 0.0
    for row, identity in zip(8.0 * cosines - 4.0, identities, strict=True):
        chances = 1 / (1 + np.exp(-row))
        twin = (
            (identity + twin_shift) % (2 * twin_shift) if twin_shift and identity >= 0 else identity
        )
        rivals = sorted(
            (at for at in range(len(row)) if at not in {identity, twin}), key=lambda at: -row[at]
        )
        total += sum(-(chances[at] ** 2) * np.log(1 - chances[at]) for at in rivals[:hardest])
        if identity >= 0:
            total += -((1 - chances[identity]) ** 2) * np.log(chances[identity])
    return total / len(identities)


@pytest.mark.parametrize(("hardest", "twin_shift"), [(3, 0), (3, 4), (100, 4)])
def test_focal_head(hardest: int, twin_shift: int, embeddings: torch.Tensor) -> None:
    losses = built(dataclasses.replace(FOCAL, hardest=hardest), twin_shift=twin_shift)
    weights = losses.state_dict()["terms.0.weight"].double().numpy()
    cosines = unit(embeddings.double().numpy()) @ unit(weights).T
    identities = [0, 0, 1, 1, 6, 6, -1, 3, -6, 7]
    found = float(losses(embeddings, torch.tensor(identities)).detach())
    assert found == pytest.approx(naive_focal(cosines, identities, hardest, twin_shift), rel=1e-4)


def test_a_new_whale_teaches_the_focal_head_to_say_nobody(embeddings: torch.Tensor) -> None:
    batch = embeddings.clone().requires_grad_()
    losses = built(FOCAL)
    losses(batch, torch.full((10,), -1)).backward()
    assert batch.grad is not None
    assert batch.grad.abs().sum() > 0
    assert losses.terms[0].get_parameter("weight").grad is not None


def test_softmax_is_the_cross_entropy_of_scaled_cosines_with_the_truth_s_share_lowered(
    embeddings: torch.Tensor,
) -> None:
    losses = built(LossChoices(kind="softmax", scale=12.0, smoothing=0.2))
    cosines = class_cosines_of_softmax(losses, embeddings)
    shares = np.full((10, 8), 0.2 / 8)
    shares[np.arange(10), IDENTITIES.numpy()] += 0.8
    expected = np.mean(
        [
            sum(share * cross_entropy(12.0 * row, at) for at, share in enumerate(own))
            for row, own in zip(cosines, shares, strict=True)
        ]
    )
    assert losses(embeddings, IDENTITIES).item() == pytest.approx(expected, rel=1e-5)


def test_smoothing_gives_no_share_to_kinds_that_there_are_not_yet(embeddings: torch.Tensor) -> None:
    losses = built(LossChoices(kind="softmax", scale=12.0, smoothing=0.2))
    known = torch.tensor([False, True, True, False, True, False, True, False])
    identities = torch.tensor([1, 2, 4, 6, 6, 4, 2, 1, 1, 2])
    losses.restrict_classes(known)
    cosines = class_cosines_of_softmax(losses, embeddings)[:, known.numpy()]
    place = {1: 0, 2: 1, 4: 2, 6: 3}
    expected = np.mean(
        [
            0.8 * cross_entropy(12.0 * row, place[own])
            + sum(0.05 * cross_entropy(12.0 * row, at) for at in range(4))
            for row, own in zip(cosines, identities.tolist(), strict=True)
        ]
    )
    found = losses(embeddings, identities)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    found.backward()
    learned = losses.terms[0].weight.grad.abs().sum(1) > 0
    assert torch.equal(learned, known)
    losses.restrict_classes(None)
    assert losses(embeddings, identities).item() > expected


def class_cosines_of_softmax(losses: WeightedLosses, embeddings: torch.Tensor) -> Floats:
    (head,) = losses.terms
    weights = head.weight.detach().numpy().astype(np.float64)
    return unit(embeddings.numpy().astype(np.float64)) @ unit(weights).T
