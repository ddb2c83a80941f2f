"""embedding/photos/quality_measures.py: blur, smallness and bad light lower the score."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from demo.anatomy import Individual
from demo.photograph import photograph
from embedding.photos.photo import Box, rotate_image
from embedding.photos.quality_measures import quality_of


@pytest.fixture
def fluke() -> Image.Image:
    return photograph(Individual.from_seed(3), np.random.default_rng(3))


def test_a_blurred_small_or_pale_photo_is_worse(fluke: Image.Image) -> None:
    good = quality_of(fluke, None)
    blurred = quality_of(fluke.filter(ImageFilter.GaussianBlur(6)), None)
    small = quality_of(fluke.resize((60, 30)), None)
    pale = quality_of(fluke.point(lambda value: 120 + value // 8), None)
    burnt = quality_of(fluke.point(lambda value: min(255, 150 + 2 * value)), None)
    assert blurred.sharpness < good.sharpness and small.size < good.size
    assert pale.light < good.light and burnt.light < good.light
    assert max(each.score for each in (blurred, small, pale, burnt)) < good.score
    assert all(0 <= part <= 1 for part in (good.score, blurred.score, burnt.light))


def test_a_blank_photo_has_no_quality_and_nan_never_comes() -> None:
    blank = quality_of(Image.new("RGB", (1, 1), "white"), None)
    assert (blank.score, blank.sharpness, blank.light) == (0, 0, 0)


def test_a_cut_animal_is_told_by_its_box(fluke: Image.Image) -> None:
    whole = quality_of(fluke, Box(0.1, 0.1, 0.9, 0.9))
    cut = quality_of(fluke, Box(0.0, 0.1, 0.5, 0.9))
    assert (whole.wholeness, cut.wholeness) == (1.0, 0.75)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_is_measured_upright(fluke: Image.Image, turns: int) -> None:
    upright = quality_of(fluke, None)
    lying = quality_of(rotate_image(fluke, 4 - turns), None, turns)
    assert lying == upright
