"""Photos of one picture, in whatever bytes: found by perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedding.photos.photo import BadPhoto, photo_bytes
from index.labels.reader import LabelledPhoto
from index.photos.perceptual_hash import HASH_BYTES, MOST_BITS, hash_photo
from index.prefetch import decoding_threads, prefetch
from index.progress import progress
from index.search.hamming import near_code_pairs

_AHEAD = 256


def hashes_of(photos: Sequence[LabelledPhoto]) -> list[bytes | None]:
    """Hash photos' pictures, in their order; None has no pattern, or can't be read."""

    def hashed(photo: LabelledPhoto) -> bytes | None:
        try:
            return hash_photo(photo_bytes(photo.path), str(photo.path))
        except BadPhoto:
            return None  # whoever needs the photo says what is wrong with it

    found: list[bytes | None] = []
    with progress(len(photos), "comparing pictures") as advance:
        for one in prefetch(photos, hashed, threads=decoding_threads(), most=_AHEAD):
            found.append(one)
            advance(1)
    return found


def without_pictures_of(
    photos: Sequence[LabelledPhoto], others: Sequence[LabelledPhoto]
) -> list[LabelledPhoto]:
    """Those of `photos` that show no picture of `others`, saved again or made smaller."""
    hashes = hashes_of([*others, *photos])
    hashed = [at for at, each in enumerate(hashes) if each is not None]
    codes = np.frombuffer(b"".join(hashes[at] or b"" for at in hashed), np.uint8)
    same: set[int] = set()
    for block in near_code_pairs(codes.reshape(-1, HASH_BYTES), MOST_BITS):
        ones, later = np.array(hashed, np.int64)[block[:, :2]].T
        same |= set(later[(ones < len(others)) & (later >= len(others))].tolist())
    return [photo for at, photo in enumerate(photos, start=len(others)) if at not in same]
