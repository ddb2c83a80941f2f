"""One drawn whale: the outline, pigment and scars of its fluke, laid flat; all follows from its
seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from demo.noise import Floats, blurred, patches, profile

# The flat fluke lies on a grid in half-spans: tips at x = -1 and 1, the notch near (0, 0), y
# upward.
PX_PER_UNIT = 250
LEFT, TOP = -1.08, 0.32
WIDTH_PX, HEIGHT_PX = 540, 300

# Knots of the trailing edge (upper, from notch to tip) and the leading edge (lower, from tail stock
# to tip).
_TRAILING_X = (0.0, 0.05, 0.16, 0.40, 0.66, 0.86, 0.96, 1.0)
_TRAILING_Y = (-0.09, -0.01, 0.05, 0.07, 0.03, 0.005, 0.035, 0.05)
_LEADING_X = (0.0, 0.08, 0.22, 0.45, 0.70, 0.86, 0.94, 0.985, 1.0)
_LEADING_Y = (-0.47, -0.46, -0.41, -0.33, -0.245, -0.175, -0.115, -0.05, 0.05)

# How white a whale is, from all white to all black, and how common that is.
_WHITENESS = (1.6, 0.75, 0.1, -0.6, -1.6)
_WHITENESS_SHARES = (0.14, 0.25, 0.25, 0.22, 0.14)


class Skin(NamedTuple):
    """What is on the flat grid, each (HEIGHT_PX, WIDTH_PX), 0 to 1."""

    cover: Floats  # how much of the pixel is whale
    white: Floats  # pigment, black to white
    ochre: Floats  # barnacles and their crust
    chord: Floats  # 0 at the leading edge, 1 at the trailing edge: the light follows it


@dataclass(frozen=True, eq=False)
class Individual:
    """The anatomy of one drawn whale: the same seed is the same whale."""

    seed: int
    skin: Skin

    @classmethod
    def from_seed(cls, seed: int) -> Individual:
        """Draw the whale of this seed; neighbouring seeds are as different as any two."""
        rng = np.random.default_rng([seed, 0xF1])
        x, y = grid()
        trailing, leading = _edges(rng)
        inside, chord = _inside(x, y, trailing, leading)
        cover = np.clip(0.5 + inside * PX_PER_UNIT * 0.7, 0, 1)
        white = _pigment(rng, x, inside, chord)
        marks, crust = _scars(rng), _barnacles(rng, trailing, leading)
        # A scar is pale on black skin and dark on white skin.
        white = np.clip(white + marks * np.where(white < 0.5, 0.75, -0.7), 0, 1)
        layers = (cover, white, np.clip(crust, 0, 1), np.clip(chord, 0, 1))
        return cls(seed, Skin(*(np.ascontiguousarray(layer, np.float32) for layer in layers)))


def grid() -> tuple[Floats, Floats]:
    """Give x (1, w) and y (h, 1) of the flat grid's pixels, in half-spans."""
    x = LEFT + (np.arange(WIDTH_PX, dtype=np.float32) + 0.5) / PX_PER_UNIT
    y = TOP - (np.arange(HEIGHT_PX, dtype=np.float32) + 0.5) / PX_PER_UNIT
    return x[None, :], y[:, None]


