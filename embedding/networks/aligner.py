"""Where in a photo the patterned part of an animal lies, tilt and all: found, and turned upright
for the network.

A spatial transformer (Jaderberg et al. 2015) that learns from corners given by hand, not from the
loss of what follows. A nyala's flank then fills the input alike whether the animal stands, walks or
drinks, and a stripe has its place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedding.networks.config import ALIGNED_MARGIN
from embedding.networks.coordinate_regressor import CoordinateRegressor

ALIGNER_PX = 128
_UPRIGHT = (0.6, 0.0, 0.0, 0.0, 0.5, 0.0)
"""A placement to begin from: the middle of the photo."""


class Aligner(CoordinateRegressor):
    """Finds the placement of a body part: (n, 3, h, w) pixels normalised to -1..1 -> (n, 2, 3).

    A placement takes places in the body part's frame (x, y, 1), its corners being -1 and 1, to
    places in the photo, whose corners are -1 and 1 too.
    """

    def __init__(self, backbone: nn.Module | None = None) -> None:
        super().__init__(ALIGNER_PX, 6, backbone)
        nn.init.normal_(self.last.weight, std=0.01)
        with torch.no_grad():
            self.last.bias.copy_(torch.tensor(_UPRIGHT))

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).view(-1, 2, 3)


def aligned(images: Tensor, placements: Tensor, width_px: int, height_px: int) -> Tensor:
    """Cut body parts out, upright and a little beyond their corners: (n, 3, h, w), (n, 2, 3) -> (n,
    3, H, W).

    What lies outside the photo repeats its edge.
    """
    with torch.autocast(
        images.device.type, enabled=False
    ):  # a bf16 grid has fewer places than columns
        grid = _grid(_with_margin(placements).float(), width_px, height_px)
        cut = functional.grid_sample(
            images.float(), grid, padding_mode="border", align_corners=False
        )
    return cut.contiguous(memory_format=torch.channels_last)


def jittered(placements: Tensor, deviation: float) -> Tensor:
    """Placements a little off, drawn from torch's global generator."""
    return placements + deviation * torch.randn_like(placements)


def _grid(placements: Tensor, width_px: int, height_px: int) -> Tensor:
    """(n, 2, 3) -> (n, height_px, width_px, 2): the place in the photo of each aligned pixel.

    Written out while a network is exported: few other programs have PyTorch's operator.
    """
    if not torch.compiler.is_exporting():
        size = [len(placements), 3, height_px, width_px]
        return functional.affine_grid(placements, size, align_corners=False)
    across = ((2 * torch.arange(width_px, dtype=torch.float32) + 1) / width_px - 1).view(1, -1, 1)
    down = ((2 * torch.arange(height_px, dtype=torch.float32) + 1) / height_px - 1).view(-1, 1, 1)
    x, y, one = (placements[:, None, None, :, at] for at in range(3))  # (n, 1, 1, 2) each
    return across * x + down * y + one


def _with_margin(placements: Tensor) -> Tensor:
    scale = placements.new_tensor([1 / (1 - 2 * ALIGNED_MARGIN), 1 / (1 - 2 * ALIGNED_MARGIN), 1.0])
    return placements * scale
