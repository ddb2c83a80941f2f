"""Pictures in the formats that photos come in."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps

from embedding.photos.photo import (
    to_array,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: PIL.Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def quarters(width_px: int = 64, height_px: int = 32) -> PIL.Image.Image:
    """Red, green over blue, white: no two orientations look alike."""
    pixels = np.zeros((height_px, width_px, 3), np.uint8)
    half_h, half_w = height_px // 2, width_px // 2
    pixels[:half_h, :half_w], pixels[:half_h, half_w:] = RED, GREEN
    pixels[half_h:, :half_w], pixels[half_h:, half_w:] = BLUE, WHITE
    return PIL.Image.fromarray(pixels)


def exif_turned(orientation: int) -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return exif


# ------------------------------------------------------------------------------------------ pixel
# kinds


def only_value(image: PIL.Image.Image) -> tuple[int, ...]:
    """The one colour that the whole image has."""
    colours = np.unique(to_array(image).reshape(-1, 3), axis=0)
    assert len(colours) == 1
    return tuple(int(value) for value in colours[0])
