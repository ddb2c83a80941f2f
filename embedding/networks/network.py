"""The network: a backbone, pooling, a linear embedding and BNNeck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from embedding.networks.aligner import Aligner, aligned, jittered
from embedding.networks.backbone import new_backbone
from embedding.networks.config import (
    MIRROR_AXES,
    BadNetwork,
    Branches,
    Mirror,
    MirrorFusion,
    NetworkConfig,
    Pooling,
)
from embedding.networks.mirror import fuse_views, fused_dim
from embedding.networks.pooling import GeneralizedMean, Vlad


class Network(nn.Module):
    """(n, 3, h, w) normalised pixels -> (n, view_dim), one view of them, not yet of unit length.

    `both_views` -> (n, dimension), the embeddings: of two views.
    """

    def __init__(
        self,
        config: NetworkConfig,
        *,
        pretrained: bool = False,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        jitter: float = 0.0,
    ):
        super().__init__()
        self.config = config
        _check(config)
        self.backbone = new_backbone(
            config.backbone, config.backbone_options, pretrained=pretrained, drop_path=drop_path
        )
        self.stage = _cut(self.backbone, config) if config.stride else None
        self.mirror_axis = MIRROR_AXES[config.mirror]
        self.jitter = jitter  # of placements, while it learns
        self.aligner = Aligner().requires_grad_(False).eval() if config.aligned_px else None
        self.pool, self.pool_before = _pool(config.pooling), None
        if config.stages == 2:
            self.pool_before = _pool(config.pooling)  # a power of its own
        width = _pooled_width(self)
        if config.pooling == "vlad":
            self.pool = Vlad(width, config.clusters, config.cell_dim)
            width = config.clusters * (config.cell_dim + 2)
        self.dropout = nn.Dropout(dropout)
        self.project = (
            nn.Linear(width, config.embedding_dim, bias=False)
            if config.embedding_dim
            else nn.Identity()
        )
        # BNNeck (Luo et al. 2019): metric losses like a free scale, classifiers a normalised one.
        has_neck = config.neck and config.embedding_dim
        self.neck = nn.BatchNorm1d(config.embedding_dim) if has_neck else nn.Identity()
        self.view_dim = config.embedding_dim or width
        self.dimension = fused_dim(self.view_dim, config.mirror_fusion, config.odd_dims)

    def train(self, mode: bool = True) -> Network:
        """Set the mode of all but the aligner, which has learned already."""
        super().train(mode)
        if self.aligner is not None:
            self.aligner.eval()
        return self

    @torch.no_grad()
    def placements(self, images: Tensor) -> Tensor | None:
        """(n, 3, h, w) -> (n, 2, 3): where the aligner finds the body part, or None without one."""
        return None if self.aligner is None else self.aligner(images)

    def aligned(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> what the backbone sees of them: the body part turned upright, or the
        images themselves.

        While the network learns, a little off.
        """
        placements = self.placements(images)
        if placements is None or self.config.aligned_px is None:
            return images
        if self.training and self.jitter:
            placements = jittered(placements, self.jitter)
        return aligned(images, placements, *self.config.aligned_px)

    def feature_maps(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, c, h', w') the backbone's last maps, of the body part where there is
        an aligner.
        """
        return self.maps_of(self.aligned(images))

    def maps_of(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, c, h', w') the last maps of images that are aligned already."""
        if self.stage is None:
            return self.backbone.forward_features(images)  # pyright: ignore[reportCallIssue]
        seen = self.backbone.forward_intermediates(  # pyright: ignore[reportCallIssue]
            images, indices=[self.stage], intermediates_only=True, stop_early=True
        )
        return cast(Tensor, seen[0])

    def pooled_maps(self, images: Tensor) -> list[tuple[Tensor, nn.Module]]:
        """(n, 3, h, w) -> the maps (n, c, h', w') that are pooled, each with what pools it, in
        their order.
        """
        if self.pool_before is None:
            stages = [(self.feature_maps(images), self.pool)]
        else:
            last, between = self.backbone.forward_intermediates(self.aligned(images), indices=2)  # pyright: ignore[reportCallIssue]
            stages = [(cast(Tensor, last), self.pool), (cast(Tensor, between[0]), self.pool_before)]
        return [
            (part, pool) for maps, pool in stages for part in _branches(maps, self.config.branches)
        ]

    def forward(self, images: Tensor) -> Tensor:
        return self.view_of(self.pooled_maps(images))

    def view_of(self, maps: Sequence[tuple[Tensor, nn.Module]]) -> Tensor:
        """Pool maps (`pooled_maps`) to a view (n, view_dim)."""
        pooled = torch.cat([pool(part) for part, pool in maps], dim=1)
        return self.neck(self.project(self.dropout(pooled)).float())

    def both_views(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, dimension): the embeddings, of the images and of their mirror
        images.
        """
        return self.fused(self(images), self.mirrored(images))

    def mirrored(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, view_dim): the view of the images' mirror images."""
        return self(images.flip(self.mirror_axis))

    def fused(self, seen: Tensor, mirrored: Tensor) -> Tensor:
        """Fuse views (..., view_dim) of images and of their mirror images: (..., dimension)."""
        return fuse_views(seen, mirrored, self.config.mirror_fusion, self.config.odd_dims)


