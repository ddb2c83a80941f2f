"""Where in a photo the animal is: a small network that finds the box of photos that come without
one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from embedding.networks.coordinate_regressor import CoordinateRegressor
from embedding.photos.photo import Box, Image
from embedding.photos.preprocessing import squashed

LOCATOR_PX = 96
_EARLIER_PX = 64
_EARLIER_WIDTHS = (24, 48, 96, 128)


class Locator(CoordinateRegressor):
    """(n, 3, h, w) RGB in 0..1 -> (n, 4) left, top, right, bottom in 0..1 of the photo.

    Images are squashed to LOCATOR_PX first.
    """

    def __init__(self, backbone: nn.Module | None = None) -> None:
        super().__init__(LOCATOR_PX, 4, backbone)

    def forward(self, images: Tensor) -> Tensor:
        return _box(super().forward(images * 2 - 1))


class EarlierLocator(nn.Module):
    """What checkpoints were trained with before: four convolutions at 64 px.

    Still read, no longer trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self.px = _EARLIER_PX
        layers: list[nn.Module] = []
        channels = 3
        for width in _EARLIER_WIDTHS:
            layers += [
                nn.Conv2d(channels, width, 3, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            channels = width
        self.features = nn.Sequential(*layers)
        side = _EARLIER_PX // 2 ** len(_EARLIER_WIDTHS)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * side * side, 128),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(128, 4),
        )

    def forward(self, images: Tensor) -> Tensor:
        return _box(self.head(self.features(images - 0.5)))


AnyLocator = Locator | EarlierLocator


def locator_of(weights: Mapping[str, Tensor]) -> AnyLocator:
    """Rebuild the locator that has these weights. Raises RuntimeError where they fit none."""
    locator = Locator() if "last.weight" in weights else EarlierLocator()
    locator.load_state_dict(dict(weights))
    return locator.eval()


@torch.inference_mode()
def locate(locator: AnyLocator, images: Sequence[Image]) -> list[Box]:
    """Find each image's box; the mean of what is found in the image and in its mirror image."""
    if not images:
        return []
    device = next(locator.parameters()).device
    pixels = (
        torch.from_numpy(squashed(images, locator.px)).to(device).permute(0, 3, 1, 2).float()
        / 255.0
    )
    boxes = cast("list[list[float]]", mean_box(locator, pixels).tolist())
    return [Box(*box) for box in boxes]


def mean_box(locator: AnyLocator, images: Tensor) -> Tensor:
    """(n, 3, px, px) RGB in 0..1 -> (n, 4): the mean of the boxes in the images and in their mirror
    images.
    """
    return (locator(images) + unmirrored(locator(images.flip(3)))) / 2


def unmirrored(boxes: Tensor) -> Tensor:
    """(n, 4) boxes in mirror images -> the same places in the images themselves."""
    return torch.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)


def _box(numbers: Tensor) -> Tensor:
    """(n, 4) any numbers -> boxes, none inside out: right and bottom are shares of what is left
    beyond left and top.
    """
    left, top, width, height = torch.sigmoid(numbers).unbind(1)
    return torch.stack([left, top, left + width * (1 - left), top + height * (1 - top)], 1)
