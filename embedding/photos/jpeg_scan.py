"""Decode JPEGs and see whether all of the picture is in the file, which Pillow doesn't say.

libjpeg fills what is missing with grey and only warns. Pillow hides its warnings; simplejpeg, which
leads libjpeg-turbo too, makes errors of them. The pixels of the two are the same.
"""

from __future__ import annotations

import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray

_END = b"\xff\xd9"
# libjpeg's warnings of pixels that are missing or wrong. Its others, such as of odd Adobe markers,
# and what simplejpeg doesn't support, say nothing of them.
_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG file")
_COLOUR_PROFILE = "bad ICC marker"
_SPARE_BYTES = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


def scaled_down(width_px: int, height_px: int, at_least_px: int) -> int:
    """By how much libjpeg may shrink a picture while it decodes: 8, 4, 2 or 1, the most that leaves
    both sides `at_least_px` long. Pillow's `draft` chooses the same.
    """
    most = min(width_px, height_px) // max(1, at_least_px)
    return next(by for by in (8, 4, 2, 1) if by <= max(1, most))


def decode_whole(
    jpeg: bytes, width_px: int, height_px: int, shrunk_by: int
) -> NDArray[np.uint8] | None:
    """Decode a grey or coloured JPEG of that size to (h, w, 3); None where libjpeg warns of
    anything, or simplejpeg can't.

    One pass both decodes and proves that nothing is missing. Of a camera's photo most of the time
    goes to reading the bits, at any scale.
    """
    try:
        return simplejpeg.decode_jpeg(
            jpeg,
            "RGB",
            min_height=-(-height_px // shrunk_by),
            min_width=-(-width_px // shrunk_by),
            min_factor=shrunk_by,
            strict=True,
        )
    except ValueError:
        return None


def jpeg_fault(jpeg: bytes) -> str | None:
    """What libjpeg says of a picture that is damaged or not whole; None where all is there."""
    text = _first_warning(jpeg)
    if text is None or not text.startswith(_DAMAGE) or _COLOUR_PROFILE in text:
        return None
    spare = _SPARE_BYTES.search(text)
    return None if spare and _is_padding(jpeg, int(spare[1])) else text


def with_end_marker(jpeg: bytes) -> bytes | None:
    """The JPEG with the end marker that it lacks; None where more than that is missing."""
    whole = (jpeg[:-1] if jpeg.endswith(b"\xff") else jpeg) + _END
    return whole if _first_warning(whole) is None else None


def _first_warning(jpeg: bytes) -> str | None:
    """The first warning or error of libjpeg; None where it has none.

    The picture is decoded as small as it goes, because only its bits are of interest.
    """
    try:
        simplejpeg.decode_jpeg(
            jpeg,
            "GRAY",
            fastdct=True,
            fastupsample=True,
            min_height=1,
            min_width=1,
            min_factor=8,
            strict=True,
        )
    except ValueError as error:
        return str(error).strip()
    return None


def _is_padding(jpeg: bytes, count: int) -> bool:
    """Whether the bytes before the last end marker only fill the file up."""
    end = jpeg.rfind(_END)
    return end >= count and not jpeg[end - count : end].strip(b"\x00\xff")
