"""What an augmentation makes of photos: a sheet of a few, as they are and as batches show them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.learning.augmentation import Augmentation
from training.pixels.cache import PixelArray, cached_pixels
from training.plots import figure
from training.recipes.choices import AugmentationChoices, Recipe
from training.rehearsal.rehearsal import learned_from
from training.run.decoding import preprocessing_of
from training.run.run import BadRun

_PHOTOS, _DRAWS = 4, 7


def draw_augmentation(
    recipe: Recipe, photos: Sequence[LabelledPhoto], path: Path, *, cache: Path | None = None
) -> list[LabelledPhoto]:
    """Draw some photos, each as it is and as seven batches may show it, into a PNG; returns those
    photos.

    `cache`: decoded photos, or a pack; without it they are decoded, and forgotten.
    """
    usable = learned_from(recipe, photos)
    if not usable:
        raise BadRun("there is no photo to show an augmentation of; give labelled photos")
    rng = np.random.default_rng([recipe.seed, len(usable)])
    chosen = [usable[int(at)] for at in rng.permutation(len(usable))[:_PHOTOS]]
    given = recipe.input
    preprocessing = preprocessing_of(given)
    with tempfile.TemporaryDirectory(prefix="flukeprint-") as folder:
        pixels = np.array(cached_pixels(chosen, preprocessing, cache or Path(folder)))
    shown = changed_pixels(pixels, recipe, preprocessing)
    height_inches = 1.7 * given.height_px / given.width_px
    with figure(
        path, _DRAWS + 1, len(chosen), width_inches=1.7, height_inches=height_inches
    ) as axes:
        for at, photo in enumerate(chosen):
            row = axes[at * (_DRAWS + 1) : (at + 1) * (_DRAWS + 1)]
            for each, image in zip(row, [pixels[at], *shown[at]], strict=True):
                each.imshow(image)
                each.set(xticks=[], yticks=[])
                each.grid(visible=False)
            row[0].set_ylabel(photo.individual or "new_whale", fontsize=8)
        axes[0].set_title("as it is", fontsize=10)
        axes[1].set_title("as batches show it", fontsize=10)
        axes[0].figure.suptitle(_caption(recipe.augmentation), fontsize=12)
    return chosen


def changed_pixels(
    pixels: PixelArray, recipe: Recipe, preprocessing: Preprocessing
) -> NDArray[np.uint8]:
    """Draws of each photo: (n, h, w, 3) -> (n, 7, h, w, 3) uint8; the same for the same recipe."""
    choices = dataclasses.replace(recipe.augmentation, group=1)  # a draw of its own for each
    augmentation = Augmentation(choices, preprocessing, recipe.network.mirror)
    many = torch.from_numpy(np.repeat(pixels, _DRAWS, axis=0))
    torch.manual_seed(recipe.seed)
    images = augmentation(many, torch.rand(len(many)) < choices.flip_share)
    mean, std = (
        torch.tensor(values).view(3, 1, 1) for values in (preprocessing.mean, preprocessing.std)
    )
    back = ((images * std + mean).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return np.asarray(back.numpy(), np.uint8).reshape(len(pixels), _DRAWS, *pixels.shape[1:])


def _caption(choices: AugmentationChoices) -> str:
    return (
        f'preset "{choices.preset}": turned up to {choices.rotation_degrees:g} degrees, zoomed '
        f"{choices.zoom[0]:g} to "
        f"{choices.zoom[1]:g}, mirrored {choices.flip_share:.0%}, brightness "
        f"{choices.brightness:.0%}, erased "
        f"{choices.erase_share:.0%}"
    )
