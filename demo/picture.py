"""The picture of the answers: every query beside its best matches.

Pillow's second door, for lettering.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from demo.serving import Answer, Verdict
from embedding.photos.photo import Image, read_photo, resize

Colour = tuple[int, int, int]

MATCHES_SHOWN = 3
_PHOTO_PX = (300, 150)
_CAPTION_PX = 38
_GAP_PX = 14
_PAPER, _INK, _QUIET = (252, 252, 250), (24, 28, 34), (110, 118, 128)
_RIGHT = (28, 140, 78)
_FRAMES: dict[Verdict, Colour] = {"right": _RIGHT, "wrong": (196, 58, 46), "unsure": (190, 130, 10)}


def draw_answers(answers: Sequence[Answer], catalogue_photos: Path) -> Image:
    """Draw one row an answer: the query with its decision, then up to three matches with their
    photos.
    """
    row_px = _PHOTO_PX[1] + _CAPTION_PX + _GAP_PX
    width_px = (1 + MATCHES_SHOWN) * (_PHOTO_PX[0] + _GAP_PX) + 2 * _GAP_PX
    sheet = PillowImage.new("RGB", (width_px, max(len(answers), 1) * row_px + _GAP_PX), _PAPER)
    for number, answer in enumerate(answers):
        top = _GAP_PX + number * row_px
        _paste_query(sheet, answer, top)
        for rank, match in enumerate(answer.matches[:MATCHES_SHOWN], start=1):
            corner = (2 * _GAP_PX + rank * (_PHOTO_PX[0] + _GAP_PX), top)
            is_it = match.individual == answer.query.individual
            _paste_framed(sheet, catalogue_photos / match.photo, corner, _RIGHT if is_it else None)
            numbers = f"distance {match.distance:.2f}, probability {match.probability:.0%}"
            _letter(sheet, (f"{rank}. {match.individual}", numbers), corner, _QUIET)
    return sheet


def save_answers(answers: Sequence[Answer], catalogue_photos: Path, path: Path) -> None:
    """Write the picture as PNG."""
    draw_answers(answers, catalogue_photos).save(path, "PNG")


def _paste_query(sheet: Image, answer: Answer, top: int) -> None:
    truth = answer.query.individual or "a whale outside the catalogue"
    decision = f"{answer.decision}; first match {answer.probability:.0%} probable"
    colour = _FRAMES[answer.verdict]
    _paste_framed(sheet, answer.query.photo, (_GAP_PX, top), colour)
    _letter(sheet, (f"truth: {truth}", decision), (_GAP_PX, top), colour)


def _paste_framed(
    sheet: Image, photo: Path, corner: tuple[int, int], colour: Colour | None
) -> None:
    sheet.paste(resize(read_photo(photo), *_PHOTO_PX), corner)
    if colour is not None:
        left, top = corner
        box = (left - 3, top - 3, left + _PHOTO_PX[0] + 2, top + _PHOTO_PX[1] + 2)
        ImageDraw.Draw(sheet).rectangle(box, outline=colour, width=3)


def _letter(sheet: Image, lines: tuple[str, str], corner: tuple[int, int], colour: Colour) -> None:
    """Write two lines under the photo at `corner`, the second in `colour`."""
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    left, below = corner[0], corner[1] + _PHOTO_PX[1] + 3
    pen.text((left, below), lines[0], fill=_INK, font=font)
    pen.text((left, below + 17), lines[1], fill=colour, font=font)
