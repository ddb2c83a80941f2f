"""Class weights that are divided among processes: which classes are whose, and the whole again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from training.distributed.world import World

_SHARD = "flukeprint_shard"


@dataclass(frozen=True, slots=True)
class ClassShard:
    """The classes `first` to `last` of `classes` that this process holds the weights of.

    A weight tensor has its classes along `dim`, each as `each` rows that follow one another.
    """

    world: World
    classes: int
    dim: int
    each: int = 1

    @property
    def first(self) -> int:
        return self.world.rank * self.classes // self.world.size

    @property
    def last(self) -> int:
        return (self.world.rank + 1) * self.classes // self.world.size

    def own(self, whole: Tensor) -> Tensor:
        """This process's part of the weights of all classes."""
        return whole.narrow(self.dim, self.first * self.each, (self.last - self.first) * self.each)

    def whole(self, own: Tensor) -> Tensor:
        """The weights of all classes, on the CPU. All processes must call it at once."""
        parts: list[Tensor] = []
        for rank in range(self.world.size):
            other = ClassShard(
                World(rank, self.world.size, self.world.device), self.classes, self.dim, self.each
            )
            shape = list(own.shape)
            shape[self.dim] = (other.last - other.first) * self.each
            part = own.detach().contiguous() if rank == self.world.rank else own.new_empty(shape)
            dist.broadcast(part, rank)
            parts.append(part.cpu())
        return torch.cat(parts, self.dim)


def shard_of(weight: Tensor | None) -> ClassShard | None:
    """The shard that a parameter is; None for one that every process holds whole."""
    return getattr(weight, _SHARD, None)


def shard_parameter(whole: Tensor, shard: ClassShard) -> nn.Parameter:
    """This process's part of class weights, as a parameter of its own."""
    own = nn.Parameter(shard.own(whole.detach()).clone(memory_format=torch.contiguous_format))
    setattr(own, _SHARD, shard)

    # Through the collectives flows the gradient of the sum of all processes' losses. Each has the
    # same loss, and nobody averages this weight's gradient.
    def of_one_loss(gradient: Tensor) -> Tensor:
        return gradient / shard.world.size

    own.register_hook(of_one_loss)
    return own
