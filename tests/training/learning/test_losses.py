"""training/learning/losses.py: each term against its formula, written out naively."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.learning.losses import WeightedLosses
from training.recipes.choices import LossChoices

Floats = NDArray[np.float64]
COUNTS = np.array([1, 2, 4, 9, 1, 2, 4, 9])  # photos of four individuals and of their mirror twins
ARCFACE = LossChoices(kind="arcface", scale=12.0, margin_degrees=20.0)
TRIPLET = LossChoices(kind="triplet", margin=0.3)
KINDS = ["arcface", "subcenter_arcface", "triplet", "multi_similarity"]


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


def naive_triplet(embeddings: Floats, labels: list[int], margin: float) -> float:
    """Batch-hard: for each anchor the farthest positive and the nearest negative; the mean of what
    violates.
    """
    similarity = unit(embeddings) @ unit(embeddings).T
    violations: list[float] = []
    for anchor, label in enumerate(labels):
        positives = [
            similarity[anchor, at]
            for at, other in enumerate(labels)
            if other == label and at != anchor
        ]
        negatives = [similarity[anchor, at] for at, other in enumerate(labels) if other != label]
        if positives and negatives:
            violations.append(max(negatives) - min(positives) + margin)
    above = [each for each in violations if each > 0]
    return float(np.mean(above)) if above else 0.0


def test_hard_triplets(embeddings: torch.Tensor) -> None:
    wanted = naive_triplet(embeddings.numpy().astype(np.float64), IDENTITIES.tolist(), 0.3)
    assert wanted > 0.1
    assert built(TRIPLET)(embeddings, IDENTITIES).item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("mining", ["semihard", "all"])
def test_other_triplets(mining: str, embeddings: torch.Tensor) -> None:
    similarity = (
        unit(embeddings.numpy().astype(np.float64)) @ unit(embeddings.numpy().astype(np.float64)).T
    )
    labels, violations = IDENTITIES.tolist(), list[float]()
    for a, p, n in np.ndindex(10, 10, 10):
        if a != p and labels[a] == labels[p] != labels[n]:
            gap = similarity[a, p] - similarity[a, n]
            if gap <= 0.3 and (mining == "all" or gap > 0):
                violations.append(0.3 - gap)
    choices = dataclasses.replace(TRIPLET, mining=mining)  # type: ignore[arg-type]
    found = built(choices)(embeddings, IDENTITIES).item()
    assert found == pytest.approx(np.mean([each for each in violations if each > 0]), rel=1e-4)


def naive_multi_similarity(embeddings: Floats, labels: list[int]) -> float:
    """Wang et al. 2019: alpha 2, beta 50, base .5, pairs mined with epsilon .1; every photo counts
    in the mean.
    """
    similarity = unit(embeddings) @ unit(embeddings).T
    total = 0.0
    for anchor, label in enumerate(labels):
        positives = [
            similarity[anchor, at]
            for at, other in enumerate(labels)
            if other == label and at != anchor
        ]
        negatives = [similarity[anchor, at] for at, other in enumerate(labels) if other != label]
        kept_positives = [each for each in positives if each - 0.1 < max(negatives)]
        kept_negatives = [each for each in negatives if positives and each + 0.1 > min(positives)]
        total += np.log1p(sum(np.exp(-2 * (each - 0.5)) for each in kept_positives)) / 2
        total += np.log1p(sum(np.exp(50 * (each - 0.5)) for each in kept_negatives)) / 50
    return total / len(labels)


def test_multi_similarity(embeddings: torch.Tensor) -> None:
    wanted = naive_multi_similarity(embeddings.numpy().astype(np.float64), IDENTITIES.tolist())
    found = built(LossChoices(kind="multi_similarity"))(embeddings, IDENTITIES).item()
    assert found == pytest.approx(wanted, rel=1e-4)


def test_a_sum_is_the_weighted_sum_of_its_terms(embeddings: torch.Tensor) -> None:
    terms = [dataclasses.replace(ARCFACE, weight=0.5), dataclasses.replace(TRIPLET, weight=3.0)]
    arcface = built(ARCFACE)(embeddings, IDENTITIES)
    triplet = built(TRIPLET)(embeddings, IDENTITIES)
    torch.testing.assert_close(built(*terms)(embeddings, IDENTITIES), 0.5 * arcface + 3.0 * triplet)


def test_new_whales_are_seen_by_pair_losses_alone(embeddings: torch.Tensor) -> None:
    identities = torch.tensor([0, 0, 1, 1, 6, 6, -1, -2, -3, -4])
    assert torch.equal(
        built(ARCFACE)(embeddings, identities), built(ARCFACE)(embeddings[:6], identities[:6])
    )
    pairs = built(TRIPLET)(embeddings, identities)
    wanted = naive_triplet(embeddings.numpy().astype(np.float64), identities.tolist(), 0.3)
    assert pairs.item() == pytest.approx(wanted, rel=1e-5)
    assert not torch.isclose(pairs, built(TRIPLET)(embeddings[:6], identities[:6]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "identities",
    [
        [0, 1, 2, 3, 4, 5, 6, 7, -1, -2],  # no positive pair
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],  # no negative pair
        [-1, -2, -3, -4, -5, -6, -7, -8, -9, -10],  # new whales alone
    ],
)
def test_a_batch_without_pairs_has_a_finite_loss_and_gradient(
    kind: str, identities: list[int]
) -> None:
    rows = torch.randn(10, 5, generator=torch.Generator().manual_seed(3), requires_grad=True)
    losses = built(dataclasses.replace(ARCFACE, kind=kind), twin_shift=4)  # type: ignore[arg-type]
    loss = losses(rows, torch.tensor(identities))
    loss.backward()
    assert bool(torch.isfinite(loss))
    assert rows.grad is None or bool(torch.isfinite(rows.grad).all())


@pytest.mark.parametrize("kind", KINDS)
def test_alike_embeddings_have_a_finite_gradient(kind: str) -> None:
    rows = torch.ones(10, 5, requires_grad=True)
    losses = built(dataclasses.replace(ARCFACE, kind=kind), twin_shift=4)  # type: ignore[arg-type]
    if kind == "arcface":
        with torch.no_grad():
            next(losses.parameters()).fill_(
                1.0
            )  # every class where every photo is: the end of acos
    losses(rows, IDENTITIES).backward()
    assert rows.grad is not None and bool(torch.isfinite(rows.grad).all())


def test_class_weights_alone_are_saved() -> None:
    assert list(built(ARCFACE, TRIPLET, twin_shift=4).state_dict()) == ["terms.0.W"]


def remembering(memory: int, twin_shift: int = 0) -> WeightedLosses:
    return built(LossChoices(kind="multi_similarity", memory=memory), twin_shift=twin_shift)


def test_a_memory_that_is_not_full_changes_nothing(embeddings: torch.Tensor) -> None:
    plain, remembers = remembering(0), remembering(11)
    assert torch.equal(remembers(embeddings, IDENTITIES), plain(embeddings, IDENTITIES))


def test_what_was_seen_before_is_compared_with() -> None:
    """A whale seen in the batch before, close by and of another identity, is pushed away from."""
    losses = remembering(2)
    losses(torch.eye(5)[:2], torch.tensor([0, 1]))
    batch = torch.tensor([[0.9, 0.1, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]], requires_grad=True)
    pair = torch.tensor([2, 2])
    with_memory = losses(batch, pair)
    without = remembering(0)(batch, pair)
    assert with_memory > without + 0.1
    (gradient,) = torch.autograd.grad(with_memory, batch)
    assert gradient.abs().sum() > 0


def test_the_mirror_twin_in_the_memory_is_no_rival() -> None:
    def loss_after(seen: int) -> torch.Tensor:
        losses = remembering(2, twin_shift=4)
        losses(torch.eye(5)[:2], torch.tensor([seen, 3]))
        return losses(
            torch.tensor([[0.9, 0.1, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]]),
            torch.tensor([2, 2]),
        )

    assert loss_after(6) < loss_after(5)  # 6 is the twin of 2


def test_the_memory_keeps_the_newest_and_is_saved() -> None:
    losses = remembering(3)
    for at in range(4):
        losses(torch.eye(5)[[at, at]], torch.tensor([at, at]))
    again = remembering(3)
    again.load_state_dict(losses.state_dict())
    assert sorted(again.state_dict()["terms.0.identities"].tolist()) == [2, 3, 3]
    assert int(again.state_dict()["terms.0.written"]) == 8


def test_easy_triplets_take_the_nearest_positive(embeddings: torch.Tensor) -> None:
    identities = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    cosines = unit(embeddings.double().numpy()) @ unit(embeddings.double().numpy()).T
    losses: list[float] = []
    for anchor, own in enumerate(identities):
        positives = [
            cosines[anchor, at]
            for at, other in enumerate(identities)
            if other == own and at != anchor
        ]
        if positives:
            nearest_rival = max(
                cosines[anchor, at] for at, other in enumerate(identities) if other != own
            )
            losses.append(max(0.0, nearest_rival - max(positives) + 0.3))
    expected = np.mean([loss for loss in losses if loss > 0])
    found = built(LossChoices(kind="triplet", mining="easy", margin=0.3))(
        embeddings, torch.tensor(identities)
    )
    assert float(found) == pytest.approx(float(expected), rel=1e-4)
