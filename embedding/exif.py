"""Which way up a photo was taken, read from its EXIF block.

Pillow would parse every EXIF tag, and warn of any damaged one, to learn the single number that matters here.
"""

from __future__ import annotations

import re
import struct

_UPRIGHT = 1
_ORIENTATION_TAG = 0x0112
_SHORT = 3
# In a JPEG's pixel data 0xFF is never followed by 0xE1, so this can't match there.
_JPEG_EXIF = re.compile(rb"(\xff\xe1(..))Exif\x00\x00", re.DOTALL)


def set_jpeg_exif_aside(jpeg: bytes) -> tuple[bytes, bytes]:
    """Split a JPEG into the same JPEG with its EXIF made unrecognisable, and the EXIF (empty if none)."""
    match = _JPEG_EXIF.search(jpeg)
    if match is None:
        return jpeg, b""
    (length,) = struct.unpack(">H", match[2])
    return _JPEG_EXIF.sub(rb"\1-aside", jpeg), jpeg[match.end() : match.start() + 2 + length]


def orientation(exif: bytes) -> int:
    """Find the orientation, 1..8, in an EXIF block's first directory; 1 (upright) where none can be read."""
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        return _UPRIGHT
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for position in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, position)
            if tag == _ORIENTATION_TAG and kind == _SHORT and 1 <= value <= 8:
                return value
    except struct.error:  # the block ends early; the pixels may still be fine
        return _UPRIGHT
    return _UPRIGHT
