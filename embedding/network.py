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
from torch import Tensor, nn

from embedding.errors import FlukeprintError

Pooling = Literal["gem", "average"]


class BadNetwork(FlukeprintError):
    """A backbone that timm doesn't know, a description out of range, or weights that don't fit."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Everything that rebuilds the network without its weights.

    `embedding_dim` 0 leaves the pooled backbone features as they are (no linear layer, no BNNeck): what an
    untrained ImageNet baseline is measured with. `backbone_options` go to timm.create_model (for instance
    pad_type, bn_eps, output_stride).
    """

    backbone: str
    embedding_dim: int = 256
    pooling: Pooling = "gem"
    backbone_options: tuple[tuple[str, Any], ...] = ()

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
        width = _feature_width(self.backbone)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(width, config.embedding_dim, bias=False) if config.embedding_dim else nn.Identity()
        # BNNeck (Luo et al. 2019): metric losses like a free scale, classifiers a normalised one.
        self.neck = nn.BatchNorm1d(config.embedding_dim) if config.embedding_dim else nn.Identity()
        self.dimension = config.embedding_dim or width

    def feature_maps(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, c, h', w') the backbone's last maps."""
        return self.backbone.forward_features(images)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor) -> Tensor:
        pooled = self.dropout(self.pool(self.feature_maps(images)))
        return self.neck(self.project(pooled).float())


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


def _feature_width(backbone: Any) -> int:
    # Taken from a dry run, not from `num_features`: with num_classes=0 a MobileNet's maps are wider than that.
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            maps = cast(Tensor, backbone.forward_features(torch.zeros(1, 3, 64, 64)))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise BadNetwork(f"the backbone takes no image of 64 x 64 px ({error}); give a convolutional one") from error
    backbone.train(was_training)
    if maps.ndim != 4:
        raise BadNetwork(f"the backbone gives maps of shape {tuple(maps.shape)}; a convolutional one gives 4 axes")
    return int(maps.shape[1])


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
