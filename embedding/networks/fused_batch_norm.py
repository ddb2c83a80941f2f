"""Batch normalisation fused into the convolutions before it: the same numbers, sooner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from embedding.networks.backbone import PLAIN_CONVOLUTIONS

_NOISE = 1e-2
"""How much of the largest number two ways of computing one output may differ: a GPU rounds factors
to 10 bits."""


def fuse_batch_norms(network: nn.Module, images: Tensor) -> int:
    """Fuse each batch normalisation with the convolution that it reads; return how many.

    In place, for inference only: the network is put in evaluation mode and can't be trained any
    more. Its weights then have other names and numbers than the checkpoint's. What timm's layers
    hold besides a normalisation (activation, dropped blocks) stays.

    A forward pass of `images`, of whatever content, shows which layer reads which. Nobody else may
    use the network meanwhile. A second pass compares outputs. Where they differ (something that is
    no layer may read a convolution) the network is put back as it was, and 0 is returned.
    """
    network.eval()
    with torch.no_grad():
        before, pairs = _watched(network, images)
        fused: dict[nn.Module, nn.Module] = {}
        for convolution, normalisation in pairs:
            fused[convolution] = fuse_conv_bn_eval(cast(Any, convolution), cast(Any, normalisation))
            fused[normalisation] = _what_else(normalisation)
        _exchange(network, fused)
        if torch.allclose(
            network(images), before, rtol=0.0, atol=_NOISE * float(before.abs().max())
        ):
            return len(pairs)
    _exchange(network, {new: old for old, new in fused.items()})
    return 0


def _watched(
    network: nn.Module, images: Tensor
) -> tuple[Tensor, list[tuple[nn.Module, nn.Module]]]:
    """The network's output for images, and pairs of convolution and normalisation to fuse.

    The normalisation reads the convolution; either runs once, and nothing else reads the latter.
    """
    made: dict[
        int, tuple[nn.Module, Tensor]
    ] = {}  # the tensor too: while it lives, no other has its id
    read: list[tuple[nn.Module, nn.Module]] = []
    calls: Counter[nn.Module] = Counter()

    def convolved(module: nn.Module, _: Any, output: Tensor) -> None:
        calls[module] += 1
        made[id(output)] = (module, output)

    def normalises(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        calls[module] += 1
        if id(given[0]) in made:
            read.append((made[id(given[0])][0], module))

    watched = [
        each.register_forward_hook(convolved) for each in network.modules() if _is_convolution(each)
    ]
    watched += [
        each.register_forward_pre_hook(normalises)
        for each in network.modules()
        if _is_normalisation(each)
    ]
    try:
        seen = network(images)
    finally:
        for hook in watched:
            hook.remove()
    readers = Counter(convolution for convolution, _ in read)
    return seen, [
        (one, other) for one, other in read if calls[one] == calls[other] == readers[one] == 1
    ]


def _is_convolution(module: nn.Module) -> bool:
    """Of one whose kind does something to its weights before it uses them, those can't be
    fused.
    """
    return type(module) in PLAIN_CONVOLUTIONS and not hasattr(module, "parametrizations")


def _is_normalisation(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d) and module.running_mean is not None


def _exchange(network: nn.Module, by: Mapping[nn.Module, nn.Module]) -> None:
    """Put each module in another one's place, under every name that it has."""
    named = list(
        cast("Iterable[tuple[str, nn.Module]]", network.named_modules(remove_duplicate=False))
    )
    for name, module in named:
        if module in by:
            network.set_submodule(name, by[module])


def _what_else(normalisation: nn.Module) -> nn.Module:
    """What timm's normalisation does besides: drop blocks, activate. Else nothing."""
    parts = [
        cast(nn.Module, getattr(normalisation, name, nn.Identity())) for name in ("drop", "act")
    ]
    return nn.Sequential(*(part for part in parts if not isinstance(part, nn.Identity)))
