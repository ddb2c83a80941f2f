"""Training the aligner on photos with a body part's four corners marked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from embedding.checkpoint import save_halved
from embedding.errors import FlukeprintError
from embedding.networks.aligner import ALIGNER_PX, Aligner
from embedding.networks.backbone import BadNetwork
from embedding.networks.coordinate_regressor import REGRESSOR_BACKBONE
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.learning.first_weights import ALIGNER_FORMAT, regressor_backbone
from training.pixels.cache import PixelArray, cached_pixels

CORNERS = ("left_top", "right_top", "right_bottom", "left_bottom")
COLUMNS = ("photo", *(f"{corner}_{axis}" for corner in CORNERS for axis in "xy"))
FEWEST_CORNERED = 50  # photos; with fewer, "the middle of the photo" is learned and nothing else
_HELD_OUT_EVERY = 10  # every tenth photo measures and isn't learned from
_BATCH = 32
_RATE, _HEAD_FACTOR = 0.001, 3.0
_MOST_TURNED, _MOST_ZOOMED, _MOST_SQUEEZED, _MOST_MOVED = (
    0.3,
    0.2,
    0.1,
    0.12,
)  # radians, logs of scale, half photos
_FRAME = torch.tensor(
    [[-1.0, -1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]]
)  # in CORNERS' order


class BadCorners(FlukeprintError):
    """A file of corners that can't be read, or that marks too few of the photos."""


@dataclass(frozen=True, slots=True)
class CorneredPhoto:
    """A photo with its body part's corners (4, 2).

    x and y are shares of the photo's width and height, in the order of COLUMNS.
    """

    photo: LabelledPhoto
    corners: tuple[tuple[float, float], ...]


def read_corners(path: Path, folder: Path) -> list[CorneredPhoto]:
    """Read a CSV of COLUMNS, whose photos lie in `folder`.

    Raises BadCorners naming the first bad row.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise BadCorners(
                    f"{path} has no column {missing[0]}; needed are {','.join(COLUMNS)}"
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadCorners(f"{path} can't be read as a CSV of corners: {error}") from error
    found: dict[str, CorneredPhoto] = {}
    for number, row in enumerate(rows, start=2):
        name = row["photo"] or ""  # None where the row ends before
        if name in found:
            raise BadCorners(
                f"{path}, line {number}: the photo {name} stands there a second time; leave one "
                "of the rows"
            )
        corners = _corners(path, number, row)
        file = folder / name
        if not name or not file.is_file():
            raise BadCorners(f"{path}, line {number}: there is no photo {name} in {folder}")
        found[name] = CorneredPhoto(LabelledPhoto(name, file, None), corners)
    if len(found) < FEWEST_CORNERED:
        raise BadCorners(f"{path} marks {len(found)} photos; at least {FEWEST_CORNERED} are needed")
    return list(found.values())


def _corners(path: Path, number: int, row: dict[str, str]) -> tuple[tuple[float, float], ...]:
    try:
        values = [float(row[name]) for name in COLUMNS[1:]]
    except (TypeError, ValueError) as error:
        raise BadCorners(
            f"{path}, line {number}: {error}; needed are eight shares of the photo's sides"
        ) from error
    if not all(-1 <= value <= 2 for value in values):
        raise BadCorners(
            f"{path}, line {number}: {min(values)} to {max(values)}; corners are shares of the "
            "photo's sides, 0 to 1 "
            "(a little outside where the body part is cut off), not pixels or percent"
        )
    places = np.array(values).reshape(4, 2)
    if (
        places[[1, 2], 0].mean() <= places[[0, 3], 0].mean()
        or places[[2, 3], 1].mean() <= places[[0, 1], 1].mean()
    ):
        raise BadCorners(
            f"{path}, line {number}: left is not left of right, or top not above bottom, in the "
            "photo"
        )
    return tuple((float(x), float(y)) for x, y in places)


def train_aligner(
    photos: Sequence[CorneredPhoto],
    epochs: int,
    seed: int,
    cache: Path,
    *,
    weights: str = "pretrained",
) -> tuple[Aligner, float]:
    """Train on photos with corners; returns the aligner and its error on held-out photos.

    That is the mean distance of found and marked corners, as a share of the photo's sides. Photos
    are turned, zoomed, squeezed, moved, mirrored and lit at random. `weights`: of the backbone, as
    in a recipe's [network]; "pretrained" or a file. Deterministic on a CPU given the seed. Raises
    BadCache as `cached_pixels` does, and BadNetwork.
    """
    torch.manual_seed(seed)
    try:
        backbone = regressor_backbone(weights)
    except BadNetwork as error:
        if weights != "pretrained":
            raise
        raise BadNetwork(
            f"the ImageNet weights of {REGRESSOR_BACKBONE} could not be fetched. Without network "
            "give --weights FILE (a "
            "timm state dict of that backbone), or --weights random, which learns less from few "
            "photos"
        ) from error
    aligner = Aligner(backbone)
    pixels = cached_pixels(
        [one.photo for one in photos], Preprocessing(ALIGNER_PX, ALIGNER_PX), cache
    )
    marked = torch.tensor([one.corners for one in photos])  # (n, 4, 2)
    learned = np.array([at for at in range(len(photos)) if at % _HELD_OUT_EVERY], np.int64)
    optimiser = _optimiser(aligner)
    steps = max(1, len(learned) // _BATCH)
    rates = [group["lr"] for group in optimiser.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=steps * epochs)
    rng = np.random.default_rng([seed, ALIGNER_PX])
    aligner.train()
    with progress(steps * epochs, f"training the aligner on {len(learned)} photos") as advance:
        for _ in range(epochs):
            order = rng.permutation(learned)
            for step in range(steps):
                rows = order[step * _BATCH : (step + 1) * _BATCH]
                images, targets = _augmented(_images(pixels, rows), marked[rows])
                loss = functional.smooth_l1_loss(
                    _predicted_corners(aligner, images), targets, beta=0.05
                )
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(aligner.parameters(), 5.0)
                optimiser.step()
                schedule.step()
                advance(1)
    aligner.eval()
    held_out = np.arange(0, len(photos), _HELD_OUT_EVERY)
    with torch.inference_mode():
        errors = (
            (_predicted_corners(aligner, _images(pixels, held_out)) - marked[held_out])
            .square()
            .sum(2)
            .sqrt()
        )
    return aligner, float(errors.mean())


def write_aligner(path: Path, aligner: Aligner, error: float) -> None:
    """Write what a recipe's `network.aligner` names: fp16 safetensors. Raises CannotWrite."""
    save_halved(path, aligner.state_dict(), {"format": ALIGNER_FORMAT, "error": f"{error:.4f}"})


