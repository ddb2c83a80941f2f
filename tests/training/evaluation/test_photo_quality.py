"""training/evaluation/photo_quality.py: measures of photos whose sharpness, contrast, light and
boxes are known.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from embedding.photos.photo import Box
from training.evaluation.photo_quality import laplacian_variance, overlap, quality_of

WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def grey(value: int, width_px: int = 128, height_px: int = 64) -> Image.Image:
    return Image.new("RGB", (width_px, height_px), (value, value, value))


def checkered(cell_px: int) -> Image.Image:
    rows, columns = np.indices((64, 128)) // cell_px
    return Image.fromarray(
        np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    )


def test_a_plain_photo_has_light_and_nothing_else() -> None:
    quality = quality_of(grey(90), None)
    assert quality.brightness == pytest.approx(90) and quality.contrast == pytest.approx(
        0, abs=1e-9
    )
    assert quality.sharpness == pytest.approx(0, abs=1e-9)
    assert (quality.box_area, quality.box_aspect, quality.box_iou) == (1.0, 2.0, None)


def test_the_laplacian_s_variance_is_that_of_a_naive_loop(rng: np.random.Generator) -> None:
    pixels = rng.normal(size=(7, 9))
    naive = [
        pixels[y - 1, x] + pixels[y + 1, x] + pixels[y, x - 1] + pixels[y, x + 1] - 4 * pixels[y, x]
        for y in range(1, 6)
        for x in range(1, 8)
    ]
    assert laplacian_variance(pixels) == pytest.approx(np.var(naive))


def test_blurring_and_too_few_pixels_cost_sharpness() -> None:
    sharp = checkered(4)
    blurred = sharp.filter(ImageFilter.GaussianBlur(2))
    few = sharp.resize((32, 16))
    measured = [quality_of(one, None).sharpness for one in (sharp, blurred, few)]
    assert measured[0] > 10 * measured[1] and measured[0] > 10 * measured[2]


def test_contrast_is_the_deviation_of_grey() -> None:
    assert quality_of(checkered(32), None).contrast == pytest.approx(127.5, rel=0.01)


def test_only_what_is_in_the_box_is_measured() -> None:
    photo = grey(200, 100, 100)
    photo.paste((40, 40, 40), (0, 0, 50, 25))
    quality = quality_of(photo, Box(0.0, 0.0, 0.5, 0.25))
    assert quality.brightness == pytest.approx(40) and quality.contrast == pytest.approx(
        0, abs=1e-9
    )
    assert quality.box_area == pytest.approx(0.125) and quality.box_aspect == pytest.approx(2)
    assert quality_of(photo, None).brightness > 150


def test_boxes_overlap_by_intersection_over_union() -> None:
    assert overlap(WHOLE, WHOLE) == 1
    assert overlap(WHOLE, Box(0.0, 0.0, 0.5, 1.0)) == pytest.approx(0.5)
    assert overlap(Box(0.0, 0.0, 0.6, 1.0), Box(0.4, 0.0, 1.0, 1.0)) == pytest.approx(0.2)
    assert overlap(Box(0.0, 0.0, 0.4, 1.0), Box(0.5, 0.5, 1.0, 1.0)) == 0
    assert overlap(Box(0.5, 0.5, 0.5, 0.5), Box(0.5, 0.5, 0.5, 0.5)) == 0


def test_the_located_box_is_compared_where_both_are_known() -> None:
    located = Box(0.0, 0.0, 0.5, 1.0)
    assert quality_of(grey(9), located, given=WHOLE, located=located).box_iou == pytest.approx(0.5)
    assert quality_of(grey(9), located, located=located).box_iou is None
    assert quality_of(grey(9), WHOLE, given=WHOLE).box_iou is None
