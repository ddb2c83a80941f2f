"""training/rehearsal/augmentation_sheet.py: a sheet of what batches show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.recipes.choices import Recipe
from training.rehearsal.augmentation_sheet import changed_pixels, draw_augmentation
from training.run.run import BadRun

Fast = Callable[..., Recipe]
PIXELS = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
SMALL = Preprocessing(32, 32)


def test_a_sheet_is_drawn_of_four_photos_that_are_learned_from(
    fast: Fast, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    chosen = draw_augmentation(fast("augmentation.preset=strong"), whales, tmp_path / "sheet.png")
    assert len({photo.name for photo in chosen}) == 4
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_nothing_changed_is_the_photo_itself_seven_times(fast: Fast) -> None:
    shown = changed_pixels(PIXELS, fast("augmentation.preset=none"), SMALL)
    assert shown.shape == (2, 7, 32, 32, 3)
    assert np.abs(shown.astype(int) - PIXELS[:, None]).max() <= 1


def test_draws_differ_and_repeat_themselves(fast: Fast) -> None:
    shown = changed_pixels(PIXELS, fast(), SMALL)
    assert np.array_equal(shown, changed_pixels(PIXELS, fast(), SMALL))
    assert all(not np.array_equal(shown[0, 0], shown[0, at]) for at in range(1, 7))


def test_a_mirrored_photo_is_mirrored(fast: Fast) -> None:
    shown = changed_pixels(
        PIXELS, fast("augmentation.preset=none", "augmentation.flip_share=1.0"), SMALL
    )
    assert np.abs(shown[0, 0].astype(int) - PIXELS[0, :, ::-1]).max() <= 1


def test_no_photos_make_no_sheet(fast: Fast, tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="no photo to show"):
        draw_augmentation(fast("data.hold_out_test=false"), [], tmp_path / "sheet.png")