def _edges(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the heights of the trailing and the leading edge over every column of the grid, each
    (w,).
    """
    x = grid()[0][0]
    trailing, leading = np.empty_like(x), np.empty_like(x)
    fullness, notch, swoop = (
        rng.uniform(0.78, 1.25),
        rng.uniform(0.4, 1.8),
        rng.normal(0, 0.022, len(_TRAILING_X)),
    )
    leading_shift = rng.normal(0, 0.014, len(_LEADING_X)) * np.array(
        [0, 0, 1, 1, 1, 0.7, 0.3, 0, 0]
    )
    trailing_y = np.array(_TRAILING_Y) + swoop * np.array([0, 0.5, 1, 1.4, 1.4, 0.8, 0, 0])
    trailing_y[0] *= notch
    leading_y = np.array(_LEADING_Y) * fullness + leading_shift
    leading_y[-1] = trailing_y[-1]
    teeth, roughness = rng.uniform(12, 36), rng.uniform(0.002, 0.014)
    for side in (x < 0, x >= 0):
        out = np.minimum(np.abs(x[side]), 1.0)
        upper, lower = _through(out, _TRAILING_X, trailing_y), _through(out, _LEADING_X, leading_y)
        notched = np.where(out < 0.05, upper, blurred(upper, 5))
        trailing[side] = notched + _serration(rng, out, teeth, roughness)
        leading[side] = blurred(lower, 4) + 0.004 * profile(rng, out.size, 9)
    return trailing, leading


def _through(out: Floats, knots_x: tuple[float, ...], knots_y: Floats) -> Floats:
    """Interpolate an edge through its knots at distances from the notch, (w,)."""
    heights: Any = np.interp(out, knots_x, knots_y)
    return np.asarray(heights, np.float32)


def _serration(rng: np.random.Generator, out: Floats, teeth: float, roughness: float) -> Floats:
    """Draw one lobe's trailing edge: teeth that grow towards the tip, and a few bites, as heights
    (w,).
    """
    jagged = roughness * (
        np.abs(profile(rng, out.size, teeth)) + 0.5 * profile(rng, out.size, teeth * 2.2)
    )
    waves = 0.008 * profile(rng, out.size, 6)
    heights = (jagged + waves) * np.clip(out * 2.5, 0, 1) * np.clip((1.0 - out) * 12, 0, 1)
    for _ in range(rng.poisson(1.1)):
        centre, depth, width = (
            rng.uniform(0.15, 0.93),
            rng.uniform(0.02, 0.085),
            rng.uniform(0.012, 0.04),
        )
        heights = heights - depth * np.clip(1 - np.abs(out - centre) / width, 0, 1)
    return heights.astype(np.float32)


def _inside(x: Floats, y: Floats, trailing: Floats, leading: Floats) -> tuple[Floats, Floats]:
    """Measure how deep inside the outline each pixel is (negative outside), and its chord, (h,
    w).
    """
    steep = np.sqrt(1 + np.square(np.gradient(trailing) * PX_PER_UNIT))
    steep_below = np.sqrt(1 + np.square(np.gradient(leading) * PX_PER_UNIT))
    fluke = np.minimum((trailing - y) / steep, (y - leading) / steep_below)
    fluke = np.minimum(fluke, 1.0 - np.abs(x))
    # The tail stock widens downwards, out of the water's way or into it.
    stock = np.minimum(0.085 + 0.35 * np.maximum(-0.36 - y, 0) - np.abs(x), -0.2 - y)
    chord = (y - leading) / np.maximum(trailing - leading, 0.02)
    return np.maximum(fluke, stock), chord


def _pigment(rng: np.random.Generator, x: Floats, inside: Floats, chord: Floats) -> Floats:
    """Draw the black and white of the skin, (h, w): broad mottled patches, dark margins, a dark
    middle.
    """
    shape = (HEIGHT_PX, WIDTH_PX)
    whiteness = float(rng.choice(_WHITENESS, p=_WHITENESS_SHARES)) + rng.normal(0, 0.22)
    broad = patches(rng, *shape, rows_px=rng.uniform(24, 60), columns_px=rng.uniform(25, 80))
    # Both lobes of one whale resemble each other without being mirror images.
    broad = 0.8 * broad + 0.45 * broad[:, ::-1]
    mottle = patches(rng, *shape, rows_px=3, columns_px=4)
    streaks = _fanned(patches(rng, *shape, rows_px=16, columns_px=3.5), rng.uniform(0.3, 0.9))
    middle = rng.uniform(1.0, 2.6) * np.exp(-np.square(x / rng.uniform(0.13, 0.42)))
    margin = rng.uniform(0.8, 3.5) * np.exp(-np.clip(inside, 0, 1) / rng.uniform(0.012, 0.04))
    slant = rng.normal(0, 0.9) * (np.clip(chord, 0, 1) - 0.5) + rng.normal(0, 0.8) * (
        np.abs(x) - 0.5
    )
    field = (
        1.15 * broad
        + 0.28 * mottle
        + rng.uniform(0.1, 0.32) * streaks
        + slant
        + whiteness
        - margin
        - middle
    )
    soft = 1 / (1 + np.exp(-field * rng.uniform(2.5, 7.0)))
    return (0.04 + 0.9 * soft * (1 + 0.06 * mottle)).astype(np.float32)


def _fanned(streaks: Floats, lean: float) -> Floats:
    """Lean upright streaks outwards on both lobes, as pigment follows the fibres of the skin, (h,
    w).
    """
    rows, columns = np.arange(HEIGHT_PX)[:, None], np.arange(WIDTH_PX)[None, :]
    outwards = np.where(columns < WIDTH_PX // 2, 1, -1)
    return streaks[
        rows, (columns - (outwards * lean * (HEIGHT_PX - rows)).astype(np.intp)) % WIDTH_PX
    ]


def _scars(rng: np.random.Generator) -> Floats:
    """Draw scratches, tooth rakes, rings and specks as strengths (h, w)."""
    marks = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    for _ in range(rng.poisson(7)):
        _scratch(marks, rng, rng.uniform(15, 110), rng.uniform(0.25, 0.9))
    if rng.random() < 0.4:  # the parallel lines that an orca's teeth leave
        start, slope, gap = (
            rng.uniform([90, 70], [450, 170]),
            rng.uniform(-0.7, 0.7),
            rng.uniform(4, 7),
        )
        for line in range(rng.integers(3, 7)):
            _line(
                marks,
                start + line * np.array([gap, 0.4 * gap]),
                (slope, 0.0),
                rng.uniform(35, 60),
                0.9,
            )
    for _ in range(rng.poisson(5)):
        _ring(marks, rng.uniform([30, 50], [510, 180]), rng.uniform(1.2, 4.0))
    specks = int(rng.choice([15, 60, 420], p=[0.5, 0.3, 0.2]))
    columns = np.clip(rng.normal(rng.choice([130, 270, 410]), 130, specks), 0, WIDTH_PX - 1).astype(
        np.intp
    )
    marks[rng.integers(30, 230, specks), columns] += rng.uniform(0.6, 2.6, specks).astype(
        np.float32
    )
    return np.clip(blurred(marks, 0.6) * 1.5, 0, 1)


def _scratch(marks: Floats, rng: np.random.Generator, length_px: float, strength: float) -> None:
    start = rng.uniform([20, 40], [520, 200])
    _line(marks, start, (rng.normal(0, 0.9), rng.normal(0, 0.012)), length_px, strength)


def _line(
    marks: Floats, start: Floats, course: tuple[float, float], length_px: float, strength: float
) -> None:
    """Draw a line from `start` (column, row) on a course of slope and bend, radians and radians a
    pixel.
    """
    along = np.arange(0, length_px, 0.5)
    slope, bend = course
    angle = slope + bend * along
    _dots(
        marks,
        start[0] + np.cumsum(np.cos(angle)) / 2,
        start[1] + np.cumsum(np.sin(angle)) / 2,
        strength,
    )


def _ring(marks: Floats, centre: Floats, radius_px: float) -> None:
    angle = np.linspace(0, 2 * np.pi, int(radius_px * 12))
    _dots(marks, centre[0] + radius_px * np.cos(angle), centre[1] + radius_px * np.sin(angle), 0.8)


def _dots(marks: Floats, columns: Floats, rows: Floats, strength: float) -> None:
    """Mark the pixels under these points; points off the grid are left out."""
    column, row = columns.astype(np.intp), rows.astype(np.intp)
    on = (column >= 0) & (column < WIDTH_PX) & (row >= 0) & (row < HEIGHT_PX)
    marks[row[on], column[on]] = strength


def _barnacles(rng: np.random.Generator, trailing: Floats, leading: Floats) -> Floats:
    """Crust the tips and leading edges with barnacles, as strengths (h, w); many whales have
    none.
    """
    crust = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    x = grid()[0][0]
    for side in (-1, 1):
        for _ in range(int(rng.poisson(float(rng.choice([0, 8, 34]))))):
            out = 1 - abs(rng.normal(0, 0.09))
            column = int(np.argmin(np.abs(x - side * out)))
            edge = leading[column] if rng.random() < 0.6 else trailing[column]
            centre = np.array([column, (TOP - edge) * PX_PER_UNIT + rng.normal(0, 2.5)])
            _ring(crust, centre, rng.uniform(0.7, 2.4))
    return blurred(crust, 0.9) * 1.8
