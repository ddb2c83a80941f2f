"""Photographs of drawn whales: an individual in a pose, on a sea, in some weather, through some
camera.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demo.anatomy import HEIGHT_PX, LEFT, PX_PER_UNIT, TOP, WIDTH_PX, Individual
from demo.noise import TILE_PX, Floats, blurred, profile, sea_tile
from demo.pose import Pose
from demo.sea import Weather, paint_sea
from embedding.photos.photo import Image, from_array

_BLACK = np.array((0.035, 0.04, 0.05), np.float32)
_WHITE = np.array((0.80, 0.83, 0.84), np.float32)
_OCHRE = np.array((0.62, 0.50, 0.33), np.float32)


def photograph(
    individual: Individual,
    rng: np.random.Generator,
    width_px: int = 450,
    height_px: int = 225,
    *,
    pose: Pose | None = None,
    weather: Weather | None = None,
) -> Image:
    """Photograph the whale once: the same whale and state of `rng`, the same photo.

    Pose and weather are drawn when they are not given.
    """
    pose = pose or Pose.from_rng(rng)
    weather = weather or Weather.from_rng(rng)
    scene = paint_sea(weather, rng, width_px, height_px)
    x, y = pose.on_fluke(width_px, height_px)
    cover, skin = _lit_skin(individual, x, y, weather, rng)
    ripple = (
        (0.7 * profile(rng, width_px, 12) + 0.4 * profile(rng, width_px, 40)) * height_px * 0.015
    )
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    above_water = pose.waterline_at * height_px - rows + ripple  # pixels above the water, (h, w)
    cover = cover * np.clip(above_water + 0.5, 0, 1)
    shadow = np.exp(-np.square((above_water + 12) / 14)) * np.exp(-np.square(x / 0.5))
    scene *= (1 - 0.45 * shadow)[..., None]
    scene += cover[..., None] * (skin - scene)
    _foam(scene, x, above_water, weather, rng)
    _spray(scene, x, above_water, weather, rng)
    return from_array(_develop(scene, weather, rng))


def _lit_skin(
    individual: Individual, x: Floats, y: Floats, weather: Weather, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Look the skin up at every pixel and light it: how much whale is there (h, w), its colour (h,
    w, 3).
    """
    cover, white, ochre, chord = _sample_skin(individual, x, y)
    colour = _BLACK + white[..., None] * (_WHITE - _BLACK)
    colour += (0.85 * ochre)[..., None] * (_OCHRE - colour)
    across = np.clip(x * 2.2, -1, 1)
    towards_sun = (
        0.62 + 0.30 * weather.sun_side * across + weather.sun_height * (0.5 * chord - 0.15)
    )
    sun = np.clip(towards_sun * rng.uniform(0.7, 1.15), 0.1, 1.4)[..., None] * np.array(
        weather.sun, np.float32
    )
    sky = np.array(weather.sky, np.float32)
    colour = colour * (0.72 * sun + 0.34 * sky)
    # Wet skin mirrors the sky, most where it bends away at the edges, in streams running down.
    streams = profile(rng, x.shape[1], 60)[None, :]
    gloss = rng.uniform(0.02, 0.14) * (0.35 + np.square(1.6 * chord - 0.7)) * (1 + 0.15 * streams)
    return cover, colour + np.clip(gloss, 0, 0.35)[..., None] * sky


