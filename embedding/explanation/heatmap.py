"""Pictures for comparing photos: heat over a photo, and captioned tiles in rows.

Pillow's door for lettering.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from embedding.photos.photo import Image, from_array

Colour = tuple[int, int, int]
Pixels = NDArray[np.uint8]

# Green and red of a palette that the colour-blind can tell apart (Okabe and Ito 2008); captions say
# it in words too.
RIGHT, WRONG = (0, 158, 115), (213, 94, 0)
_FOR, _AGAINST = (230, 30, 20), (30, 70, 230)
_MOST_COVER = 0.7  # of the photo under the strongest heat
_PAPER, _INK = (252, 252, 250), (24, 28, 34)
_GAP_PX, _LINE_PX, _LETTER_PX, _FRAME_PX = 10, 17, 14, 4


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture (h, w, 3) uint8 with lines of words below it, and a frame where it has a colour."""

    pixels: Pixels
    caption: tuple[str, ...] = ()
    frame: Colour | None = None


def heat_over(view: Pixels, heat: NDArray[np.float64], strongest: float) -> Pixels:
    """Lay heat (h', w') over a photo's view (h, w, 3), in grey: red speaks for the same animal,
    blue against.

    `strongest` is the heat of full colour, the same for two photos that are compared; 0 colours
    nothing.
    """
    height, width = view.shape[:2]
    small = PillowImage.fromarray(heat.astype(np.float32))
    smooth = np.asarray(small.resize((width, height), PillowImage.Resampling.BILINEAR))
    strength = np.clip(np.abs(smooth) / strongest, 0, 1) if strongest > 0 else np.zeros_like(smooth)
    cover = (_MOST_COVER * strength)[:, :, None]
    grey = np.repeat(np.asarray(from_array(view).convert("L"), np.float32)[:, :, None], 3, axis=2)
    colour = np.where(
        smooth[:, :, None] > 0, np.array(_FOR, np.float32), np.array(_AGAINST, np.float32)
    )
    return np.rint(grey * (1 - cover) + colour * cover).astype(np.uint8)


def tiled(rows: Sequence[Sequence[Tile]], heading: str = "") -> Image:
    """Lay tiles out in rows from the left, columns as wide as the widest tile; words that don't fit
    are shortened.
    """
    tiles = [tile for row in rows for tile in row]
    width_px = max((tile.pixels.shape[1] for tile in tiles), default=0)
    lines = max((len(tile.caption) for tile in tiles), default=0)
    heights_px = [
        max((tile.pixels.shape[0] for tile in row), default=0) + lines * _LINE_PX + _GAP_PX
        for row in rows
    ]
    columns, top = max(map(len, rows), default=0), _GAP_PX + (_LINE_PX + _GAP_PX if heading else 0)
    sheet = PillowImage.new(
        "RGB", (columns * (width_px + _GAP_PX) + _GAP_PX, sum(heights_px) + top), _PAPER
    )
    _letter(sheet, heading, (_GAP_PX, _GAP_PX), sheet.width - 2 * _GAP_PX)
    for row, height_px in zip(rows, heights_px, strict=True):
        for column, tile in enumerate(row):
            _paste(sheet, tile, (_GAP_PX + column * (width_px + _GAP_PX), top), width_px)
        top += height_px
    return sheet


def png_bytes(image: Image) -> bytes:
    """An image as a PNG file's content."""
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def _paste(sheet: Image, tile: Tile, corner: tuple[int, int], width_px: int) -> None:
    left, top = corner
    height = tile.pixels.shape[0]
    sheet.paste(from_array(tile.pixels), corner)
    if tile.frame is not None:
        # Around the photo, not over it: its edge may be the fluke's tip.
        box = (
            left - _FRAME_PX,
            top - _FRAME_PX,
            left + tile.pixels.shape[1] + _FRAME_PX - 1,
            top + height + 3,
        )
        ImageDraw.Draw(sheet).rectangle(box, outline=tile.frame, width=_FRAME_PX)
    for number, words in enumerate(tile.caption):
        _letter(sheet, words, (left, top + height + _FRAME_PX + number * _LINE_PX), width_px)


def _letter(sheet: Image, words: str, corner: tuple[int, int], width_px: int) -> None:
    font = ImageFont.load_default(size=_LETTER_PX)
    shown, kept = words, len(words)
    while font.getlength(shown) > width_px and kept > 1:
        kept -= 1
        # The end of a photo's name tells more than its middle.
        shown = f"{words[: kept // 2]}...{words[len(words) - (kept - kept // 2) :]}"
    ImageDraw.Draw(sheet).text(corner, shown, fill=_INK, font=font)
