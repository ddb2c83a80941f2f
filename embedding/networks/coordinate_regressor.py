"""Where in a photo something is: what `aligner` and `locator` have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from embedding.networks.backbone import new_backbone
from embedding.networks.scaling import scaled

REGRESSOR_BACKBONE = "mobilenetv2_100"
REGRESSOR_OPTIONS: tuple[tuple[str, Any], ...] = (("bn_eps", 1e-3), ("pad_type", "same"))
_STAGES, _CHANNELS, _STRIDE = 4, 64, 16
"""Its first so many stages are taken, whose maps have so many channels and are so many times
smaller than the image."""
_REDUCED, _HIDDEN = 32, 128


class CoordinateRegressor(nn.Module):
    """(n, 3, h, w) pixels normalised to -1..1 -> (n, outputs): coordinates of something in them.

    A MobileNetV2's first layers and a head. The layers are those of `backbone` (REGRESSOR_BACKBONE
    with REGRESSOR_OPTIONS) or new ones. Images are squashed to `px` x `px` first.
    """

    def __init__(self, px: int, outputs: int, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.px = px
        whole: Any = backbone or new_backbone(REGRESSOR_BACKBONE, REGRESSOR_OPTIONS)
        self.features = nn.Sequential(whole.conv_stem, whole.bn1, *whole.blocks[:_STAGES])
        # Not pooled: where something is, is the answer.
        self.head = nn.Sequential(
            nn.Conv2d(_CHANNELS, _REDUCED, 1, bias=False),
            nn.BatchNorm2d(_REDUCED),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(_REDUCED * (px // _STRIDE) ** 2, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(0.2),
        )
        self.last = nn.Linear(_HIDDEN, outputs)

    def forward(self, images: Tensor) -> Tensor:
        found = self.head(self.features(scaled(images, self.px, self.px))).float()
        with torch.autocast(
            images.device.type, enabled=False
        ):  # bf16 would round places to half a percent
            return self.last(found)
