"""Weather, light and the sea behind a fluke."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.noise import TILE_PX, Floats, sea_tile

Colour = tuple[float, float, float]

# Sky, deep water and sunlight of five kinds of day: clear, bright haze, overcast, low sun, steel.
_DAYS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((0.62, 0.76, 0.92), (0.04, 0.17, 0.33), (1.06, 1.02, 0.94)),
    ((0.80, 0.85, 0.90), (0.16, 0.30, 0.42), (1.0, 0.99, 0.96)),
    ((0.68, 0.70, 0.72), (0.20, 0.25, 0.27), (0.86, 0.88, 0.90)),
    ((0.88, 0.76, 0.66), (0.11, 0.17, 0.25), (1.12, 0.96, 0.80)),
    ((0.56, 0.60, 0.66), (0.08, 0.13, 0.17), (0.88, 0.91, 0.95)),
)


@dataclass(frozen=True)
class Weather:
    """The light and the water of one photo; colours are linear RGB, about 0 to 1."""

    sky: Colour
    water: Colour
    sun: Colour
    sun_side: float  # -1 from the left, 1 from the right
    sun_height: float  # 0 at the horizon, 1 overhead
    horizon: float  # share of the photo's height; negative when it is above the frame
    chop: float  # 0 a mirror, 1 breaking waves
    wave_px: float  # tile pixels to a photo's pixel at its foot
    haze: float

    @classmethod
    def from_rng(cls, rng: np.random.Generator) -> Weather:
        """Draw a day at sea."""
        sky, water, sun = _DAYS[rng.integers(len(_DAYS))]
        tint = rng.normal(0, 0.03, 3)
        return cls(
            sky=_tinted(sky, tint),
            water=_tinted(water, tint),
            sun=sun,
            sun_side=float(rng.uniform(-1, 1)),
            sun_height=float(rng.uniform(0.15, 0.9)),
            horizon=float(rng.uniform(0.04, 0.42))
            if rng.random() < 0.5
            else -float(rng.uniform(0.2, 1.5)),
            chop=float(rng.uniform(0.25, 1.0)),
            wave_px=float(rng.uniform(0.7, 1.7)),
            haze=float(rng.uniform(0.0, 0.16)),
        )


def paint_sea(weather: Weather, rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    """Paint sky and water without a whale, (h, w, 3)."""
    down = (np.arange(height_px, dtype=np.float32) + 0.5) / height_px
    near = np.clip(
        (down - weather.horizon) / (1 - weather.horizon), 0, 1
    )  # 0 at the horizon, 1 at the foot
    waves = _waves(weather, rng, near, width_px)
    facing = np.diff(
        waves, axis=0, append=waves[-1:]
    )  # the near side of a wave mirrors less of the sky
    facing *= 1 / max(float(facing.std()), 1e-6)
    mirrored = (0.20 + 0.5 * (1 - near[:, None]) ** 3) + weather.chop * (
        0.13 * facing + 0.12 * waves
    )
    sky, water = np.array(weather.sky, np.float32), np.array(weather.water, np.float32)
    sea = water + np.clip(mirrored, 0, 1.1)[..., None] * (sky - water)
    caps = np.clip(waves * 1.1 + 0.8 * facing - (4.6 - 1.7 * weather.chop), 0, 1) * near[:, None]
    sea += (0.9 * caps)[..., None] * (np.float32(0.95) * np.array(weather.sun, np.float32) - sea)
    sea += (_glitter(weather, waves, facing) * near[:, None])[..., None] * np.array(
        weather.sun, np.float32
    )
    above = np.clip((weather.horizon - down) * height_px + 0.5, 0, 1)[:, None, None]
    return sea + above * (_sky(weather, down) - sea)


def _waves(weather: Weather, rng: np.random.Generator, near: Floats, width_px: int) -> Floats:
    """Cut waves from the tile in perspective, (h, w): small and flat at the horizon, broad at the
    foot.
    """
    tile = sea_tile()
    far = 1 / (near + 0.22)
    left, start = rng.integers(TILE_PX, size=2)
    across = np.arange(width_px, dtype=np.float32) - width_px / 2
    flip = 1 if rng.random() < 0.5 else -1
    columns = (flip * across[None, :] * (far * weather.wave_px * 0.62)[:, None]).astype(
        np.int32
    ) + left
    # Rows are the integral of the perspective scale, so that waves are flattened towards the
    # horizon.
    rows = np.cumsum(far * weather.wave_px * 2.0).astype(np.int32) + start
    large = tile[rows[:, None] % TILE_PX, columns % TILE_PX]
    small = tile[(rows[:, None] * 3 + 77) % TILE_PX, (columns * 2 + 311) % TILE_PX]
    return 0.75 * large + 0.5 * small


def _glitter(weather: Weather, waves: Floats, facing: Floats) -> Floats:
    """Place the sun's sparks under the side it stands on, (h, w)."""
    across = np.linspace(-1, 1, waves.shape[1], dtype=np.float32)
    path = np.exp(-np.square((across - weather.sun_side) / 0.7)) * (
        0.25 + 0.75 * (1 - weather.sun_height)
    )
    return np.clip((facing * 0.8 + waves * 0.5 - 1.3) * 0.7, 0, 0.8) * path * weather.chop


def _sky(weather: Weather, down: Floats) -> Floats:
    """Shade the sky from its colour above to near white at the horizon, (h, 1, 3)."""
    pale = np.exp(-np.maximum(weather.horizon - down, 0) * 5)[:, None, None]
    sky = np.array(weather.sky, np.float32)
    return sky + 0.45 * pale * (np.float32(0.95) - sky)


def _tinted(colour: Colour, tint: np.ndarray) -> Colour:
    red, green, blue = (
        float(np.clip(part * (1 + by), 0.01, 1.1)) for part, by in zip(colour, tint, strict=True)
    )
    return red, green, blue
