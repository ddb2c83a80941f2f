"""Measures of a query photo that may explain a miss: sharpness, contrast, light, box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from embedding.photos.box import WHOLE
from embedding.photos.photo import Box, Image, crop, resize, to_array

# Flukes are about twice as wide as high. One size for all, so that a few pixels blown up count as
# blurred.
_MEASURED_PX = (128, 64)
_RGB_TO_GREY = np.array([0.299, 0.587, 0.114])  # Rec. 601 luma


@dataclass(frozen=True, slots=True)
class Quality:
    """One photo's measures, of the fluke's box where there is one.

    `sharpness`: variance of the Laplacian; `contrast`: standard deviation; `brightness`: mean; all
    of grey values 0 to 255 in the box at 128 x 64 px. `box_area`: share of the photo; `box_aspect`:
    width / height in pixels; `box_iou`: overlap of the given box with the locator's, None unless
    both are known.
    """

    sharpness: float
    contrast: float
    brightness: float
    box_area: float
    box_aspect: float
    box_iou: float | None


def quality_of(
    image: Image, seen: Box | None, *, given: Box | None = None, located: Box | None = None
) -> Quality:
    """Measure a photo; `seen` is the box that was embedded, None for the whole photo."""
    box = seen or WHOLE
    grey = to_array(resize(crop(image, box), *_MEASURED_PX)).astype(np.float64) @ _RGB_TO_GREY
    width, height = box.right - box.left, box.bottom - box.top
    return Quality(
        sharpness=laplacian_variance(grey),
        contrast=float(grey.std()),
        brightness=float(grey.mean()),
        box_area=width * height,
        box_aspect=width * image.width / (height * image.height),
        box_iou=overlap(given, located) if given is not None and located is not None else None,
    )


def laplacian_variance(grey: NDArray[np.float64]) -> float:
    """Compute the variance of the Laplacian of (h, w) grey values, edges left out.

    Pech-Pacheco et al. 2000.
    """
    laplacian = cast("NDArray[np.float64]", ndimage.laplace(grey))
    return float(laplacian[1:-1, 1:-1].var())


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return shared / (areas - shared) if areas > shared else 0.0
