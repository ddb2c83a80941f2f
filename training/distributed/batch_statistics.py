"""Batch statistics of all processes' photos together, as one process would have them."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor, addcmul, nn

from training.distributed.collectives import sum_of_all


def share_batch_statistics(network: nn.Module) -> None:
    """Let every batch normalisation in a network go by all processes' photos; in place.

    Each process must pass equally many. Weights and statistics stay the same tensors, under the
    same names.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                module.add_module(name, _shared(child))


def _shared(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    """A layer in the place of another: PyTorch's own on a GPU, which refuses a CPU."""
    is_on_cpu = norm.weight.device.type == "cpu"
    shared = (_OnCpu if is_on_cpu else _OnGpu)(
        norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
    )
    shared.weight, shared.bias = norm.weight, norm.bias
    shared.running_mean, shared.running_var = norm.running_mean, norm.running_var
    shared.num_batches_tracked = norm.num_batches_tracked
    shared.train(norm.training)
    # What timm's layers hold besides.
    shared.drop = getattr(norm, "drop", nn.Identity())
    shared.act = getattr(norm, "act", nn.Identity())
    return shared


class _OnGpu(nn.SyncBatchNorm):
    drop: nn.Module
    act: nn.Module

    def forward(self, input: Tensor) -> Tensor:
        return self.act(self.drop(super().forward(input)))


class _OnCpu(nn.BatchNorm2d):
    drop: nn.Module
    act: nn.Module

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (n, c) or (n, c, h, w)."""
        return self.act(self.drop(self._normalised(input)))

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def _normalised(self, values: Tensor) -> Tensor:
        if not self.training:
            return super().forward(values)
        numbers, size = values.float(), dist.get_world_size()
        over = [0, *range(2, values.ndim)]
        shape = [1, -1] + [1] * (values.ndim - 2)
        mean = sum_of_all(numbers.mean(over)) / size
        centred = numbers - mean.view(shape)
        variance = sum_of_all(centred.square().mean(over)) / size
        count = size * numbers.numel() // len(mean)
        self._follow(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = (variance + self.eps).rsqrt() * self.weight
        return addcmul(self.bias.view(shape), centred, scale.view(shape)).to(values.dtype)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards a batch's."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:  # the plain mean over all batches
            share = 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)
