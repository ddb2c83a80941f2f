"""Seeded noise for drawings: profiles of edges, patches of skin, and a tile for seas."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

# Pixels are float32 for speed; now and then a step in between is wider.
Floats = NDArray[np.floating[Any]]

TILE_PX = 1024


def blurred(values: Floats, *sigmas_px: float) -> Floats:
    """Blur by a Gaussian, one sigma for each axis (or one for all), in pixels; edges mirror."""
    from scipy import ndimage

    sigma = sigmas_px[0] if len(sigmas_px) == 1 else sigmas_px
    filtered: Any = cast(Any, ndimage).gaussian_filter(values, sigma, truncate=3.0)
    return np.asarray(filtered, np.float32)


def profile(rng: np.random.Generator, points: int, bumps: float) -> Floats:
    """Draw smooth 1-D noise of mean 0 and deviation 1 with about `bumps` bumps over its length."""
    knots = rng.standard_normal(max(int(bumps) * 2 + 4, 5)).astype(np.float32)
    fine = np.interp(np.linspace(1, len(knots) - 2, points), np.arange(len(knots)), knots).astype(
        np.float32
    )
    return _standardised(blurred(fine, points / (len(knots) * 3)))


def patches(
    rng: np.random.Generator, height_px: int, width_px: int, *, rows_px: float, columns_px: float
) -> Floats:
    """Draw smooth 2-D noise (h, w) of mean 0 and deviation 1.

    Its patches are about so many pixels high and wide.
    """
    # Drawn coarse and enlarged: a wide Gaussian over every pixel would cost ten times as much.
    down, across = max(int(rows_px / 4), 1), max(int(columns_px / 4), 1)
    coarse = rng.standard_normal((height_px // down + 4, width_px // across + 4), np.float32)
    coarse = blurred(coarse, rows_px / (2 * down), columns_px / (2 * across))
    return _standardised(_enlarged(coarse, height_px, width_px, down, across))


@cache
def sea_tile() -> Floats:
    """Make the (1024, 1024) noise that seas are cut from, ripples on swells.

    It repeats without a seam.
    """
    white = np.random.default_rng(512).standard_normal((TILE_PX, TILE_PX))
    rows, columns = np.fft.fftfreq(TILE_PX)[:, None], np.fft.rfftfreq(TILE_PX)[None, :]
    cycles = np.hypot(rows, columns) * TILE_PX
    # Power falls with frequency as on a wind sea; nothing is longer than a quarter of the tile,
    # so that no repeat is seen.
    strength = np.where(cycles < 4, 0.0, 1.0 / np.maximum(cycles, 9) ** 1.7)
    tile = _standardised(
        np.fft.irfft2(np.fft.rfft2(white) * strength, (TILE_PX, TILE_PX)).astype(np.float32)
    )
    tile.setflags(write=False)
    return tile


def _enlarged(coarse: Floats, height_px: int, width_px: int, down: int, across: int) -> Floats:
    """Interpolate linearly from the coarse grid, one axis after the other."""
    rows = np.arange(height_px, dtype=np.float32) / down + 1
    columns = np.arange(width_px, dtype=np.float32) / across + 1
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    share_down, share_across = (rows - top)[:, None], (columns - left)[None, :]
    tall = coarse[top] * (1 - share_down) + coarse[top + 1] * share_down
    return tall[:, left] * (1 - share_across) + tall[:, left + 1] * share_across


def _standardised(values: Floats) -> Floats:
    return (values - values.mean()) / max(float(values.std()), 1e-6)
