"""Find pixels that are missing or damaged in a photo that can be read all the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding.photos.jpeg_scan import jpeg_fault, with_end_marker
from embedding.photos.photo import (
    BadPhoto,
    DecodedPhoto,
    Image,
    PhotoLimits,
    decode_photo,
    photo_kind,
    to_array,
)

_MISSING_GREY = 128  # what decoders put where pixels are missing
_SPREAD = 2
_LEAST_SHARE = 0.02  # of a side


class CheckedPhoto(NamedTuple):
    """An upright RGB image, and what is missing or damaged in it; None where nothing was found."""

    image: Image
    damage: str | None


def read_checked(
    data: bytes,
    *,
    name: str | None = None,
    limits: PhotoLimits = PhotoLimits(),
    at_least_px: int | None = None,
) -> CheckedPhoto:
    """Decode a photo as `read_photo` does, and look for damage. Raises BadPhoto.

    Found are what libjpeg warns of, and a part of the one grey that stands for missing pixels, also
    where a program saved it so.
    """
    decoded = decode_photo(data, name=name, limits=limits, at_least_px=at_least_px)
    return CheckedPhoto(decoded.image, _damage(data, decoded))


def _damage(data: bytes, decoded: DecodedPhoto) -> str | None:
    if not decoded.is_whole and data.startswith(b"\xff\xd8"):
        fault = jpeg_fault(data)
        if fault is not None and with_end_marker(data) is None:
            return f"pixels are missing or damaged ({fault}); copy or download it again"
    share = grey_share(decoded.image)
    if share == 0 or _has_alpha(data):
        return None
    return f"{share:.0%} of it is plain grey, as where pixels are missing; look at it"


def grey_share(image: Image) -> float:
    """The share of an image, from one edge on, that is the grey which stands for missing pixels.

    0 where the opposite edge is so too, as in a picture with a border.
    """
    right, lower = image.width - 1, image.height - 1
    edges = ((0, 0, 1, lower + 1), (right, 0, right + 1, lower + 1))
    edges += ((0, 0, right + 1, 1), (0, lower, right + 1, lower + 1))
    # Hardly a photo has a grey edge, and to copy all pixels takes as long as a network's part.
    if not any(_is_grey(to_array(image.crop(edge)).reshape(1, -1, 3))[0] for edge in edges):
        return 0.0
    pixels = to_array(image)
    return max(_share_at_lower_edge(np.rot90(pixels, turns)) for turns in range(4))


def _share_at_lower_edge(pixels: NDArray[np.uint8]) -> float:
    if not _is_grey(pixels[-1:])[0] or _is_grey(pixels[:1])[0]:
        return 0.0
    share = int(np.argmin(_is_grey(pixels)[::-1])) / len(pixels)
    return share if share >= _LEAST_SHARE else 0.0


def _is_grey(rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of some rows (n, w, 3) are all of that grey."""
    deviation = np.abs(rows.astype(np.int16) - _MISSING_GREY)
    return deviation.reshape(len(rows), -1).max(axis=1) <= _SPREAD


def _has_alpha(data: bytes) -> bool:
    try:
        return photo_kind(data).has_alpha  # transparent parts are read as middle grey
    except BadPhoto:
        return False
