"""training/learning/augmentation.py: random but repeatable, in range, and mirrored where asked."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from embedding.eager.eager_runtime import normalised
from embedding.photos.preprocessing import Preprocessing
from training.learning.augmentation import Augmentation
from training.recipes.choices import AugmentationChoices

SMALL = Preprocessing(24, 16, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.5))
NOTHING = AugmentationChoices(
    rotation_degrees=0,
    shift=0,
    zoom=(1.0, 1.0),
    shear_degrees=0,
    brightness=0,
    contrast=0,
    saturation=0,
    hue=0,
    gray_share=0,
)
STRONG = AugmentationChoices(blur_share=0.5, erase_share=0.5, gray_share=0.5, group=3)


def pixels_of(n: int = 10) -> torch.Tensor:
    return torch.randint(
        0, 256, (n, 16, 24, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )


def changed(
    choices: AugmentationChoices,
    pixels: torch.Tensor,
    mirrored: list[int] | None = None,
    seed: int = 0,
):
    torch.manual_seed(seed)
    is_mirrored = torch.zeros(len(pixels), dtype=torch.bool)
    is_mirrored[mirrored or []] = True
    return Augmentation(choices, SMALL)(pixels, is_mirrored)


def test_no_strength_changes_nothing_but_the_scale() -> None:
    pixels = pixels_of()
    torch.testing.assert_close(
        changed(NOTHING, pixels), normalised(pixels, SMALL), atol=1e-5, rtol=0
    )


def test_those_asked_for_are_mirrored_and_no_others() -> None:
    pixels = pixels_of(4)
    plain, some = changed(NOTHING, pixels), changed(NOTHING, pixels, [1, 3])
    torch.testing.assert_close(some[[1, 3]], plain[[1, 3]].flip(3))
    torch.testing.assert_close(some[[0, 2]], plain[[0, 2]])


def test_the_seed_decides_the_draw() -> None:
    pixels = pixels_of()
    assert torch.equal(changed(STRONG, pixels, seed=5), changed(STRONG, pixels, seed=5))
    assert not torch.equal(changed(STRONG, pixels, seed=5), changed(STRONG, pixels, seed=6))


@pytest.mark.parametrize("n", [1, 2, 7, 10])
def test_every_photo_comes_back_changed_within_the_range_of_colours(n: int) -> None:
    pixels = pixels_of(n)
    found = changed(dataclasses.replace(STRONG, erase_share=0.0), pixels)
    low = (0 - torch.tensor(SMALL.mean)) / torch.tensor(SMALL.std)
    high = (1 - torch.tensor(SMALL.mean)) / torch.tensor(SMALL.std)
    assert found.shape == (n, 3, 16, 24) and found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert bool((found >= low[:, None, None] - 1e-5).all()) and bool(
        (found <= high[:, None, None] + 1e-5).all()
    )
    assert bool((found - normalised(pixels, SMALL)).abs().amax((1, 2, 3)).gt(0.1).all())


def test_photos_of_one_group_share_a_draw_and_neighbours_do_not() -> None:
    pixels = pixels_of(1).repeat(6, 1, 1, 1)
    found = changed(dataclasses.replace(STRONG, group=3), pixels, seed=2)
    # 6 photos in groups of 3: rows 0, 2, 4 and rows 1, 3, 5.
    assert torch.equal(found[0], found[2]) and torch.equal(found[1], found[5])
    assert not torch.equal(found[0], found[1])


def test_a_corner_that_turns_into_view_is_the_mean_colour() -> None:
    turned = dataclasses.replace(NOTHING, zoom=(0.5, 0.5))
    found = changed(turned, torch.full((1, 16, 24, 3), 255, dtype=torch.uint8))
    assert found[0, :, 0, 0].abs().max() < 0.02  # the mean lies at 0


def test_a_vertical_mirror_turns_top_and_bottom() -> None:
    pixels, all_of_them = pixels_of(4), torch.ones(4, dtype=torch.bool)
    mirrored = Augmentation(NOTHING, SMALL, "vertical")(pixels, all_of_them)
    torch.testing.assert_close(mirrored, changed(NOTHING, pixels).flip(2))
