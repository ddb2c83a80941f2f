"""How well a photo shows its animal: sharpness, size, light, and whether it is cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding.photos.box import WHOLE
from embedding.photos.photo import Box, Image, crop, resize, rotate_image, to_array
from embedding.photos.quality import PhotoQuality

# One size for all, so that a few pixels blown up count as blurred. Flukes are about twice as wide
# as high.
_MEASURED_PX = (128, 64)
_RGB_TO_GREY = np.array([0.299, 0.587, 0.114])  # Rec. 601 luma


_SHARP = (4.5, 7.3)
"""Logs of the Laplacian's variance in grey values: where sharpness is 0, and where 1."""
_CONTRAST = (20.0, 55.0)
"""Standard deviation of grey values: where there is no contrast, and where enough."""
_BURNT_GREY = 250
_MOST_BURNT = 0.6  # the share of the box that may be burnt out before nothing is left of the light
_ENOUGH_PX = 90  # of the box's shorter side; beyond it a photo is not found more often
_BORDER = 0.01  # as near to the border as that, as a share of the photo, a box touches it
_WEIGHTS = (0.4, 0.3, 0.3)
"""Of sharpness, size and light, as they go with misses (docs/calibration.md)."""


def quality_of(image: Image, box: Box | None, quarter_turns: int = 0) -> PhotoQuality:
    """Measure a photo, in the box of its animal (None: the whole photo).

    `quarter_turns` to the left put the image upright; the box is that of the image as it came.
    """
    own = box or WHOLE
    upright = rotate_image(crop(image, own), quarter_turns)
    grey = to_array(resize(upright, *_MEASURED_PX)).astype(np.float64) @ _RGB_TO_GREY
    sharpness = _between(float(np.log1p(_laplacian(grey).var())), _SHARP)
    size = min(1.0, min(upright.width, upright.height) / _ENOUGH_PX)
    burnt = float((grey > _BURNT_GREY).mean())
    light = _between(float(grey.std()), _CONTRAST) * max(0.0, 1 - burnt / _MOST_BURNT)
    touched = sum(gap < _BORDER for gap in (own.left, own.top, 1 - own.right, 1 - own.bottom))
    parts = (sharpness, size, light)
    score = float(np.prod([part**weight for part, weight in zip(parts, _WEIGHTS, strict=True)]))
    return PhotoQuality(score, sharpness, size, light, 1 - touched / 4)


def _between(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _laplacian(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Laplacian of (h, w) grey values, edges left out: (h - 2, w - 2). Pech-Pacheco 2000."""
    middle = grey[1:-1, 1:-1]
    return grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
