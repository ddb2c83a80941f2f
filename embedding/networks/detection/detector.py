"""Which animals a photo shows: a small network that finds any number of them in a whole scene.

It has no anchors. Each of the cells that a photo is divided into says how surely the middle of an
animal is there, and how far that animal reaches to each side (Zhou et al. 2019, arXiv:1904.07850;
Liu et al. 2019, arXiv:1909.00700).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from embedding.networks.backbone import new_backbone
from embedding.networks.coordinate_regressor import REGRESSOR_BACKBONE, REGRESSOR_OPTIONS
from embedding.networks.scaling import scaled

DETECTOR_PX = 160
CELLS = DETECTOR_PX // 8  # along each side
_FINE, _MIDDLE, _COARSE = 32, 96, 160  # channels of the backbone's maps, 8, 16 and 32 times smaller
_WIDTH = 64
_TYPICAL_REACH = 0.2  # of a photo's side; what an untrained network answers
_RAREST = 0.01  # the score that an untrained network gives each cell


class Detector(nn.Module):
    """(n, 3, h, w) RGB in 0..1 -> (n, CELLS ** 2, 5): score, left, top, right, bottom of each cell.

    All five are in 0..1, the box in shares of the photo's sides. Images are squashed to DETECTOR_PX
    first. `embedding.detection` makes animals of the cells.
    """

    def __init__(self, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.px = DETECTOR_PX
        whole: Any = backbone or new_backbone(REGRESSOR_BACKBONE, REGRESSOR_OPTIONS)
        self.fine = nn.Sequential(whole.conv_stem, whole.bn1, *whole.blocks[:3])
        self.middle = nn.Sequential(*whole.blocks[3:5])
        self.coarse = nn.Sequential(whole.blocks[5][0])
        self.from_coarse = nn.Sequential(_reduced(_COARSE), _Mixed(5))
        self.from_middle = _reduced(_MIDDLE)
        self.mixed_middle = _Mixed(5)
        self.from_fine = _reduced(_FINE)
        self.mixed_fine = nn.Sequential(_Mixed(5), _Mixed(3))
        self.last = nn.Conv2d(_WIDTH, 5, 1)
        nn.init.normal_(self.last.weight, std=0.01)
        bias = torch.zeros(5)
        bias[0] = math.log(_RAREST / (1 - _RAREST))
        self.last.bias = nn.Parameter(bias)

    def fine_layers(self, features: nn.Sequential) -> list[tuple[nn.Module, nn.Module]]:
        """Pair its first layers with those of another MobileNetV2's (`CoordinateRegressor`)."""
        own = [*self.fine, self.middle[0]]
        return list(zip(own, features[: len(own)], strict=True))

    def forward(self, images: Tensor) -> Tensor:
        logits, boxes = self.logits_and_boxes(images)
        return torch.cat([torch.sigmoid(logits)[:, :, None], boxes.clamp(0, 1)], 2)

    def logits_and_boxes(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The (n, cells) logits of the scores and the (n, cells, 4) boxes, not cut at the edges."""
        return self.found_in(self.fine(scaled(images, self.px, self.px) * 2 - 1))

    def found_in(self, fine: Tensor) -> tuple[Tensor, Tensor]:
        """The same of the maps (n, c, CELLS, CELLS) that `fine` makes of images."""
        middle = self.middle(fine)
        found = self.from_coarse(self.coarse(middle))
        found = self.mixed_middle(self.from_middle(middle) + _doubled(found))
        found = self.mixed_fine(self.from_fine(fine) + _doubled(found))
        cells = self.last(found).float().flatten(2).transpose(1, 2)  # (n, cells, 5)
        reach = _TYPICAL_REACH * cells[:, :, 1:].clamp(-5, 2).exp()
        middles = cell_middles().to(cells.device)
        boxes = torch.cat([middles - reach[:, :, :2], middles + reach[:, :, 2:]], 2)
        return cells[:, :, 0], boxes


def cell_middles() -> Tensor:
    """(CELLS ** 2, 2): across and down in 0..1, row by row."""
    places = (torch.arange(CELLS, dtype=torch.float32) + 0.5) / CELLS
    down, across = torch.meshgrid(places, places, indexing="ij")
    return torch.stack([across, down], 2).flatten(0, 1)


def weights_of(detector: Detector) -> dict[str, NDArray[np.float32]]:
    """What `detector_of` reads: all numbers but the counts of batches, which nobody needs."""
    return {
        name: np.ascontiguousarray(value.detach().cpu().float().numpy())
        for name, value in detector.state_dict().items()
        if value.is_floating_point()
    }


def detector_of(weights: Mapping[str, NDArray[np.float32]]) -> Detector:
    """Rebuild the detector that has these weights. Raises RuntimeError where they don't fit."""
    detector = Detector()
    counts = {
        name: value
        for name, value in detector.state_dict().items()
        if not value.is_floating_point()
    }
    detector.load_state_dict(
        counts | {name: torch.from_numpy(value) for name, value in weights.items()}
    )
    return detector.eval()


class _Mixed(nn.Module):
    """A map and what its surroundings say: a depthwise convolution, then one of single cells."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(_WIDTH, _WIDTH, reach, 1, reach // 2, groups=_WIDTH, bias=False),
            nn.BatchNorm2d(_WIDTH),
            nn.ReLU(),
            nn.Conv2d(_WIDTH, _WIDTH, 1, bias=False),
            nn.BatchNorm2d(_WIDTH),
            nn.ReLU(),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.layers(maps)


def _reduced(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, _WIDTH, 1, bias=False), nn.BatchNorm2d(_WIDTH), nn.ReLU()
    )


def _doubled(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2.0, mode="nearest")
