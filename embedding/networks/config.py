"""What rebuilds a network without its weights, and how its two views are fused; torch-free.

The networks are built from it, and graphs that answer without torch go by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from embedding.errors import FlukeprintError

Branches = Literal["whole", "upper_lower", "left_right"]
Pooling = Literal["gem", "average", "vlad"]
Mirror = Literal["horizontal", "vertical"]
MirrorFusion = Literal["sum", "separate"]
"""sum: the two views are added, so that a photo and its mirror image get the same embedding.
separate: photos are compared with photos and mirror images with mirror images, never crosswise."""
MIRROR_AXES: dict[str, int] = {"horizontal": 3, "vertical": 2}
"""Along which axis of (n, 3, h, w) a mirror image is turned."""
ALIGNED_MARGIN = 0.08
"""How much of the aligned image, on each side, lies beyond the corners: outlines tell where one
is."""
PLACE_WEIGHT = 1.5  # of vlad pooling: a map's width in the units of cells' typical length, 1
SHORTEST = 1e-6  # of vlad pooling: what a sum of differences is divided by at least
LEAST_POOLED = 1e-6  # of generalised means: numbers of a map count as this much at least
Size = tuple[int, int]
"""Width and height in pixels."""
LEAST_SHARE = 0.01
"""A member of an ensemble with less of a photo than this gets no view of it."""


class BadNetwork(FlukeprintError):
    """A backbone that timm doesn't know, a description out of range, or weights that don't fit."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Everything that rebuilds the network without its weights.

    `embedding_dim` 0 leaves the pooled backbone features as they are (no linear layer, no BNNeck):
    what an untrained ImageNet baseline is measured with. `backbone_options` go to timm.create_model
    (for instance pad_type, bn_eps, output_stride). `stages` 2 pools the backbone's last stage and
    the one before it; `branches` pools the halves of the maps too, each beside the whole (Sun et
    al. 2018's parts, for the two lobes of a fluke, or its edge and its middle). `neck` puts a batch
    normalisation after the embedding (BNNeck). `stride` stops the backbone at its last maps that
    are that many times smaller than the image (0: at its end): what vlad pooling wants, which keeps
    detail and its place. `mirror` is how a mirror image is made, for the second view of an
    embedding and for training, where it may count as another animal's. Heads that all point to one
    side are mirrored about their length. `aligned_px` (width, height): an aligner finds the body
    part in the image and turns it upright, to so many pixels, before the backbone sees it. None:
    there is no aligner. `mirror_fusion` and `odd_dims`: how the views of an image and of its mirror
    image are fused (embedding.networks.mirror).
    """

    backbone: str
    embedding_dim: int = 256
    pooling: Pooling = "gem"
    backbone_options: tuple[tuple[str, Any], ...] = ()
    stages: int = 1
    branches: Branches = "whole"
    neck: bool = True
    stride: int = 0
    mirror: Mirror = "horizontal"
    clusters: int = 64
    cell_dim: int = 48
    aligned_px: tuple[int, int] | None = None
    mirror_fusion: MirrorFusion = "sum"
    odd_dims: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Read what `to_dict` wrote; an unknown key raises BadNetwork naming the known ones."""
        unknown = sorted(set(values) - set(cls.__slots__))
        if unknown:
            raise BadNetwork(f"unknown network keys {unknown}; known are {sorted(cls.__slots__)}")
        options: Any = tuple(sorted(values.get("backbone_options", {}).items()))
        changed: dict[str, Any] = {"backbone_options": options}
        if "aligned_px" in values:
            size: Any = values["aligned_px"]
            if not isinstance(size, list | tuple) or [
                type(side) for side in cast("list[Any]", size)
            ] != [int, int]:
                raise BadNetwork(
                    f"aligned_px {size}; allowed are two whole numbers, width and height"
                )
            changed["aligned_px"] = tuple(cast("list[int]", size))
        return cls(**{**values, **changed})

    def to_dict(self) -> dict[str, Any]:
        """The values that `from_dict` reads; those that came later are left out where they say what
        was so before.
        """
        described = {**asdict(self), "backbone_options": dict(self.backbone_options)}
        if self.aligned_px is not None:
            described["aligned_px"] = list(self.aligned_px)
        return {
            name: value
            for name, value in described.items()
            if name not in _LATER or value != _LATER[name]
        }


_LATER: dict[str, Any] = {"aligned_px": None, "mirror_fusion": "sum", "odd_dims": None}


@dataclass(frozen=True, slots=True)
class GateConfig:
    """How a gate divides photos: for each species the members' shares, which sum to 1.

    The gate goes by the views of the first `views` members (0: of all), so that the others need
    not see every photo. A checkpoint's header calls that number `looks`.
    """

    shares: Mapping[str, tuple[float, ...]]
    views: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "shares": {name: list(row) for name, row in self.shares.items()},
            "looks": self.views,
        }


@dataclass(frozen=True, slots=True)
class EnsembleConfig:
    """What a checkpoint's header says of its network: the members, their sizes, and their gate.

    One network alone is its only member. `sizes` are (width, height) in pixels; None: that of
    the checkpoint's input.
    """

    members: tuple[NetworkConfig, ...]
    sizes: tuple[Size | None, ...]
    gate: GateConfig | None = None
    is_ensemble: bool = True

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> EnsembleConfig:
        """Read a header's `network`. Raises BadNetwork."""
        if "members" not in described:
            return cls((NetworkConfig.from_dict(described),), (None,), is_ensemble=False)
        members: list[NetworkConfig] = []
        sizes: list[Size | None] = []
        for one in described["members"]:
            size = one.get("input_px")
            sizes.append(None if size is None else (int(size[0]), int(size[1])))
            own = {name: one[name] for name in one if name != "input_px"}
            members.append(NetworkConfig.from_dict(own))
        gate = _gate_of(described.get("gate"), len(members))
        return cls(tuple(members), tuple(sizes), gate)

    @property
    def gate_view_count(self) -> int:
        """By how many members' views the gate goes; 0 without one."""
        return 0 if self.gate is None else self.gate.views or len(self.members)


def _gate_of(described: Mapping[str, Any] | None, count: int) -> GateConfig | None:
    if described is None:
        return None
    shares = {
        name: tuple(float(share) for share in row) for name, row in described["shares"].items()
    }
    for species, row in shares.items():
        if len(row) != count or min(row) < 0 or abs(sum(row) - 1) > 1e-6:
            raise BadNetwork(
                f"the gate gives {species} the shares {row}; allowed are {count} that sum to 1"
            )
    views = int(described.get("looks", 0))
    if not 0 <= views <= count:
        raise BadNetwork(
            f"the gate goes by {views} members; allowed are 1 to {count}, or 0 for all"
        )
    return GateConfig(shares, views)
