"""Look whether all of a JPEG's picture is in its file, which Pillow doesn't say.

libjpeg fills what is missing with grey and only warns. Pillow hides its warnings; simplejpeg, which
leads libjpeg-turbo too, makes errors of them.
"""

from __future__ import annotations

import re

import simplejpeg

_END = b"\xff\xd9"
# libjpeg's warnings of pixels that are missing or wrong. Its others, such as of odd Adobe markers,
# and what simplejpeg doesn't support, say nothing of them.
_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG file")
_COLOUR_PROFILE = "bad ICC marker"
_SPARE_BYTES = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


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
