"""The network: a timm backbone, generalised-mean pooling, a linear embedding and BNNeck. timm's only door."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import timm
import torch
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import pad_same  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn
from torch.nn import functional

from embedding.errors import FlukeprintError

Pooling = Literal["gem", "average"]
Branches = Literal["whole", "upper_lower", "left_right"]


class BadNetwork(FlukeprintError):
    """A backbone that timm doesn't know, a description out of range, or weights that don't fit."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Everything that rebuilds the network without its weights.

    `embedding_dim` 0 leaves the pooled backbone features as they are (no linear layer, no BNNeck): what an
    untrained ImageNet baseline is measured with. `backbone_options` go to timm.create_model (for instance
    pad_type, bn_eps, output_stride). `stages` 2 pools the backbone's last stage and the one before it; `branches` pools
    the halves of the maps too, each beside the whole (Sun et al. 2018's parts, for the two lobes of a fluke, or its
    edge and its middle). `neck` puts a batch normalisation after the embedding (BNNeck).
    """

    backbone: str
    embedding_dim: int = 256
    pooling: Pooling = "gem"
    backbone_options: tuple[tuple[str, Any], ...] = ()
    stages: int = 1
    branches: Branches = "whole"
    neck: bool = True

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Read what `to_dict` wrote; an unknown key raises BadNetwork naming the known ones."""
        unknown = sorted(set(values) - set(cls.__slots__))
        if unknown:
            raise BadNetwork(f"unknown network keys {unknown}; known are {sorted(cls.__slots__)}")
        options: Any = tuple(sorted(values.get("backbone_options", {}).items()))
        return cls(**{**values, "backbone_options": options})

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "backbone_options": dict(self.backbone_options)}


class GeneralizedMean(nn.Module):
    """(n, c, h, w) -> (n, c): the p-th power mean over the map, p learned (Radenovic et al. 2018, GeM)."""

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))

    def forward(self, maps: Tensor) -> Tensor:
        # float32 whatever the autocast: a cube root of small bf16 numbers loses the signal.
        powered = maps.float().clamp(min=1e-6).pow(self.p)
        return powered.mean((2, 3)).pow(1.0 / self.p)


class Network(nn.Module):
    """(n, 3, h, w) normalised pixels -> (n, d) embeddings, not yet of unit length."""

    def __init__(
        self, config: NetworkConfig, *, pretrained: bool = False, dropout: float = 0.0, drop_path: float = 0.0
    ):
        super().__init__()
        self.config = config
        self.backbone = _backbone(config, pretrained=pretrained, drop_path=drop_path)
        self.pool = _pool(config.pooling)
        if config.stages not in (1, 2):
            raise BadNetwork(f"stages {config.stages}; allowed are 1 and 2")
        self.pool_before = _pool(config.pooling) if config.stages == 2 else None  # a power of its own
        width = _pooled_width(self)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(width, config.embedding_dim, bias=False) if config.embedding_dim else nn.Identity()
        # BNNeck (Luo et al. 2019): metric losses like a free scale, classifiers a normalised one.
        has_neck = config.neck and config.embedding_dim
        self.neck = nn.BatchNorm1d(config.embedding_dim) if has_neck else nn.Identity()
        self.dimension = config.embedding_dim or width

    def feature_maps(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, c, h', w') the backbone's last maps."""
        return self.backbone.forward_features(images)  # pyright: ignore[reportCallIssue]

    def pooled_maps(self, images: Tensor) -> list[tuple[Tensor, nn.Module]]:
        """(n, 3, h, w) -> the maps (n, c, h', w') that are pooled, each with what pools it, in their order."""
        if self.pool_before is None:
            stages = [(self.feature_maps(images), self.pool)]
        else:
            last, between = self.backbone.forward_intermediates(images, indices=2)  # pyright: ignore[reportCallIssue]
            stages = [(cast(Tensor, last), self.pool), (cast(Tensor, between[0]), self.pool_before)]
        return [(part, pool) for maps, pool in stages for part in _branches(maps, self.config.branches)]

    def forward(self, images: Tensor) -> Tensor:
        pooled = torch.cat([pool(maps) for maps, pool in self.pooled_maps(images)], dim=1)
        return self.neck(self.project(self.dropout(pooled)).float())


