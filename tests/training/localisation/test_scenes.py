"""training/localisation/scenes.py: where the bright animal went, its box went too."""

from __future__ import annotations

import numpy as np
import pytest

from embedding.photos.box import WHOLE, Box
from embedding.photos.photo import from_array
from training.localisation.scenes import BoxedPicture, SceneComposer

PX = 64


def picture(box: Box, *, is_fixed: bool = False) -> BoxedPicture:
    """A dark picture with a bright animal in its box."""
    pixels = np.full((60, 80, 3), 40, np.uint8)
    pixels[
        round(60 * box.top) : round(60 * box.bottom), round(80 * box.left) : round(80 * box.right)
    ] = 220
    return BoxedPicture(from_array(pixels), box, is_fixed)


@pytest.fixture
def composer() -> SceneComposer:
    boxes = [Box(0.3, 0.4, 0.7, 0.6), Box(0.2, 0.5, 0.6, 0.8), Box(0.4, 0.2, 0.8, 0.5)]
    return SceneComposer([[picture(box) for box in boxes]], [], PX)


def test_boxes_hold_what_is_bright(composer: SceneComposer) -> None:
    counts: list[int] = []
    is_bright: list[bool] = []
    for seed in range(60):
        scene = composer.scene(np.random.default_rng(seed))
        assert scene.pixels.shape == (PX, PX, 3) and scene.pixels.dtype == np.uint8
        counts.append(len(scene.boxes))
        grey = scene.pixels.mean(2)
        for left, top, right, bottom in scene.boxes:
            assert 0 <= left < right <= 1.001 and 0 <= top < bottom <= 1.001
            inside = grey[
                int((top + (bottom - top) / 3) * PX) : int((bottom - (bottom - top) / 3) * PX) + 1,
                int((left + (right - left) / 3) * PX) : int((right - (right - left) / 3) * PX) + 1,
            ]
            is_bright.append(bool(inside.mean() > grey.mean()))
    assert np.mean(is_bright) > 0.95  # noise may hide a thin one
    assert {0, 1, 2} <= set(counts) and max(counts) <= 5


def test_the_same_numbers_draw_the_same_scene(composer: SceneComposer) -> None:
    one, other = (composer.scene(np.random.default_rng([7, 3])) for _ in range(2))
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_a_fixed_picture_is_taken_whole_and_never_put_elsewhere() -> None:
    composer = SceneComposer([[picture(WHOLE, is_fixed=True)]], [], PX)
    for seed in range(30):
        boxes = composer.scene(np.random.default_rng(seed)).boxes
        sides = (boxes[:, 2:] - boxes[:, :2]).round(5)
        assert set(sides.ravel().tolist()) <= {1.0, 0.5}
