"""Pooling: a feature map becomes one vector, by generalised means or by differences from learned
centres (VLAD).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Pooling = Literal["gem", "average", "vlad"]


_PLACE_WEIGHT = 1.5  # a map's width in the units of cells' typical length, 1


_SHARPNESS = 8.0


_SHORTEST = 1e-6


CENTRES_FITTED = 0.5


class GeneralizedMean(nn.Module):
    """(n, c, h, w) -> (n, c): the p-th power mean over the map, p learned (Radenovic et al. 2018,
    GeM).
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))

    def forward(self, maps: Tensor) -> Tensor:
        # float32 whatever the autocast: a cube root of small bf16 numbers loses the signal.
        powered = maps.float().clamp(min=1e-6).pow(self.p)
        return powered.mean((2, 3)).pow(1.0 / self.p)


class Vlad(nn.Module):
    """(n, c, h, w) -> (n, k (d + 2)): how the cells near each of k centres differ from it
    (Arandjelovic et al. 2016).

    A cell is its c channels brought down to d and its place in the map (2), so that centres are
    pieces of pattern at places. Cells belong to centres by a softmax of their squared distances.
    Made by `training.learning.vlad_centres`, from photos; until then centres are noise and
    `is_fitted` is 0. It is CENTRES_FITTED where centres are taken from elsewhere and the linear
    layer after them begins anew, and 1 when both are fitted.
    """

    is_fitted: Tensor

    def __init__(self, channels: int, clusters: int, cell_dim: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, cell_dim, 1)
        self.centers = nn.Parameter(torch.randn(clusters, cell_dim + 2) / cell_dim**0.5)
        self.sharpness = nn.Parameter(torch.tensor(_SHARPNESS))
        self.register_buffer("is_fitted", torch.tensor(0.0))

    def cells(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, h w, d + 2): the cells row by row."""
        local = self.reduce(functional.normalize(maps.float(), dim=1)).flatten(2).transpose(1, 2)
        height, width = maps.shape[2:]
        down = (torch.arange(height, device=maps.device) / height - 0.5) * _PLACE_WEIGHT
        across = (torch.arange(width, device=maps.device) / width - 0.5) * _PLACE_WEIGHT
        place = torch.stack([across.repeat(height), down.repeat_interleave(width)], dim=1)
        return torch.cat([local, place.expand(len(maps), -1, -1)], dim=2)

    def shares(self, cells: Tensor) -> Tensor:
        """(n, p, d + 2) -> (n, k, p): how much of each cell belongs to each centre; a cell's shares
        sum to 1.
        """
        squared = (
            cells.square().sum(2, keepdim=True)
            - 2 * cells @ self.centers.T
            + self.centers.square().sum(1)
        )
        return functional.softmax(-self.sharpness * squared, dim=2).transpose(1, 2)

    def parts(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, h w, k (d + 2)): what each cell adds to the vector; their sum is
        `forward`'s.
        """
        cells = self.cells(maps)
        residuals = self.shares(cells)[..., None] * (
            cells[:, None] - self.centers[:, None]
        )  # (n, k, p, d + 2)
        lengths = residuals.sum(2, keepdim=True).square().sum(3, keepdim=True).sqrt()
        return (residuals / lengths.clamp(min=_SHORTEST)).transpose(1, 2).flatten(2)

    def forward(self, maps: Tensor) -> Tensor:
        # float32 whatever the autocast: differences of near numbers are taken.
        with torch.autocast(maps.device.type, enabled=False):
            cells = self.cells(maps)
            shares = self.shares(cells)
            sums = shares @ cells - shares.sum(2, keepdim=True) * self.centers
            return functional.normalize(sums, dim=2, eps=_SHORTEST).flatten(1)
