"""Metric losses through pytorch-metric-learning, and their weighted sum. That library's only door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning import distances, losses, miners
from torch import Tensor, nn

from training.recipe import LossChoices

_RADIANS_PER_DEGREE = np.pi / 180.0


def dynamic_margins_degrees(photos_of_identity: NDArray[np.int64]) -> NDArray[np.float32]:
    """Margins that shrink as an identity has more photos n: .27 n^-.364 + .05 radians.

    Source: first place of Happywhale 2022, after Ha et al. 2020 (Google Landmark Recognition).
    """
    radians = 0.27 * np.maximum(photos_of_identity, 1).astype(np.float64) ** -0.364 + 0.05
    return (radians / _RADIANS_PER_DEGREE).astype(np.float32)


class _PerIdentity:
    """Mixed into the library's ArcFace losses: a margin for each identity, and a mirror twin that is no rival.

    The mirror image of a fluke is another identity that shares all its pigment: a softmax that pushes the two
    apart would fight over the very features that both are known by.
    """

    def prepare(self, margins_degrees: Tensor, twin_shift: int) -> None:
        cast(Any, self).register_buffer("margins", margins_degrees * _RADIANS_PER_DEGREE, persistent=False)
        self.twin_shift = twin_shift
        self.labels: Tensor | None = None

    def compute_loss(self, embeddings: Tensor, labels: Tensor, *others: Any) -> Any:
        self.labels = labels
        self.margin = cast(Any, self).margins[labels]
        return cast(Any, super()).compute_loss(embeddings, labels, *others)

    def get_cosine(self, embeddings: Tensor) -> Tensor:
        cosine = cast(Tensor, cast(Any, super()).get_cosine(embeddings))
        if not self.twin_shift or self.labels is None:
            return cosine
        twins = (self.labels + self.twin_shift) % (2 * self.twin_shift)
        return cosine.scatter(1, twins[:, None], -1.0)

    def modify_cosine_of_target_classes(self, cosine: Tensor) -> Tensor:
        angles = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))  # acos has no gradient at its ends
        # Past 180 degrees the cosine would rise again; the library's own straight line keeps it falling.
        widened = torch.cos(angles + self.margin)
        return torch.where(angles + self.margin <= torch.pi, widened, cosine - self.margin * torch.sin(self.margin))


class _ArcFace(_PerIdentity, cast(Any, losses.ArcFaceLoss)):
    pass


class _SubCenterArcFace(_PerIdentity, cast(Any, losses.SubCenterArcFaceLoss)):
    pass


class WeightedLosses(nn.Module):
    """The weighted sum of a recipe's terms over (n, d) embeddings and (n,) identities.

    Identities below 0 are new whales: classifiers don't see them, pair losses see them as negatives of everybody.
    Its parameters (the class weights) are trained, saved for --resume, and never enter a checkpoint.
    """

    def __init__(
        self,
        terms: Sequence[LossChoices],
        *,
        dimension: int,
        photos_of_identity: NDArray[np.int64],
        twin_shift: int,
    ) -> None:
        super().__init__()
        self.weights = [term.weight for term in terms]
        self.terms = nn.ModuleList()
        self.miners: list[Any] = []
        self.is_classifier: list[bool] = []
        for term in terms:
            loss, miner = _term(term, dimension, photos_of_identity, twin_shift)
            self.terms.append(loss)
            self.miners.append(miner)
            self.is_classifier.append(miner is None)

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        labelled = identities >= 0
        seen, of_seen = embeddings[labelled], identities[labelled]
        total = 0.0 * embeddings.sum()  # a batch that teaches nothing has a gradient too
        for weight, term, miner, classifies in zip(
            self.weights, self.terms, self.miners, self.is_classifier, strict=True
        ):
            if classifies:
                total = total + weight * term(seen, of_seen) if len(seen) else total
            else:
                total = total + weight * term(embeddings, identities, miner(embeddings, identities))
        return total


def _term(
    choices: LossChoices, dimension: int, photos_of_identity: NDArray[np.int64], twin_shift: int
) -> tuple[nn.Module, Any]:
    cosine = cast(Any, distances).CosineSimilarity()
    if choices.kind == "triplet":
        loss = cast(Any, losses).TripletMarginLoss(margin=choices.margin, distance=cosine)
        if choices.mining == "hard":
            return loss, cast(Any, miners).BatchHardMiner(distance=cosine)
        return loss, cast(Any, miners).TripletMarginMiner(
            margin=choices.margin, type_of_triplets=choices.mining, distance=cosine
        )
    if choices.kind == "multi_similarity":
        loss = cast(Any, losses).MultiSimilarityLoss(alpha=2, beta=50, base=0.5, distance=cosine)
        return loss, cast(Any, miners).MultiSimilarityMiner(epsilon=0.1, distance=cosine)
    options: dict[str, Any] = {
        "num_classes": len(photos_of_identity),
        "embedding_size": dimension,
        "margin": choices.margin_degrees,
        "scale": choices.scale,
    }
    if choices.kind == "subcenter_arcface":
        arcface: Any = cast(Any, _SubCenterArcFace)(sub_centers=choices.sub_centers, **options)
    else:
        arcface = _ArcFace(**options)
    count = len(photos_of_identity)
    margins = np.full(count, choices.margin_degrees, np.float32)
    arcface.prepare(
        torch.from_numpy(dynamic_margins_degrees(photos_of_identity) if choices.dynamic_margin else margins),
        twin_shift,
    )
    return arcface, None