def _sample_skin(
    individual: Individual, x: Floats, y: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Interpolate the four layers of the skin at points of the flat fluke; off the grid all is
    0.
    """
    column, row = (x - LEFT) * PX_PER_UNIT - 0.5, (TOP - y) * PX_PER_UNIT - 0.5
    on = (column >= 0) & (column < WIDTH_PX - 1) & (row >= 0) & (row < HEIGHT_PX - 1)
    column, row = column[on], row[on]
    left, top = column.astype(np.int32), row.astype(np.int32)
    right_share, low_share = column - left, row - top
    corner = top * WIDTH_PX + left
    shares = ((1 - low_share) * (1 - right_share), (1 - low_share) * right_share)
    shares += (low_share * (1 - right_share), low_share * right_share)
    layers: list[Floats] = []
    for layer in individual.skin:
        flat, values = layer.ravel(), np.zeros(x.shape, np.float32)
        steps = (0, 1, WIDTH_PX, WIDTH_PX + 1)
        values[on] = sum(
            flat[corner + step] * share for step, share in zip(steps, shares, strict=True)
        )
        layers.append(values)
    return layers[0], layers[1], layers[2], layers[3]


def _foam(
    scene: Floats, x: Floats, above_water: Floats, weather: Weather, rng: np.random.Generator
) -> None:
    """Whiten the water where the tail goes in, in place."""
    height_px, width_px = x.shape
    amount, reach, height = rng.uniform(0.1, 1.0), rng.uniform(0.3, 0.9), rng.uniform(6, 18)
    # Steep above the line, where the splash ends, and long below it, where the water stays white.
    fall = np.where(above_water > 0, above_water / height, above_water / (-2.6 * height))
    where = np.exp(-np.square(fall)) * np.exp(-np.square(np.square(x / reach)))
    froth = _froth(rng, height_px, width_px)
    milky = np.float32(0.30) * amount * where
    white = np.clip((where * (0.55 + amount) - 0.70 + 0.42 * froth * where) * 1.2, 0, 0.95)
    light = (
        np.array(weather.sun, np.float32)
        * (np.float32(0.84) + 0.07 * np.clip(froth, -2, 1))[..., None]
    )
    scene += np.maximum(milky, white)[..., None] * (light - scene)


def _froth(rng: np.random.Generator, height_px: int, width_px: int) -> Floats:
    """Cut lacy foam out of the sea's tile at two sizes, (h, w)."""
    row, column = rng.integers(TILE_PX, size=2)
    rows, columns = np.arange(height_px)[:, None] + row, np.arange(width_px)[None, :] + column
    tile = sea_tile()
    return (
        tile[rows * 5 % TILE_PX, columns * 3 % TILE_PX]
        + 0.7 * tile[rows * 13 % TILE_PX, columns * 9 % TILE_PX]
    )


def _spray(
    scene: Floats, x: Floats, above_water: Floats, weather: Weather, rng: np.random.Generator
) -> None:
    """Throw drops around the tail and let some fall from the edge, in place."""
    height_px, width_px = int(x.shape[0]), int(x.shape[1])
    drops = int(rng.choice([20, 90, 260])) * width_px // 450
    column = np.clip(rng.normal(width_px / 2, width_px * 0.24, drops), 1, width_px - 2).astype(
        np.intp
    )
    floor = np.argmin(np.abs(above_water), axis=0)[column]
    row = np.clip(floor - np.abs(rng.normal(0, height_px * 0.09, drops)), 1, height_px - 3).astype(
        np.intp
    )
    light = (0.9 * np.array(weather.sun, np.float32))[None, :]
    share = rng.uniform(0.15, 0.8, drops).astype(np.float32)[:, None]
    for down in range(2):  # a falling drop is a short upright streak
        scene[row + down, column] += share * (light - scene[row + down, column]) / (1 + down)


def _develop(scene: Floats, weather: Weather, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn light into a camera's pixels, uint8 (h, w, 3): haze, blur, contrast, grain; one in four
    is grey.
    """
    scene += weather.haze * (np.array(weather.sky, np.float32) - scene)
    soft_px = rng.uniform(0.45, 1.1)
    scene = blurred(scene, soft_px, soft_px, 0)
    if rng.random() < 0.25:
        scene = np.repeat(scene @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, axis=2)
    exposed = np.clip(scene * rng.uniform(0.85, 1.15), 0, 1) ** np.float32(rng.uniform(0.62, 0.85))
    contrast = rng.uniform(0.9, 1.15)
    grain = rng.standard_normal(scene.shape[:2], np.float32)[..., None] * rng.uniform(0.004, 0.015)
    exposed = 0.5 + contrast * (exposed - 0.5) + grain
    return np.clip(exposed * 255 + 0.5, 0, 255).astype(np.uint8)
