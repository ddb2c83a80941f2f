"""Sums and rows of all processes, through which gradients flow.

A gradient is that of the sum of all processes' losses. `torch.distributed.nn` had such functions;
PyTorch gives them up.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        del ctx
        summed = own.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return sum_of_all(gradients[0])


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, own.contiguous())
        ctx.first, ctx.count = dist.get_rank() * len(own), len(own)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return sum_of_all(gradients[0]).narrow(0, ctx.first, ctx.count)


def sum_of_all(own: Tensor) -> Tensor:
    """Sum a tensor over all processes, which all pass one of the same shape."""
    return cast(Any, _Sum).apply(own)


def rows_of_all(own: Tensor) -> Tensor:
    """Every process's rows (n, ...), of equally many each, in rank order: (size * n, ...)."""
    return cast(Any, _Rows).apply(own)


def largest_of_all(own: Tensor) -> Tensor:
    """The largest of all processes' numbers, each by itself. No gradient flows."""
    largest = own.detach().clone()
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return largest
