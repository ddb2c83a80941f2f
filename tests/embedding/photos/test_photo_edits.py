"""embedding/photos/photo.py: arrays, crops and smaller sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps
import pytest

from embedding.photos.photo import (
    Box,
    crop,
    from_array,
    read_photo,
    resize,
    save_jpeg,
    thumbnail,
    to_array,
)
from tests.embedding.photos.conftest import only_value, quarters

# ------------------------------------------------------------------------------------------------
# pixels


def test_arrays_there_and_back(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (3, 5, 3)).astype(np.uint8)
    image = from_array(pixels)
    assert image.size == (5, 3)
    copy = to_array(image)
    assert copy.flags.writeable
    np.testing.assert_array_equal(copy, pixels)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_other_arrays_are_refused(pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"pixels must be \(h, w, 3\) uint8, not \(4, 4"):
        from_array(pixels)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(0, 0, 1, 1), (0, 10, 0, 20)),
        (Box(0.25, 0.1, 0.75, 0.5), (1, 5, 5, 15)),
        (Box(0.5, 0.5, 0.5, 0.5), (5, 6, 10, 11)),  # never less than a pixel
        (Box(1, 1, 1, 1), (9, 10, 19, 20)),
        (Box(-0.5, -0.5, 1.5, 1.5), (0, 10, 0, 20)),  # never beyond the image
    ],
)
def test_crop(box: Box, expected: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (10, 20, 3)).astype(np.uint8)
    top, bottom, left, right = expected
    np.testing.assert_array_equal(
        to_array(crop(from_array(pixels), box)), pixels[top:bottom, left:right]
    )


def test_resize_keeps_what_is_even_and_has_the_size_asked() -> None:
    small = resize(PIL.Image.new("RGB", (640, 200), (9, 80, 200)), 31, 17)
    assert small.size == (31, 17)
    assert only_value(small) == (9, 80, 200)


@pytest.mark.parametrize(
    ("size", "expected"), [((400, 100), (100, 25)), ((100, 400), (25, 100)), ((60, 40), (60, 40))]
)
def test_thumbnail_shrinks_only(size: tuple[int, int], expected: tuple[int, int]) -> None:
    image = PIL.Image.new("RGB", size)
    assert thumbnail(image, 100).size == expected
    assert image.size == size


def test_save_jpeg_can_be_read_back(tmp_path: Path) -> None:
    save_jpeg(quarters(), tmp_path / "a.jpg", quality=95)
    assert (tmp_path / "a.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert (
        abs(to_array(read_photo(tmp_path / "a.jpg")).astype(int) - np.asarray(quarters())).mean()
        < 5
    )
