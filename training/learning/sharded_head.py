"""ArcFace and softmax over more classes than one process should hold the weights of."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from training.distributed.class_shards import ClassShard, shard_parameter
from training.distributed.collectives import largest_of_all, sum_of_all
from training.distributed.world import World
from training.learning.class_heads import (
    ArcFaceHead,
    ClassHead,
    SoftmaxHead,
    SubCenterArcFaceHead,
    arcface_cosines,
    twins_of,
)
from training.learning.losses import WeightedLosses

_Head = ArcFaceHead | SubCenterArcFaceHead | SoftmaxHead


class ShardedHead(ClassHead, nn.Module):
    """The loss of a head of which each process holds the weights of some classes.

    Every process compares all embeddings of a batch with its own classes, and the processes sum the
    softmax's parts (An et al. 2021, partial FC, with all classes). The weights' name and
    orientation are the whole head's, so that the state of either continues the other.
    """

    def __init__(self, head: _Head, world: World) -> None:
        super().__init__()
        is_softmax = isinstance(head, SoftmaxHead)
        self.name = "weight" if is_softmax else "W"
        each = head.sub_centers if isinstance(head, SubCenterArcFaceHead) else 1
        self.shard = ClassShard(world, len(head.class_weights), 0 if is_softmax else 1, each)
        whole = cast(Tensor, getattr(head, self.name))
        self.register_parameter(self.name, shard_parameter(whole, self.shard))
        self.scale = cast(float, head.scale)
        self.smoothing = head.smoothing if is_softmax else 0.0
        self.twin_shift = 0 if is_softmax else head.twin_shift
        self.margins: Tensor | None
        self.register_buffer("margins", None if is_softmax else head.margins, persistent=False)
        self.class_weights: Tensor
        self.register_buffer("class_weights", head.class_weights, persistent=False)
        self.unknown = None

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        """The mean loss over (n, d) embeddings of all processes, whose identities are (n,)."""
        cosines = self._cosines(embeddings)  # (n, own classes)
        numbers = torch.arange(self.shard.first, self.shard.last, device=cosines.device)
        is_target = numbers == identities[:, None]
        target = sum_of_all(torch.where(is_target, cosines, 0.0).sum(1))  # (n,)
        target = self.scale * self._widened(target, identities)
        is_rival = ~is_target & self._is_softmax_class(numbers)
        rivals = self.scale * self._lowered(cosines, numbers, identities)
        most = torch.maximum(
            largest_of_all(rivals.masked_fill(~is_rival, -torch.inf).amax(1)), target.detach()
        )
        powers = (rivals - most[:, None]).exp().masked_fill(~is_rival, 0.0)
        logarithm = most + (sum_of_all(powers.sum(1)) + (target - most).exp()).log()
        losses = logarithm - target
        if self.smoothing:
            count = self.shard.classes if self.unknown is None else int((~self.unknown).sum())
            mean = (sum_of_all(rivals.masked_fill(~is_rival, 0.0).sum(1)) + target) / count
            losses = losses + self.smoothing * (target - mean)
        return (losses * self.class_weights[identities]).mean()

    def _cosines(self, embeddings: Tensor) -> Tensor:
        weight = cast(Tensor, getattr(self, self.name))
        of_classes = nn.functional.normalize(weight if self.shard.dim == 0 else weight.T)
        cosines = nn.functional.normalize(embeddings) @ of_classes.T
        return cosines.view(len(cosines), -1, self.shard.each).amax(2)

    def _widened(self, target: Tensor, identities: Tensor) -> Tensor:
        return target if self.margins is None else arcface_cosines(target, self.margins[identities])

    def _is_softmax_class(self, numbers: Tensor) -> Tensor:
        """Which own classes have a part in the softmax: ArcFace only lowers those not yet known."""
        if self.unknown is None or self.margins is not None:
            return torch.ones_like(numbers, dtype=torch.bool)
        return ~self.unknown[numbers]

    def _lowered(self, cosines: Tensor, numbers: Tensor, identities: Tensor) -> Tensor:
        """ArcFace's cosines, -1 where a class isn't known yet or is the mirror twin."""
        if self.margins is None:
            return cosines
        if self.unknown is not None:
            cosines = cosines.masked_fill(self.unknown[numbers], -1.0)
        if not self.twin_shift:
            return cosines
        return cosines.masked_fill(numbers == twins_of(identities, self.twin_shift)[:, None], -1.0)


def shard_classes(losses: WeightedLosses, world: World, above: int) -> bool:
    """Divide the weights of heads with more than `above` classes among processes, in place.

    Returns whether there is such a head. A focal head stays whole, and all do for one process.
    """
    is_sharded = False
    if world.size == 1:
        return is_sharded
    for at, term in enumerate(losses.terms):
        if isinstance(term, _Head) and len(term.class_weights) > max(above, world.size):
            losses.terms[at] = ShardedHead(term, world)
            is_sharded = True
    return is_sharded