def _branches(maps: Tensor, branches: Branches) -> list[Tensor]:
    """The whole maps and, where wanted, their halves; an odd middle row or column belongs to both."""
    if branches == "whole":
        return [maps]
    if branches not in get_args(Branches):
        raise BadNetwork(f"branches {branches!r}; allowed are {list(get_args(Branches))}")
    axis = 2 if branches == "upper_lower" else 3
    half = -(-maps.shape[axis] // 2)
    return [maps, maps.narrow(axis, 0, half), maps.narrow(axis, maps.shape[axis] - half, half)]


class _ThinnedConv2d(nn.Conv2d):
    """A strided convolution computed at stride 1, of which every stride-th value is kept: the same numbers."""

    def forward(self, input: Tensor) -> Tensor:
        dense = functional.conv2d(input, self.weight, self.bias, 1, self.padding, self.dilation, self.groups)
        return dense[:, :, :: self.stride[0], :: self.stride[1]]


class _ThinnedConv2dSame(cast(Any, Conv2dSame)):
    def forward(self, x: Tensor) -> Tensor:
        padded = pad_same(x, self.kernel_size, self.stride, self.dilation)
        dense = functional.conv2d(padded, self.weight, self.bias, 1, 0, self.dilation, self.groups)
        return dense[:, :, :: self.stride[0], :: self.stride[1]]


def thin_strides(network: nn.Module) -> int:
    """Compute a network's strided depthwise convolutions at stride 1; returns how many there were.

    For training in bf16 on a CPU, where PyTorch 2.15 takes 358 ms for the gradient of one of MobileNetV2's (96 channels
    of 56 x 56, 128 photos) and 60 this way: 76 photos a second instead of 51. The class is exchanged, not the method,
    so that copies of the network (its moving average) compute with their own weights.
    """
    thinned = {nn.Conv2d: _ThinnedConv2d, Conv2dSame: _ThinnedConv2dSame}
    found = [
        module
        for module in network.modules()
        if isinstance(module, nn.Conv2d) and module.groups > 1 and max(module.stride) > 1 and type(module) in thinned
    ]
    for module in found:
        module.__class__ = thinned[type(module)]
    return len(found)


def _pool(pooling: str) -> nn.Module:
    if pooling == "gem":
        return GeneralizedMean()
    if pooling == "average":
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
    raise BadNetwork(f"pooling {pooling!r}; allowed are {list(get_args(Pooling))}")


def _backbone(config: NetworkConfig, *, pretrained: bool, drop_path: float) -> Any:
    if not timm.is_model(config.backbone):
        near = difflib.get_close_matches(config.backbone, timm.list_models(), 5)
        raise BadNetwork(
            f"timm has no backbone {config.backbone!r}; near it are {near or 'none'}. "
            "`python -c 'import timm; print(timm.list_models())'` prints them all"
        )
    options = dict(config.backbone_options)
    if drop_path:
        options["drop_path_rate"] = drop_path
    try:
        return cast(Any, timm).create_model(config.backbone, pretrained=pretrained, num_classes=0, **options)
    except (OSError, RuntimeError, TypeError, ValueError, AssertionError) as error:
        if pretrained and isinstance(error, OSError | RuntimeError):
            raise BadNetwork(
                f"the pretrained weights of {config.backbone} could not be fetched ({error}). Without network take "
                'weights = "default" (the shipped checkpoint), a local file, or "random" in the recipe\'s [network]'
            ) from error
        raise BadNetwork(f"timm could not build {config.backbone} with {options}: {error!r}") from error


def _pooled_width(network: Network) -> int:
    # Taken from a dry run, not from `num_features`: with num_classes=0 a MobileNet's maps are wider than that.
    backbone = cast(nn.Module, network.backbone)
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            maps = [part for part, _ in network.pooled_maps(torch.zeros(1, 3, 64, 64))]
    except (AssertionError, AttributeError, RuntimeError, ValueError) as error:
        raise BadNetwork(f"the backbone takes no image of 64 x 64 px ({error}); give a convolutional one") from error
    backbone.train(was_training)
    for part in maps:
        if part.ndim != 4:
            raise BadNetwork(f"the backbone gives maps of shape {tuple(part.shape)}; a convolutional one gives 4 axes")
    return sum(part.shape[1] for part in maps)


def load_backbone_weights(network: Network, path: Path) -> None:
    """Load a timm state dict (.safetensors, or .pth read without pickled code) into the backbone.

    A classifier in the file is left out. Raises BadNetwork when the file is not such a dict or misses a layer.
    """
    try:
        if path.suffix == ".safetensors":
            weights: dict[str, Tensor] = load_file(path)
        else:
            weights = dict(cast("dict[str, Tensor]", torch.load(path, map_location="cpu", weights_only=True)))
    except Exception as error:  # torch and safetensors raise a dozen kinds for a damaged file
        raise BadNetwork(f"{path} can't be read as weights: {error}") from error
    backbone = cast(nn.Module, network.backbone)
    own = backbone.state_dict()
    kept = {name: value for name, value in weights.items() if name in own and hasattr(value, "shape")}
    missing = sorted(set(own) - set(kept))
    wrong = [name for name, value in kept.items() if value.shape != own[name].shape]
    if missing or wrong:
        raise BadNetwork(
            f"{path} does not fit {network.config.backbone}: {len(missing)} tensors missing, {len(wrong)} of another "
            f"shape; the first is {(missing + wrong)[0]}. Give weights of this very backbone"
        )
    backbone.load_state_dict(kept)
