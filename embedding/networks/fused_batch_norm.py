"""Batch normalisation folded into the convolutions before it: the same numbers, sooner."""

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


def fold_batch_norms(network: nn.Module, images: Tensor) -> int:
    """Fold each batch normalisation that reads what a convolution makes into that one; returns how
    many.

    In place, for a network that will only be asked: it is put in evaluation mode, can't be trained
    any more, and its weights have other names and numbers than the checkpoint's. What timm's layers
    hold beside a normalisation (activation, dropped blocks) stays.

    Which layer reads which is seen by having the network look at `images`, of whatever content;
    nobody else may use it meanwhile. It looks at them again afterwards, and where it sees anything
    else (a convolution may be read by something that is no layer) all is as it was, and 0 is
    returned.
    """
    network.eval()
    with torch.no_grad():
        before, pairs = _watched(network, images)
        folded: dict[nn.Module, nn.Module] = {}
        for convolution, normalisation in pairs:
            folded[convolution] = fuse_conv_bn_eval(
                cast(Any, convolution), cast(Any, normalisation)
            )
            folded[normalisation] = _what_else(normalisation)
        _exchange(network, folded)
        if torch.allclose(
            network(images), before, rtol=0.0, atol=_NOISE * float(before.abs().max())
        ):
            return len(pairs)
    _exchange(network, {new: old for old, new in folded.items()})
    return 0


def _watched(
    network: nn.Module, images: Tensor
) -> tuple[Tensor, list[tuple[nn.Module, nn.Module]]]:
    """What the network sees in images, and each convolution, asked once, that a normalisation,
    asked once, reads.
    """
    made: dict[
        int, tuple[nn.Module, Tensor]
    ] = {}  # the tensor too: while it lives, no other has its id
    read: list[tuple[nn.Module, nn.Module]] = []
    asked: Counter[nn.Module] = Counter()

    def convolved(module: nn.Module, _: Any, output: Tensor) -> None:
        asked[module] += 1
        made[id(output)] = (module, output)

    def normalises(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        asked[module] += 1
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
        (one, other) for one, other in read if asked[one] == asked[other] == readers[one] == 1
    ]


def _is_convolution(module: nn.Module) -> bool:
    """Of one whose kind does something to its weights before it uses them, those can't be
    folded.
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
