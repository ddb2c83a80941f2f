"""Training the locator: photos whose box is known teach where flukes are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchvision.ops import box_iou, generalized_box_iou_loss

from embedding.networks.backbone import thin_strides
from embedding.networks.locator import LOCATOR_PX, Locator, mean_box
from embedding.photos.box import WHOLE, Box
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.learning.first_weights import start_locator
from training.pixels.cache import cached_pixels
from training.recipes.choices import LocatorChoices

_MOST_CUT = 0.15  # share of each side that the random window may cut off, beyond the box's own edge
_GROWN_SHARE, _MOST_GROWN = (
    0.6,
    2.0,
)  # how many windows reach beyond the photo, and how many times its size at most
FEWEST_BOXES = 50  # with fewer, "the middle of the photo" is learned and nothing else
HELD_OUT_EVERY = 10  # every tenth photo measures and isn't learned from


@dataclass(frozen=True, slots=True)
class Compute:
    """Where training computes, and in which precision."""

    device: torch.device | None = None  # the CPU
    precision: Literal["float32", "bf16"] = "float32"


def train_locator(
    photos: Sequence[LabelledPhoto],
    choices: LocatorChoices,
    seed: int,
    cache: Path,
    *,
    aligned: Collection[Box] = (),
    compute: Compute = Compute(),
) -> tuple[Locator, float]:
    """Train on the photos that have a box; returns the locator and its held-out mean IoU.

    Photos are moved, cut and made smaller at random. Two kinds are left as they are: photos with
    one of the boxes `aligned`, and photos that are to be taken whole. The former are crops whose
    own frame says where the box is; cut ones would teach a box too large. The latter have no
    surroundings to be distinguished from.

    Deterministic on a CPU given the seed. Raises BadCache as `cached_pixels` does, and BadNetwork.
    Needs FEWEST_BOXES boxes or more.
    """
    device, precision = compute.device or torch.device("cpu"), compute.precision
    torch.manual_seed(seed)
    locator = start_locator(choices.weights).to(device)
    boxed = [photo for photo in photos if photo.box is not None]
    boxes = torch.tensor(
        [photo.box for photo in boxed if photo.box is not None], dtype=torch.float32
    )  # (n, 4)
    pixels = cached_pixels(
        [_whole(photo) for photo in boxed], Preprocessing(LOCATOR_PX, LOCATOR_PX), cache
    )
    is_fixed = torch.tensor([photo.box in aligned or photo.box == WHOLE for photo in boxed])
    learned = np.array([at for at in range(len(boxed)) if at % HELD_OUT_EVERY], np.int64)
    if device.type == "cpu" and precision == "bf16":
        thin_strides(locator)
    steps = max(1, len(learned) // choices.batch)
    optimiser = torch.optim.AdamW(locator.parameters(), lr=choices.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, choices.rate, total_steps=steps * choices.epochs
    )
    rng = np.random.default_rng([seed, LOCATOR_PX])
    locator.train()
    with progress(
        steps * choices.epochs, f"training the locator on {len(learned)} boxes"
    ) as advance:
        for _ in range(choices.epochs):
            order = rng.permutation(learned)
            for step in range(steps):
                rows = order[step * choices.batch : (step + 1) * choices.batch]
                images, targets = augmented(_images(pixels, rows), boxes[rows], is_fixed[rows])
                with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                    found = locator(images.to(device, memory_format=torch.channels_last))
                targets = targets.to(device)
                loss = generalized_box_iou_loss(found, targets, "mean") + functional.l1_loss(
                    found, targets
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                advance(1)
    locator.eval()
    held_out = np.arange(0, len(boxed), HELD_OUT_EVERY)
    locator.to("cpu")
    with torch.inference_mode():
        found = torch.cat(
            [mean_box(locator, _images(pixels, rows)) for rows in np.array_split(held_out, steps)]
        )
    return locator, float(box_iou(found, boxes[held_out]).diagonal().mean())


def _whole(photo: LabelledPhoto) -> LabelledPhoto:
    """The same photo without its box, so that the cache holds all of it."""
    return LabelledPhoto(name=photo.name, path=photo.path, individual=photo.individual)


def _images(pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels[rows])).permute(0, 3, 1, 2).float() / 255.0


def augmented(images: Tensor, boxes: Tensor, is_fixed: Tensor) -> tuple[Tensor, Tensor]:
    """Change windows, mirroring and light at random: (n, 3, h, w), (n, 4) -> the same shapes.

    Windows of fixed photos (n,) stay.
    """
    count = len(images)
    # A window of the photo that holds the box, its left top and its size.
    cut = torch.rand(count, 4) * _MOST_CUT
    start = torch.minimum(cut[:, :2], boxes[:, :2])
    size = 1 - torch.minimum(cut[:, 2:], 1 - boxes[:, 2:]) - start
    # Some are grown beyond the photo, whose edge is repeated there: an animal far away is small in
    # its photo.
    grown = 1 + torch.rand(count, 1).square() * (_MOST_GROWN - 1) * (
        torch.rand(count, 1) < _GROWN_SHARE
    )
    start = torch.where(is_fixed[:, None], 0.0, start - torch.rand(count, 2) * (grown - 1) * size)
    size = torch.where(is_fixed[:, None], 1.0, size * grown)
    moved = (boxes - start.repeat(1, 2)) / size.repeat(1, 2)
    # affine_grid's coordinates run from -1 to 1.
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = size[:, 0], size[:, 1]
    theta[:, :, 2] = 2 * start + size - 1
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    images = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    is_mirrored = torch.rand(count) < 0.5
    images = torch.where(is_mirrored.view(-1, 1, 1, 1), images.flip(3), images)
    mirrored = torch.stack([1 - moved[:, 2], moved[:, 1], 1 - moved[:, 0], moved[:, 3]], 1)
    moved = torch.where(is_mirrored[:, None], mirrored, moved)
    light = 0.7 + 0.6 * torch.rand(count, 3, 1, 1)
    return (images * light + 0.2 * (torch.rand(count, 1, 1, 1) - 0.5)).clamp(0, 1), moved.clamp(
        0, 1
    )