def _optimiser(aligner: Aligner) -> torch.optim.Optimizer:
    head = [*aligner.head.parameters(), *aligner.last.parameters()]
    return torch.optim.AdamW(
        [
            {"params": list(aligner.features.parameters()), "lr": _RATE},
            {"params": head, "lr": _RATE * _HEAD_FACTOR},
        ],
        weight_decay=0.02,
    )


def _predicted_corners(aligner: Aligner, images: Tensor) -> Tensor:
    """Where the corners are by the aligner: (n, 4, 2), as shares of the photo's sides."""
    return (_FRAME @ aligner(images).transpose(1, 2) + 1) / 2


def _images(pixels: PixelArray, rows: NDArray[np.int64]) -> Tensor:
    return (
        torch.from_numpy(np.ascontiguousarray(pixels[rows])).permute(0, 3, 1, 2).float() / 127.5 - 1
    )


def _augmented(images: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Other poses, mirror images and light: (n, 3, h, w), (n, 4, 2) -> the same shapes."""
    count = len(images)
    turned = _uniform(count) * _MOST_TURNED
    across = (_uniform(count) * _MOST_ZOOMED).exp()
    down = across * (_uniform(count) * _MOST_SQUEEZED).exp()
    is_mirrored = torch.rand(count) < 0.5
    side = torch.where(is_mirrored, -1.0, 1.0)
    # Takes places in the changed image to places in the photo.
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = side * across * turned.cos(), -across * turned.sin()
    theta[:, 1, 0], theta[:, 1, 1] = side * down * turned.sin(), down * turned.cos()
    theta[:, :, 2] = torch.stack([_uniform(count), _uniform(count)], 1) * _MOST_MOVED
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    images = functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
    offsets = (2 * corners - 1 - theta[:, None, :, 2]).transpose(1, 2)  # (n, 2, 4)
    moved = (
        cast(Tensor, cast(Any, torch.linalg).solve(theta[:, :, :2], offsets)).transpose(1, 2) + 1
    ) / 2
    moved = torch.where(
        is_mirrored.view(-1, 1, 1), moved[:, [1, 0, 3, 2]], moved
    )  # the left one is now the right
    light = 0.7 + 0.6 * torch.rand(count, 1, 1, 1)
    return images * light + 0.3 * (torch.rand(count, 3, 1, 1) - 0.5), moved


def _uniform(count: int) -> Tensor:
    """(n,) draws from -1 to 1."""
    return torch.rand(count) * 2 - 1
