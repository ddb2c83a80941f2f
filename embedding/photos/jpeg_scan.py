"""Look whether all of a JPEG's picture is in its file, which Pillow doesn't say.

libjpeg fills what is missing with grey and only warns. Pillow hides its warnings; simplejpeg, which
leads libjpeg-turbo too, makes errors of them.
"""

from __future__ import annotations

import simplejpeg

_END = b"\xff\xd9"
# Warnings of files whose pixels are all there, which cameras and programs write.
_HARMLESS = ("Invalid SOS parameters", "Unknown Adobe color transform", "Inconsistent progression")


def jpeg_fault(jpeg: bytes) -> str | None:
    """What libjpeg says of a picture that is damaged or not whole; None where all is there.

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
        text = str(error).strip()
        return None if text.startswith(_HARMLESS) else text
    return None


def with_end_marker(jpeg: bytes) -> bytes | None:
    """The JPEG with the end marker that it lacks; None where more than that is missing."""
    whole = (jpeg[:-1] if jpeg.endswith(b"\xff") else jpeg) + _END
    return whole if jpeg_fault(whole) is None else None
