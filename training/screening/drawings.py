"""Pictures that show no animal, drawn by kind: plain, noise, text, shapes, sea and boats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.photos.photo import Image, from_array, resize, to_array

Floats = NDArray[np.floating[Any]]

_WORDS = [
    *("the", "of", "a", "in", "photo", "animal", "date", "page", "total", "figure", "number"),
    *("station", "note", "report", "copy", "left", "right", "survey", "weather", "record"),
    *("name", "address", "answer", "index", "table", "method", "result", "signed", "received"),
]
_FAMILIES = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral", "cmr10", "cmtt10")
_DPI = 100


def draw(kind: str, rng: np.random.Generator) -> Image:
    """Draw one picture of a kind of `KINDS`; the same state of `rng` draws the same picture."""
    long_px, aspect = int(rng.integers(60, 420)), float(np.exp(rng.uniform(-0.7, 1.0)))
    width_px = max(24, round(long_px * min(1.0, aspect)))
    height_px = max(24, round(long_px / max(1.0, aspect)))
    picture = np.clip(KINDS[kind](rng, width_px, height_px), 0, 1)
    return from_array(np.rint(255 * picture).astype(np.uint8))


def _colour(rng: np.random.Generator) -> Floats:
    """A colour (3,): half of them grey, black or white."""
    if rng.random() < 0.35:
        return np.full(3, rng.choice([0.0, 1.0, rng.random()]))
    return rng.random(3)


def _plain(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    picture = np.broadcast_to(_colour(rng), (height_px, width_px, 3)).copy()
    if rng.random() < 0.3:
        picture += rng.normal(0, rng.uniform(0.002, 0.04), picture.shape)
    return picture


def _gradient(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    rows, columns = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    along = np.cos(turn) * columns + np.sin(turn) * rows
    if rng.random() < 0.4:
        at = rng.uniform(-1, 1, 2)
        along = np.hypot(columns - at[0], rows - at[1])
    along = (along - along.min()) / np.ptp(along)
    if rng.random() < 0.2:
        along = (along > rng.uniform(0.2, 0.8)).astype(np.float64)
    one, other = _colour(rng), _colour(rng)
    return one + along[..., None] ** rng.uniform(0.5, 2) * (other - one)


def _noise(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    channels = int(rng.choice([1, 3]))
    block = int(rng.choice([1, 1, 1, 2, 3, 5]))
    shape = (-(-height_px // block), -(-width_px // block), channels)
    way = rng.integers(3)
    if way == 0:
        cells = rng.random(shape)
    elif way == 1:
        cells = rng.uniform(0.1, 0.9) + rng.uniform(0.03, 0.5) * rng.standard_normal(shape)
    else:
        cells = (rng.random(shape) < rng.uniform(0.02, 0.98)).astype(np.float64)
    cells = np.repeat(np.repeat(cells, block, 0), block, 1)[:height_px, :width_px]
    return np.broadcast_to(cells, (height_px, width_px, 3)).copy()


def _smooth(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    channels = int(rng.choice([1, 3]))
    if rng.random() < 0.5:
        picture = _spectrum(rng, width_px, height_px, channels, stretch=rng.choice([1, 1, 3, 8]))
    else:
        cells = rng.integers(2, 24, 2)
        picture = rng.random((*cells, channels))
        eight_bits = np.rint(255 * np.broadcast_to(picture, (*cells, 3))).astype(np.uint8)
        picture = to_array(resize(from_array(eight_bits), width_px, height_px)) / 255.0
    low, high = np.sort(rng.uniform(-0.1, 1.1, 2))
    return np.broadcast_to(low + picture * (high - low), (height_px, width_px, 3)).copy()


def _spectrum(
    rng: np.random.Generator, width_px: int, height_px: int, channels: int, *, stretch: float
) -> Floats:
    """Noise (h, w, channels) in 0..1 whose power falls with frequency; `stretch` draws it wide."""
    white = rng.standard_normal((height_px, width_px, channels))
    rows = np.fft.fftfreq(height_px)[:, None] * height_px
    columns = np.fft.rfftfreq(width_px)[None, :] * width_px
    cycles = np.maximum(np.hypot(rows, stretch * columns), 1.0)
    strength = cycles ** -rng.uniform(0.6, 2.6)
    if rng.random() < 0.4:
        strength *= np.exp(-np.square(cycles / rng.uniform(2, 30)))
    strength[0, 0] = 0.0
    field = np.fft.irfft2(
        np.fft.rfft2(white, axes=(0, 1)) * strength[..., None], (height_px, width_px), axes=(0, 1)
    )
    return 0.5 + field / (field.std() * rng.uniform(3.0, 7.0) + 1e-9)


def _drawn(
    rng: np.random.Generator,
    width_px: int,
    height_px: int,
    background: Floats,
    paint: Callable[[Any, np.random.Generator], None],
) -> Floats:
    """Paint with matplotlib over a background, in a frame from 0 to 1; returns (h, w, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width_px / _DPI, height_px / _DPI), dpi=_DPI)
    canvas: Any = FigureCanvasAgg(figure)
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(np.clip(background, 0, 1), extent=(0, 1, 0, 1), aspect="auto")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    paint(axes, rng)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3] / 255.0


