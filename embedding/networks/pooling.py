"""Pooling: a feature map becomes one vector, by generalised means or by differences from learned
centres (VLAD).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedding.networks.config import LEAST_POOLED, PLACE_WEIGHT, SHORTEST

_SHARPNESS = 8.0
CENTRES_FITTED = 0.5
"""`Vlad.is_fitted` of centres without the linear layer after them."""


class GeneralizedMean(nn.Module):
    """(n, c, h, w) -> (n, c): the p-th power mean over the map, p learned (Radenovic et al. 2018,
    GeM).
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))

    def forward(self, maps: Tensor) -> Tensor:
        # float32 whatever the autocast: a cube root of small bf16 numbers loses the signal.
        powered = maps.float().clamp(min=LEAST_POOLED).pow(self.p)
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
        down = (torch.arange(height, device=maps.device) / height - 0.5) * PLACE_WEIGHT
        across = (torch.arange(width, device=maps.device) / width - 0.5) * PLACE_WEIGHT
        place = torch.stack([across.repeat(height), down.repeat_interleave(width)], dim=1)
        return torch.cat([local, place.expand(maps.shape[0], -1, -1)], dim=2)

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

    def forward(self, maps: Tensor) -> Tensor:
        # float32 whatever the autocast: differences of near numbers are taken.
        with torch.autocast(maps.device.type, enabled=False):
            cells = self.cells(maps)
            shares = self.shares(cells)
            sums = shares @ cells - shares.sum(2, keepdim=True) * self.centers
            return functional.normalize(sums, dim=2, eps=SHORTEST).flatten(1)
