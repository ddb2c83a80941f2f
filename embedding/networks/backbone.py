"""Backbones: timm's only door."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import timm
import torch
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import pad_same  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn
from torch.nn import functional

from embedding.networks.config import BadNetwork

PLAIN_CONVOLUTIONS: tuple[type[nn.Module], ...] = (nn.Conv2d, Conv2dSame)
"""Those that use their weights as they are; timm has others, which standardise them first."""


def new_backbone(
    name: str,
    options: Iterable[tuple[str, Any]] = (),
    *,
    pretrained: bool = False,
    drop_path: float = 0.0,
) -> Any:
    """Build timm's backbone of that name, without its classifier. Raises BadNetwork.

    `options` go to timm.create_model. With `pretrained` its weights are fetched, where they aren't
    in timm's cache.
    """
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), 5)
        raise BadNetwork(
            f"timm has no backbone {name!r}; near it are {near or 'none'}. "
            "`python -c 'import timm; print(timm.list_models())'` prints them all"
        )
    given = dict(options)
    if drop_path:
        given["drop_path_rate"] = drop_path
    try:
        return cast(Any, timm).create_model(name, pretrained=pretrained, num_classes=0, **given)
    except (OSError, RuntimeError, TypeError, ValueError, AssertionError) as error:
        if pretrained and isinstance(error, OSError | RuntimeError):
            raise BadNetwork(
                f"the pretrained weights of {name} could not be fetched ({error}). Without "
                "network take "
                'weights = "default" (the shipped checkpoint), a local file, or "random" in the '
                "recipe's [network]"
            ) from error
        raise BadNetwork(f"timm could not build {name} with {given}: {error!r}") from error


def load_backbone_weights(backbone: nn.Module, name: str, path: Path) -> None:
    """Load a timm state dict (.safetensors, or .pth read without pickled code) into the backbone
    `name`.

    A classifier in the file is left out. Raises BadNetwork when the file is not such a dict or
    misses a layer.
    """
    try:
        if path.suffix == ".safetensors":
            weights: dict[str, Tensor] = load_file(path)
        else:
            weights = dict(
                cast("dict[str, Tensor]", torch.load(path, map_location="cpu", weights_only=True))
            )
    except Exception as error:  # torch and safetensors raise a dozen kinds for a damaged file
        raise BadNetwork(f"{path} can't be read as weights: {error}") from error
    own = backbone.state_dict()
    kept = {
        name: value for name, value in weights.items() if name in own and hasattr(value, "shape")
    }
    missing = sorted(set(own) - set(kept))
    wrong = [name for name, value in kept.items() if value.shape != own[name].shape]
    if missing or wrong:
        raise BadNetwork(
            f"{path} does not fit {name}: {len(missing)} tensors missing, {len(wrong)} of another "
            f"shape; the first is {(missing + wrong)[0]}. Give weights of this very backbone"
        )
    backbone.load_state_dict(kept)


class _ThinnedConv2d(nn.Conv2d):
    """A strided convolution computed at stride 1, of which every stride-th value is kept: the same
    numbers.
    """

    def forward(self, input: Tensor) -> Tensor:
        dense = functional.conv2d(
            input, self.weight, self.bias, 1, self.padding, self.dilation, self.groups
        )
        return dense[:, :, :: self.stride[0], :: self.stride[1]]


class _ThinnedConv2dSame(cast(Any, Conv2dSame)):
    def forward(self, x: Tensor) -> Tensor:
        padded = pad_same(x, self.kernel_size, self.stride, self.dilation)
        dense = functional.conv2d(padded, self.weight, self.bias, 1, 0, self.dilation, self.groups)
        return dense[:, :, :: self.stride[0], :: self.stride[1]]


def thin_strides(network: nn.Module) -> int:
    """Compute a network's strided depthwise convolutions at stride 1; returns how many there were.

    For training in bf16 on a CPU, where PyTorch 2.15 takes 358 ms for the gradient of one of
    MobileNetV2's (96 channels of 56 x 56, 128 photos) and 60 this way: 76 photos a second instead
    of 51. The class is exchanged, not the method, so that copies of the network (its moving
    average) compute with their own weights.
    """
    thinned = {nn.Conv2d: _ThinnedConv2d, Conv2dSame: _ThinnedConv2dSame}
    found = [
        module
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
        and module.groups > 1
        and max(module.stride) > 1
        and type(module) in thinned
    ]
    for module in found:
        module.__class__ = thinned[type(module)]
    return len(found)
