"""Several networks as one: equals that look at every photo, or experts among whom a gate divides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedding.network import BadNetwork, Network, NetworkConfig

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GateConfig:
    """How a gate divides photos among members: for each species the members' shares, which sum to 1."""

    shares: Mapping[str, tuple[float, ...]]

    def to_dict(self) -> dict[str, Any]:
        return {"shares": {name: list(row) for name, row in self.shares.items()}}


class Gate(nn.Module):
    """Members' unit vectors side by side (n, d) -> the members' shares (n, m) of each photo, by what it looks like.

    A softmax regression: `weight` (s, d) and `bias` (s,), species in the order of the configuration.
    """

    weight: Tensor
    bias: Tensor
    shares: Tensor

    def __init__(self, config: GateConfig, dimension: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("weight", torch.zeros(len(config.shares), dimension))
        self.register_buffer("bias", torch.zeros(len(config.shares)))
        self.register_buffer("shares", torch.tensor(list(config.shares.values())), persistent=False)

    def species(self, vectors: Tensor) -> Tensor:
        """(n, d) -> (n, s): how much each photo looks like each species, summing to 1."""
        return functional.softmax(vectors @ self.weight.T + self.bias, dim=1)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.species(vectors) @ self.shares


class Ensemble(nn.Module):
    """Several networks that look at the same pixels: (n, 3, h, w) -> (n, sum of their d), of unit length.

    A member with a size of its own (w, h) gets the pixels scaled to it. Each member's part is as long as the root of
    its share of the photo, so that the cosine of two photos of one species is the mean of the members' cosines,
    weighted by their shares. Without a gate all shares are alike.
    """

    def __init__(
        self, members: Sequence[Network], *, sizes: Sequence[Size | None] = (), gate: GateConfig | None = None
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.networks = tuple(members)
        self.sizes = tuple(sizes) or (None,) * len(members)
        self.dimension = sum(member.dimension for member in members)
        self.gate = None if gate is None else Gate(gate, self.dimension)

    def views(self, images: Tensor) -> list[Tensor]:
        """The pixels as each member looks at them."""
        return [
            images
            if size is None or (size[1], size[0]) == images.shape[2:]
            else functional.interpolate(images, (size[1], size[0]), mode="bilinear", antialias=True)
            for size in self.sizes
        ]

    def parts(self, images: Tensor, *, is_mirrored: bool = False) -> list[Tensor]:
        """Each member's unit vectors (n, d of the member), of the images or of their mirror images as it makes them."""
        seen = zip(self.networks, self.views(images), strict=True)
        return [
            functional.normalize(member(view.flip(member.mirror_axis) if is_mirrored else view).float())
            for member, view in seen
        ]

    def shares(self, parts: Sequence[Tensor]) -> Tensor:
        """The members' shares (n, m) of the photos that have these parts."""
        if self.gate is None:
            return parts[0].new_full((len(parts[0]), len(parts)), 1.0 / len(parts))
        return self.gate(torch.cat(list(parts), dim=1))

    def forward(self, images: Tensor) -> Tensor:
        parts = self.parts(images)
        return _joined(parts, self.shares(parts))

    def both_sides(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, d): of the images and of their mirror images, added up; whose they are the former say."""
        parts = self.parts(images)
        shares = self.shares(parts)
        return _joined(parts, shares) + _joined(self.parts(images, is_mirrored=True), shares)


def _joined(parts: Sequence[Tensor], shares: Tensor) -> Tensor:
    lengths = shares.sqrt()
    return torch.cat([part * lengths[:, at, None] for at, part in enumerate(parts)], dim=1)


def network_of(described: Mapping[str, Any]) -> Network | Ensemble:
    """Build what a checkpoint's header describes: one network, or `members`, each a network. Raises BadNetwork."""
    if "members" not in described:
        return Network(NetworkConfig.from_dict(described))
    members: list[Network] = []
    sizes: list[Size | None] = []
    for one in described["members"]:
        size = one.get("input_px")
        sizes.append(None if size is None else (int(size[0]), int(size[1])))
        members.append(Network(NetworkConfig.from_dict({name: one[name] for name in one if name != "input_px"})))
    return Ensemble(members, sizes=sizes, gate=_gate_of(described.get("gate"), len(members)))


def _gate_of(described: Mapping[str, Any] | None, count: int) -> GateConfig | None:
    if described is None:
        return None
    shares = {name: tuple(float(share) for share in row) for name, row in described["shares"].items()}
    for species, row in shares.items():
        if len(row) != count or min(row) < 0 or abs(sum(row) - 1) > 1e-6:
            raise BadNetwork(f"the gate gives {species} the shares {row}; allowed are {count} that sum to 1")
    return GateConfig(shares)
