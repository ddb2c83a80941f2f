"""Metric losses through pytorch-metric-learning, and their weighted sum.

That library's only door.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning import distances, losses, miners
from torch import Tensor, nn

from training.learning.class_heads import (
    ArcFaceHead,
    ClassHead,
    FocalHead,
    SoftmaxHead,
    SubCenterArcFaceHead,
    dynamic_margins_degrees,
    twins_of,
)
from training.learning.class_weights import class_weights
from training.recipes.choices import LossChoices


class _PairLoss(nn.Module):
    """A pair or triplet loss with its miner, over the batch and a memory of earlier batches.

    The memory holds unit vectors without gradients. It is compared with only once it is full, by
    when the network's first, great steps are over (Wang et al. 2020 wait likewise). What it holds
    is saved for --resume.
    """

    vectors: Tensor  # (m, d)
    identities: Tensor  # (m,)
    written: Tensor  # (), how many were ever remembered

    def __init__(
        self, loss: Any, miner: Any, *, dimension: int, memory: int, twin_shift: int
    ) -> None:
        super().__init__()
        self.loss, self.miner, self.twin_shift = loss, miner, twin_shift
        is_saved = memory > 0  # an empty one would only clutter the state
        self.register_buffer("vectors", torch.zeros(memory, dimension), persistent=is_saved)
        self.register_buffer(
            "identities", torch.zeros(memory, dtype=torch.long), persistent=is_saved
        )
        self.register_buffer("written", torch.zeros((), dtype=torch.long), persistent=is_saved)

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        if not len(self.vectors):
            return self.loss(embeddings, identities, self.miner(embeddings, identities))
        is_full = int(self.written) >= len(self.vectors)
        others = torch.cat([embeddings, self.vectors]) if is_full else embeddings
        of_others = torch.cat([identities, self.identities]) if is_full else identities
        mined = self._without_twins(
            self.miner(embeddings, identities, others, of_others), identities, of_others
        )
        self._remember(embeddings.detach(), identities)
        return self.loss(embeddings, identities, mined, others, of_others)

    def _without_twins(
        self, mined: tuple[Tensor, ...], identities: Tensor, of_others: Tensor
    ) -> tuple[Tensor, ...]:
        """Leave out a photo as its own positive, and its mirror twin as a negative."""
        twins = twins_of(identities, self.twin_shift)
        anchors, positives, anchors_of_negatives, negatives = mined
        is_other = anchors != positives
        is_rival = twins[anchors_of_negatives] != of_others[negatives]
        return (
            anchors[is_other],
            positives[is_other],
            anchors_of_negatives[is_rival],
            negatives[is_rival],
        )

    def _remember(self, embeddings: Tensor, identities: Tensor) -> None:
        """Write the batch's embeddings over the memory's oldest.

        Of a batch larger than the memory only the newest are stored.
        """
        embeddings, identities = embeddings[-len(self.vectors) :], identities[-len(self.vectors) :]
        rows = torch.arange(len(embeddings), device=embeddings.device)
        at = (self.written + rows) % len(self.vectors)
        # Out of place: the loss's graph still holds what stood there before.
        self.vectors = self.vectors.index_copy(0, at, nn.functional.normalize(embeddings))
        self.identities = self.identities.index_copy(0, at, identities)
        self.written = self.written + len(embeddings)


class WeightedLosses(nn.Module):
    """The weighted sum of a recipe's terms over (n, d) embeddings and (n,) identities.

    Identities below 0 are new whales: softmax classifiers don't see them, other terms see
    everybody's negatives. Its parameters (the class weights) are trained, saved for --resume, and
    never enter a checkpoint.
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
        self.terms = nn.ModuleList(
            _term(term, dimension, photos_of_identity, twin_shift) for term in terms
        )
        for choices, term in zip(terms, self.terms, strict=True):
            if isinstance(term, ClassHead):
                term.set_class_weights(class_weights(photos_of_identity, choices))

    def restrict_classes(self, identities: Tensor | None) -> None:
        """Let heads with classes know only these identities (c,) bool; None: all."""
        for term in self.terms:
            if isinstance(term, ClassHead):
                term.unknown = None if identities is None else ~identities

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        labelled = identities >= 0
        seen, of_seen = embeddings[labelled], identities[labelled]
        total = 0.0 * embeddings.sum()  # a batch that teaches nothing has a gradient too
        for weight, term in zip(self.weights, self.terms, strict=True):
            if isinstance(term, _PairLoss | FocalHead):
                total = total + weight * term(embeddings, identities)
            elif len(seen):
                total = total + weight * term(seen, of_seen)
        return total


def _term(
    choices: LossChoices, dimension: int, photos_of_identity: NDArray[np.int64], twin_shift: int
) -> nn.Module:
    cosine = cast(Any, distances).CosineSimilarity()
    past: dict[str, int] = {
        "dimension": dimension,
        "memory": choices.memory,
        "twin_shift": twin_shift,
    }
    if choices.kind == "triplet":
        loss = cast(Any, losses).TripletMarginLoss(margin=choices.margin, distance=cosine)
        if choices.mining == "hard":
            return _PairLoss(loss, cast(Any, miners).BatchHardMiner(distance=cosine), **past)
        if choices.mining == "easy":
            miner = cast(Any, miners).BatchEasyHardMiner(
                pos_strategy="easy", neg_strategy="hard", distance=cosine
            )
            return _PairLoss(loss, miner, **past)
        miner = cast(Any, miners).TripletMarginMiner(
            margin=choices.margin, type_of_triplets=choices.mining, distance=cosine
        )
        return _PairLoss(loss, miner, **past)
    if choices.kind == "multi_similarity":
        loss = cast(Any, losses).MultiSimilarityLoss(alpha=2, beta=50, base=0.5, distance=cosine)
        return _PairLoss(
            loss, cast(Any, miners).MultiSimilarityMiner(epsilon=0.1, distance=cosine), **past
        )
    if choices.kind == "focal":
        count = len(photos_of_identity)
        return FocalHead(
            count, dimension, scale=choices.scale, hardest=choices.hardest, twin_shift=twin_shift
        )
    if choices.kind == "softmax":
        return SoftmaxHead(
            len(photos_of_identity), dimension, scale=choices.scale, smoothing=choices.smoothing
        )
    options: dict[str, Any] = {
        "num_classes": len(photos_of_identity),
        "embedding_size": dimension,
        "margin": choices.margin_degrees,
        "scale": choices.scale,
    }
    if choices.kind == "subcenter_arcface":
        arcface: Any = cast(Any, SubCenterArcFaceHead)(sub_centers=choices.sub_centers, **options)
    else:
        arcface = ArcFaceHead(**options)
    count = len(photos_of_identity)
    margins = np.full(count, choices.margin_degrees, np.float32)
    arcface.prepare(
        torch.from_numpy(
            dynamic_margins_degrees(photos_of_identity) if choices.dynamic_margin else margins
        ),
        twin_shift,
    )
    return arcface
