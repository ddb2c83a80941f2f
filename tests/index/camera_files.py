"""Files as cameras and broken transfers leave them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

END = b"\xff\xd9"


def camera_photo(seed: int, taken_at: str | None = None, offset: str | None = None) -> bytes:
    """A JPEG that no other seed's is near, whose EXIF says when it was taken."""
    cells = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
    picture = Image.fromarray(cells).resize((240, 120), Image.Resampling.BICUBIC)
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x010F] = "a camera"
    for tag, text in ((0x9003, taken_at), (0x9011, offset)):
        if text is not None:
            exif.get_ifd(0x8769)[tag] = text
    picture.save(file, "JPEG", exif=exif, quality=90)
    return file.getvalue()


def cut_scan(jpeg: bytes, share: float = 0.6) -> bytes:
    """The JPEG without the later part of its picture, and with its end marker."""
    return jpeg[: int(len(jpeg) * share)] + END


def put(path: Path, data: bytes, *, at: int = 10**9) -> Path:
    """Write a file that looks as if it was written long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))
    return path
