"""embedding/photos/photo.py: every kind of pixel becomes RGB."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps
import pytest

from embedding.photos.photo import (
    BadPhoto,
    photo_kind,
    read_photo,
    to_array,
)
from tests.embedding.photos.conftest import (
    RED,
    encoded,
    exif_turned,
    only_value,
    quarters,
)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
        ("LA", (77, 0), (128, 128, 128)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (128, 128, 128)),
        ("RGBA", (228, 128, 28, 128), (178, 128, 78)),  # half of the way to the grey behind
    ],
)
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_grey_and_alpha(
    file_format: str, mode: str, colour: Any, expected: tuple[int, ...]
) -> None:
    assert (
        only_value(read_photo(encoded(PIL.Image.new(mode, (5, 4), colour), file_format)))
        == expected
    )


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_a_transparent_palette_colour_shows_the_grey_behind(file_format: str) -> None:
    image = PIL.Image.new("P", (4, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1, 1, 0])
    data = encoded(image, file_format, transparency=1)
    behind = [128, 128, 128]
    assert to_array(read_photo(data))[0].tolist() == [[10, 20, 30], behind, behind, [10, 20, 30]]


def test_a_palette_with_partial_transparency_is_blended() -> None:
    image = PIL.Image.new("P", (1, 1))
    image.putpalette([228, 128, 28])
    assert only_value(read_photo(encoded(image, "PNG", transparency=bytes([128])))) == (
        178,
        128,
        78,
    )


def test_a_transparent_colour_of_rgb_shows_the_grey_behind() -> None:
    data = encoded(PIL.Image.new("RGB", (3, 3), RED), "PNG", transparency=RED)
    assert only_value(read_photo(data)) == (128, 128, 128)


def test_cmyk_becomes_rgb() -> None:
    cyan = PIL.Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert only_value(read_photo(encoded(cyan, "TIFF"))) == (0, 255, 255)
    red, green, blue = only_value(read_photo(encoded(cyan, "JPEG", quality=95)))
    assert red <= 3
    assert min(green, blue) >= 252


WIDE = np.array([[0, 257, 12850, 65535]])


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(file_format: str) -> None:
    data = encoded(PIL.Image.fromarray(WIDE.astype(np.uint16)), file_format)
    assert to_array(read_photo(data))[0].tolist() == [[v, v, v] for v in (0, 1, 50, 255)]


def test_16_bit_big_endian_tiff_is_scaled() -> None:
    data = encoded(PIL.Image.frombytes("I;16B", (4, 1), WIDE.astype(">u2").tobytes()), "TIFF")
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "I;16B"
    assert to_array(read_photo(data))[0, :, 0].tolist() == [0, 1, 50, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (WIDE.astype(np.int32), [0, 1, 50, 255]),  # white is 65,535
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),  # white is 255
        (np.array([[0, 1]], np.int32), [0, 255]),  # a mask
        (np.array([[-100, -20, 100]], np.int32), [0, 102, 255]),  # stretched
        (np.array([[0, 20_000, 100_000]], np.int32), [0, 51, 255]),  # stretched
        (np.array([[0.0, 0.2, 1.0]], np.float32), [0, 51, 255]),  # white is 1
        (np.array([[0.0, 100.4, 254.6]], np.float32), [0, 100, 255]),
        (np.array([[np.nan, 0.2, np.inf]], np.float32), [0, 51, 0]),
        (np.array([[-5.0, -5.0]], np.float32), [0, 0]),
    ],
)
def test_wider_grey_is_scaled(values: np.ndarray, expected: list[int]) -> None:
    image = read_photo(encoded(PIL.Image.fromarray(values), "TIFF"))
    assert image.mode == "RGB"
    assert to_array(image)[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("mode", "file_format", "has_alpha"),
    [
        ("RGB", "JPEG", False),
        ("L", "JPEG", False),
        ("RGBA", "PNG", True),
        ("P", "GIF", False),
        ("RGB", "TIFF", False),
    ],
)
def test_the_header_tells_the_kind(mode: str, file_format: str, has_alpha: bool) -> None:
    exif = exif_turned(6)
    options: dict[str, Any] = {} if file_format == "GIF" else {"exif": exif}
    kind = photo_kind(encoded(quarters().convert(mode), file_format, **options))
    assert (kind.file_format, kind.mode, kind.has_alpha) == (file_format, mode, has_alpha)
    assert {kind.width_px, kind.height_px} == {64, 32}
    assert kind.width_px == (32 if file_format == "TIFF" else 64)
    assert kind.orientation == (1 if file_format == "GIF" else 6)


def test_the_kind_of_what_is_no_photo_is_refused() -> None:
    with pytest.raises(BadPhoto, match="not a photo"):
        photo_kind(b"hello")
    with pytest.raises(BadPhoto, match=r"damaged|truncated|no pixels"):
        photo_kind(encoded(quarters(), "PNG")[:20])
