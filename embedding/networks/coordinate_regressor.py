"""Where in a photo something is: what `aligner` and `locator` have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedding.networks.backbone import new_backbone

FINDER_BACKBONE = "mobilenetv2_100"
FINDER_OPTIONS: tuple[tuple[str, Any], ...] = (("bn_eps", 1e-3), ("pad_type", "same"))
_STAGES, _CHANNELS, _STRIDE = 4, 64, 16
"""Its first so many stages are taken, whose maps have so many channels and are so many times
smaller than the image."""
_REDUCED, _HIDDEN = 32, 128


class Finder(nn.Module):
    """(n, 3, h, w) pixels normalised to -1..1 -> (n, outputs): numbers that say where something is.

    A MobileNetV2's first layers, those of `backbone` (FINDER_BACKBONE with FINDER_OPTIONS) or new
    ones, and a head. Images are looked at squashed to `px` x `px`.
    """

    def __init__(self, px: int, outputs: int, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.px = px
        whole: Any = backbone or new_backbone(FINDER_BACKBONE, FINDER_OPTIONS)
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
        if images.shape[2:] != (self.px, self.px):
            images = functional.interpolate(
                images, (self.px, self.px), mode="bilinear", antialias=True
            )
        found = self.head(self.features(images)).float()
        with torch.autocast(
            images.device.type, enabled=False
        ):  # bf16 would round places to half a percent
            return self.last(found)
