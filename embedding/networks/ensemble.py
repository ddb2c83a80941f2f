"""Several networks as one: equals that see every photo, or experts chosen by a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedding.networks.config import LEAST_SHARE, EnsembleConfig, GateConfig, Size
from embedding.networks.network import Network
from embedding.networks.scaling import scaled


class Gate(nn.Module):
    """Members' unit vectors side by side (n, d) -> the members' shares (n, m) of each photo, by
    what it looks like.

    A softmax regression: `weight` (s, d) and `bias` (s,), species in the order of the
    configuration.
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
        shares = self.species(vectors) @ self.shares
        shares = torch.where(shares < LEAST_SHARE, 0.0, shares)
        return shares / shares.sum(1, keepdim=True)


class Ensemble(nn.Module):
    """Several networks that see the same pixels: (n, 3, h, w) -> (n, sum of their d), unit length.

    A member with a size of its own (w, h) gets the pixels scaled to it. Each member's part is as
    long as the root of its share of the photo. So the cosine of two photos of one species is the
    mean of the members' cosines, weighted by their shares. A member without a share of a photo
    doesn't see it. Without a gate all shares are equal.
    """

    def __init__(
        self,
        members: Sequence[Network],
        *,
        sizes: Sequence[Size | None] = (),
        gate: GateConfig | None = None,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.networks = tuple(members)
        self.sizes = tuple(sizes) or (None,) * len(members)
        self.dimension = sum(member.dimension for member in members)
        self.gate_view_count = 0 if gate is None else gate.views or len(members)
        seen = sum(member.view_dim for member in members[: self.gate_view_count])
        self.gate = None if gate is None else Gate(gate, seen)

    def input_of(self, images: Tensor, at: int) -> Tensor:
        """The pixels at member `at`'s size."""
        size = self.sizes[at]
        return images if size is None else scaled(images, *size)

    def member_view(self, images: Tensor, at: int, *, is_mirrored: bool = False) -> Tensor:
        """Member `at`'s view of the images, or of their mirror images: unit rows (n, view_dim)."""
        network, own = self.networks[at], self.input_of(images, at)
        return functional.normalize(
            (network.mirrored(own) if is_mirrored else network(own)).float()
        )

    def shares(self, images: Tensor) -> Tensor:
        """The members' shares (n, m) of each photo."""
        return self._shares(images, self._gate_views(images))

    def forward(self, images: Tensor) -> Tensor:
        return self._joined(images, has_both_views=False)

    def both_views(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, d): of the images and of their mirror images.

        The gate goes by the images alone.
        """
        return self._joined(images, has_both_views=True)

    def _gate_views(self, images: Tensor) -> list[Tensor]:
        return [self.member_view(images, at) for at in range(self.gate_view_count)]

    def _shares(self, images: Tensor, views: Sequence[Tensor]) -> Tensor:
        if self.gate is None:
            return images.new_full((len(images), len(self.networks)), 1.0 / len(self.networks))
        return self.gate(torch.cat(list(views), dim=1))

    def _joined(self, images: Tensor, *, has_both_views: bool) -> Tensor:
        views = self._gate_views(images)
        shares = self._shares(images, views)
        joined: list[Tensor] = []
        for at, network in enumerate(self.networks):
            rows = shares[:, at].nonzero()[:, 0]
            part = shares.new_zeros(
                len(images), network.dimension if has_both_views else network.view_dim
            )
            if len(rows):
                mine = images[rows]
                seen = views[at][rows] if at < self.gate_view_count else self.member_view(mine, at)
                if has_both_views:
                    seen = network.fused(seen, self.member_view(mine, at, is_mirrored=True))
                part[rows] = seen * shares[rows, at, None].sqrt()
            joined.append(part)
        return torch.cat(joined, dim=1)


def members_of(network: Network | Ensemble) -> list[Network]:
    """The networks of an ensemble, or the one there is."""
    return list(network.networks) if isinstance(network, Ensemble) else [network]


def network_of(described: Mapping[str, Any]) -> Network | Ensemble:
    """Build what a checkpoint's header describes: one network, or `members`, each a network.

    Raises BadNetwork.
    """
    parts = EnsembleConfig.from_dict(described)
    if not parts.is_ensemble:
        return Network(parts.members[0])
    members = [Network(member) for member in parts.members]
    return Ensemble(members, sizes=parts.sizes, gate=parts.gate)