def _branches(maps: Tensor, branches: Branches) -> list[Tensor]:
    """The whole maps and, where wanted, their halves; an odd middle row or column belongs to
    both.
    """
    if branches == "whole":
        return [maps]
    axis = 2 if branches == "upper_lower" else 3
    half = -(-maps.shape[axis] // 2)
    return [maps, maps.narrow(axis, 0, half), maps.narrow(axis, maps.shape[axis] - half, half)]


def _check(config: NetworkConfig) -> None:
    allowed = {
        "pooling": get_args(Pooling),
        "branches": get_args(Branches),
        "stages": (1, 2),
        "mirror": get_args(Mirror),
        "mirror_fusion": get_args(MirrorFusion),
    }
    for name, values in allowed.items():
        if getattr(config, name) not in values:
            raise BadNetwork(f"{name} {getattr(config, name)!r}; allowed are {list(values)}")
    odd: Any = config.odd_dims  # of a file, it may be anything
    is_odd = odd is None or (
        type(odd) is int and 0 <= odd <= config.embedding_dim and config.mirror_fusion == "separate"
    )
    if not is_odd:
        raise BadNetwork(
            f'odd_dims {odd!r} with mirror_fusion "{config.mirror_fusion}"; allowed are 0 to '
            f'{config.embedding_dim}, with mirror_fusion "separate"'
        )
    is_plain = config.stages == 1 and config.branches == "whole"
    if config.pooling == "vlad" and not (is_plain and config.embedding_dim):
        raise BadNetwork(
            'pooling "vlad" takes one whole map: stages = 1, branches = "whole", and an '
            "embedding_dim"
        )
    if config.aligned_px and not all(32 <= side <= 4096 for side in config.aligned_px):
        raise BadNetwork(f"aligned_px {list(config.aligned_px)}; allowed are 32 to 4096 px a side")
    if config.aligned_px and config.mirror == "vertical":
        raise BadNetwork(
            'an aligner with mirror "vertical": it knows no animal upside down; give mirror = '
            '"horizontal"'
        )
    if config.stride and config.stages == 2:
        raise BadNetwork(
            f"stride {config.stride} with stages 2; a backbone that stops early is pooled once"
        )


def _cut(backbone: Any, config: NetworkConfig) -> int:
    """Take away what comes after the last maps of the wanted stride; returns their number among
    timm's stages.
    """
    strides = [int(stage["reduction"]) for stage in getattr(backbone, "feature_info", ())]
    if config.stride not in strides:
        raise BadNetwork(
            f"stride {config.stride}; those of {config.backbone} are {strides}, or 0 for all of it"
        )
    at = len(strides) - 1 - strides[::-1].index(config.stride)
    try:
        backbone.prune_intermediate_layers([at], prune_norm=True, prune_head=True)
    except (AttributeError, NotImplementedError) as error:
        raise BadNetwork(
            f"the backbone {config.backbone} can't be stopped early; give stride = 0"
        ) from error
    return at


def _pool(pooling: str) -> nn.Module:
    return (
        GeneralizedMean()
        if pooling == "gem"
        else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
    )


def _pooled_width(network: Network) -> int:
    # Taken from a dry run, not from `num_features`: with num_classes=0 a MobileNet's maps are wider
    # than that.
    backbone = cast(nn.Module, network.backbone)
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            maps = [part for part, _ in network.pooled_maps(torch.zeros(1, 3, 64, 64))]
    except (AssertionError, AttributeError, RuntimeError, ValueError) as error:
        raise BadNetwork(
            f"the backbone takes no image of 64 x 64 px ({error}); give a convolutional one"
        ) from error
    backbone.train(was_training)
    for part in maps:
        if part.ndim != 4:
            raise BadNetwork(
                f"the backbone gives maps of shape {tuple(part.shape)}; a convolutional one "
                "gives 4 axes"
            )
    return sum(part.shape[1] for part in maps)
