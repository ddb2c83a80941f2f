"""Random changes of pose, light and colour, by torchvision v2 on batches of tensors."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from embedding.networks.config import MIRROR_AXES, Mirror
from embedding.photos.preprocessing import Preprocessing
from training.recipes.choices import AugmentationChoices


class Augmentation:
    """Change (n, h, w, 3) uint8 pixels at random, mirror and normalise: (n, 3, h, w) float32.

    Every `group` photos of a batch share one draw. v2 draws once a call, and one call a photo costs
    a CPU as much as a small network's forward pass. Draws come from torch's global generator, which
    the loop seeds every step. Of a batch that several processes divide, each changes its `part` as
    one process would change it within the whole batch.
    """

    def __init__(
        self,
        choices: AugmentationChoices,
        preprocessing: Preprocessing,
        mirror: Mirror = "horizontal",
    ) -> None:
        self.group = choices.group
        self.mirror_axis = MIRROR_AXES[mirror]
        self.preprocessing = preprocessing
        self.transform = _transform(choices, preprocessing)

    def __call__(self, pixels: Tensor, is_mirrored: Tensor, part: slice | None = None) -> Tensor:
        images = pixels.permute(0, 3, 1, 2)
        images = torch.where(is_mirrored.view(-1, 1, 1, 1), images.flip(self.mirror_axis), images)
        part = slice(0, len(images), 1) if part is None else part
        places = range(part.start, part.stop, part.step)
        # Neighbours in a batch are photos of one individual: groups take every n-th photo, so that
        # those differ.
        stride = -(-part.stop // self.group)
        period = stride // math.gcd(stride, part.step)
        changed = torch.empty(images.shape, dtype=torch.float32, device=images.device)
        for at in range(stride):
            first = next((row for row in range(period) if places[row] % stride == at), None)
            if first is None:
                self.transform(images[:1])  # another process's: what it draws is drawn here too
            else:
                changed[first::period] = self.transform(images[first::period])
        return changed.contiguous(memory_format=torch.channels_last)


def _transform(choices: AugmentationChoices, preprocessing: Preprocessing) -> Any:
    fill = [255.0 * share for share in preprocessing.mean]
    steps: list[Any] = [
        v2.RandomAffine(
            degrees=[-choices.rotation_degrees, choices.rotation_degrees],
            translate=(choices.shift, choices.shift),
            scale=choices.zoom,
            shear=choices.shear_degrees,
            interpolation=InterpolationMode.BILINEAR,
            fill=cast(Any, fill),
        ),
        v2.ColorJitter(choices.brightness, choices.contrast, choices.saturation, choices.hue),
        v2.RandomGrayscale(choices.gray_share),
    ]
    if choices.blur_share:
        steps.append(v2.RandomApply([v2.GaussianBlur(3, (0.3, 1.2))], choices.blur_share))
    steps += [
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(list(preprocessing.mean), list(preprocessing.std)),
    ]
    if choices.erase_share:
        steps.append(v2.RandomErasing(choices.erase_share, scale=(0.02, 0.15)))
    return v2.Compose(steps)
