"""Where in a photo the fluke is: a small network that finds the box of photos that come without one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embedding.photo import Box, Image, resize, to_array

LOCATOR_PX = 64
_WIDTHS = (24, 48, 96, 128)


class Locator(nn.Module):
    """(n, 3, 64, 64) RGB in 0..1, squashed -> (n, 4) left, top, right, bottom in 0..1 of the photo.

    Right and bottom are predicted as shares of what is left beyond left and top, so that a box is never inside out.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in _WIDTHS:
            layers += [nn.Conv2d(channels, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*layers)
        side = LOCATOR_PX // 2 ** len(_WIDTHS)
        # Not pooled: where something is, is the answer.
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * side * side, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 4)
        )

    def forward(self, images: Tensor) -> Tensor:
        left, top, width, height = torch.sigmoid(self.head(self.features(images - 0.5))).unbind(1)
        return torch.stack([left, top, left + width * (1 - left), top + height * (1 - top)], 1)


def locator_pixels(images: Sequence[Image]) -> NDArray[np.uint8]:
    """Squash images to the locator's size: (n, 64, 64, 3) uint8."""
    return np.stack([to_array(resize(image, LOCATOR_PX, LOCATOR_PX)) for image in images])


@torch.inference_mode()
def locate(locator: Locator, images: Sequence[Image]) -> list[Box]:
    """Find each image's box; the mean of what is found in the image and in its mirror image."""
    if not images:
        return []
    device = next(locator.parameters()).device
    pixels = torch.from_numpy(locator_pixels(images)).to(device).permute(0, 3, 1, 2).float() / 255.0
    straight, mirrored = locator(pixels), locator(pixels.flip(3))
    unmirrored = torch.stack([1 - mirrored[:, 2], mirrored[:, 1], 1 - mirrored[:, 0], mirrored[:, 3]], 1)
    boxes: list[list[float]] = ((straight + unmirrored) / 2).tolist()
    return [Box(*box) for box in boxes]