def _text(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    width_px, height_px = max(width_px, 120), max(height_px, 120)
    paper, ink = (1 - 0.25 * rng.random(3), 0.4 * rng.random(3))
    if rng.random() < 0.15:
        paper, ink = ink, paper
    background = np.broadcast_to(paper, (height_px, width_px, 3)).copy()
    if rng.random() < 0.5:  # as a scanner's light falls off, or a page lies in shadow
        background *= 1 - 0.3 * _gradient(rng, width_px, height_px)[..., :1]
    page = _drawn(rng, width_px, height_px, background, lambda axes, own: _lines(axes, own, ink))
    if rng.random() < 0.4:
        page = page + rng.normal(0, rng.uniform(0.01, 0.08), page.shape)
    if rng.random() < 0.3:  # photographed from far away
        small = from_array(np.rint(255 * np.clip(page, 0, 1)).astype(np.uint8))
        share = rng.uniform(0.3, 0.8)
        small = resize(small, max(16, int(width_px * share)), max(16, int(height_px * share)))
        page = to_array(small) / 255.0
    return page


def _lines(axes: Any, rng: np.random.Generator, ink: Floats) -> None:
    points, spacing = float(rng.choice([5, 7, 9, 12, 16, 24])), rng.uniform(1.0, 1.7)
    rows = int(axes.figure.bbox.height / (points * spacing / 72 * _DPI)) + 1
    columns = int(rng.choice([1, 1, 2, 3]))
    left, top = rng.uniform(0.01, 0.12), 1 - rng.uniform(0.0, 0.12)
    is_turned, words = rng.random() < 0.15, int(rng.integers(3, 16))
    look: dict[str, Any] = {
        "family": str(rng.choice(_FAMILIES)),
        "fontsize": points,
        "color": ink,
        "linespacing": spacing,
        "rotation": 90.0 if is_turned else float(rng.choice([0, 0, rng.normal(0, 3)])),
        "ha": "left",
        "va": "bottom" if is_turned else "top",
    }
    for column in range(columns):
        lines = [_line(rng, words) for _ in range(round(rows * rng.uniform(0.4, 1.1)))]
        along = left + column / columns
        axes.text(
            left if is_turned else along, along if is_turned else top, "\n".join(lines), **look
        )
    if rng.random() < 0.3:
        for at in rng.random(int(rng.integers(1, 8))):
            (axes.axhline if rng.random() < 0.6 else axes.axvline)(at, color=ink, lw=1)


def _line(rng: np.random.Generator, words: int) -> str:
    """One line: words, a number, or an empty one."""
    way = rng.random()
    if way < 0.1:
        return ""
    if way < 0.2:
        return str(rng.integers(10**9))
    return " ".join(rng.choice(_WORDS, int(rng.integers(1, words + 1))))


def _shapes(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    rows, columns = np.mgrid[0:height_px, 0:width_px]
    way = rng.integers(4)
    one, other = _colour(rng), _colour(rng)
    if way == 0:  # stripes, checks
        size, turn = rng.uniform(2, 60), rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
        bands = np.sin((np.cos(turn) * columns + np.sin(turn) * rows) * np.pi / size) > 0
        if rng.random() < 0.5:
            bands ^= np.sin((np.cos(turn) * rows - np.sin(turn) * columns) * np.pi / size) > 0
        return np.where(bands[..., None], one, other)
    if way == 1:
        waves = np.sin(columns / rng.uniform(2, 40) + rows / rng.uniform(2, 400))
        return one + (0.5 + 0.5 * waves[..., None]) * (other - one)
    return _drawn(rng, width_px, height_px, _gradient(rng, width_px, height_px), _polygons)


def _polygons(axes: Any, rng: np.random.Generator) -> None:
    from matplotlib.patches import Ellipse, Polygon

    for _ in range(int(rng.integers(1, 14))):
        at, size = rng.random(2), rng.uniform(0.03, 0.6, 2)
        corners = at + size * (rng.random((int(rng.integers(3, 9)), 2)) - 0.5)
        colour = _colour(rng)
        if rng.random() < 0.4:
            width, height = size.tolist()
            centre = (float(at[0]), float(at[1]))
            axes.add_patch(Ellipse(centre, width, height, angle=rng.uniform(0, 180), color=colour))
        elif rng.random() < 0.8:
            axes.add_patch(Polygon(corners, color=colour))
        else:
            axes.plot(*corners.T, color=colour, lw=rng.uniform(0.5, 8))


def _sea(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    horizon = rng.choice([0.0, 1.0, rng.uniform(0.1, 0.9)])
    down = np.linspace(0, 1, height_px)[:, None, None]
    blue = np.array([0.25, 0.4, 0.55]) * rng.uniform(0.2, 1.5) + rng.normal(0, 0.08, 3)
    pale = np.array([0.7, 0.78, 0.85]) * rng.uniform(0.5, 1.25) + rng.normal(0, 0.06, 3)
    waves = _spectrum(rng, width_px, height_px, 1, stretch=rng.uniform(1.5, 8)) - 0.5
    clouds = _spectrum(rng, width_px, height_px, 1, stretch=rng.uniform(1, 3)) - 0.5
    glare = rng.uniform(0, 0.7) * np.maximum(waves, rng.uniform(-0.1, 0.3))
    water = blue + rng.uniform(0.1, 1.0) * waves + glare + 0.15 * (1 - down)
    sky = pale + rng.uniform(0, 0.6) * clouds + 0.15 * down
    return np.where(down < horizon, sky, water)


def _boat(rng: np.random.Generator, width_px: int, height_px: int) -> Floats:
    return _drawn(rng, width_px, height_px, _sea(rng, width_px, height_px), _vessel)


def _vessel(axes: Any, rng: np.random.Generator) -> None:
    from matplotlib.patches import Polygon, Rectangle

    x, y = rng.uniform(0.0, 0.5), rng.uniform(0.05, 0.6)
    length, height = rng.uniform(0.2, 0.9), rng.uniform(0.05, 0.3)
    rake = rng.uniform(-0.1, 0.25) * length
    hull = [(x, y + height), (x + length, y + height), (x + length - rake, y), (x + rake / 2, y)]
    axes.add_patch(Polygon(hull, color=_colour(rng)))
    for _ in range(int(rng.integers(0, 5))):
        wide, high = length * rng.uniform(0.05, 0.4), height * rng.uniform(0.2, 1.5)
        at = (x + rng.random() * (length - wide), y + height * rng.uniform(0.9, 1.3))
        axes.add_patch(Rectangle(at, wide, high, color=_colour(rng)))
    mast = x + length * rng.uniform(0.2, 0.8)
    top = y + height * rng.uniform(1.5, 6)
    axes.plot([mast, mast], [y + height, top], color=_colour(rng), lw=rng.uniform(0.5, 4))
    if rng.random() < 0.5:
        side = length * rng.uniform(-0.6, 0.6)
        sail = [(mast, top), (mast, y + 1.2 * height), (mast + side, y + 1.2 * height)]
        axes.add_patch(Polygon(sail, color=_colour(rng)))


KINDS: Mapping[str, Callable[[np.random.Generator, int, int], Floats]] = MappingProxyType(
    {
        "plain": _plain,
        "gradient": _gradient,
        "noise": _noise,
        "smooth": _smooth,
        "text": _text,
        "shapes": _shapes,
        "sea": _sea,
        "boat": _boat,
    }
)
"""How each kind is drawn, by its name."""
