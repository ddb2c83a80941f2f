"""Find photos that are the same picture in other bytes: saved again, made smaller, made brighter.

The hash is the sign pattern of a picture's 16 x 16 lowest frequencies (pHash, with 255 bits instead
of 64). Measured on 2,500 humpback, 700 right-whale and 700 nyala photos: pictures saved again (JPEG
quality 30 to 95, half or double size) differ in 0 to 22 bits, different photos of one species in 38
or more. With 64 bits 54 pairs of different flukes were as near as copies are: one dark shape on
grey water is like another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embedding.photos.photo import Image, read_photo, resize, to_array
from index.search.hamming import near_code_pairs

MOST_BITS = 24
HASH_BYTES = 32
DECODE_PX = 128  # a JPEG may be decoded at a smaller scale, so long as both sides keep this length

_SIDE_PX, _LOWEST = 64, 16
_FLATTEST = 1.0  # grey levels: a picture that varies less has no pattern, only noise
_GREY = np.array([0.299, 0.587, 0.114])
_COSINES = np.cos(
    np.pi * (2 * np.arange(_SIDE_PX)[None] + 1) * np.arange(_LOWEST)[:, None] / (2 * _SIDE_PX)
)


def perceptual_hash(image: Image) -> bytes | None:
    """Hash a picture into HASH_BYTES bytes; None for one without a pattern, as a blank sheet is."""
    grey = to_array(resize(image, _SIDE_PX, _SIDE_PX)).astype(np.float64) @ _GREY  # (h, w)
    if grey.std() < _FLATTEST:
        return None
    frequencies = (_COSINES @ grey @ _COSINES.T).ravel()
    # The mean brightness says nothing, so its bit is always 0.
    frequencies[0] = np.median(frequencies[1:])
    return np.packbits(frequencies > frequencies[0]).tobytes()


def hash_photo(data: bytes, name: str) -> bytes | None:
    """Hash a photo file's content, decoded at a small scale. Raises BadPhoto, naming it `name`."""
    return perceptual_hash(read_photo(data, name=name, at_least_px=DECODE_PX))


def differing_bits(one: bytes, other: bytes) -> int:
    """Count the bits in which two hashes differ, 0 to 255."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


class NearDuplicates:
    """Which of many hashes are within `most_bits` of each other; None is near nothing."""

    def __init__(self, hashes: Sequence[bytes | None], *, most_bits: int = MOST_BITS) -> None:
        self._first: dict[bytes, int] = {}
        self._hashes = hashes
        for at, each in enumerate(hashes):
            if each is not None:
                self._first.setdefault(each, at)
        self._near: dict[int, list[tuple[int, int]]] = defaultdict(list)
        firsts = list(self._first.values())
        pairs: list[list[int]] = near_pairs(list(self._first), most_bits=most_bits).tolist()
        for one, other, bits in pairs:
            self._near[firsts[one]].append((firsts[other], bits))
            self._near[firsts[other]].append((firsts[one], bits))

    def before(self, at: int) -> list[tuple[int, int]]:
        """List the photos before `at` that are near it, as (place, differing bits), nearest first.

        Of several photos with the same hash only the first is listed.
        """
        own = self._hashes[at]
        if own is None:
            return []
        first = self._first[own]
        same = [(first, 0)] if first < at else []
        return same + sorted(
            ((other, bits) for other, bits in self._near[first] if other < at),
            key=lambda one: one[1],
        )


def near_pairs(hashes: Sequence[bytes], *, most_bits: int = MOST_BITS) -> NDArray[np.int64]:
    """Find the pairs of hashes within `most_bits`: sorted rows (one, other, bits), one < other."""
    blocks = list(near_pair_blocks(hashes, most_bits=most_bits))
    pairs = np.concatenate([np.empty((0, 3), np.int64), *blocks])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def near_pair_blocks(
    hashes: Sequence[bytes], *, most_bits: int = MOST_BITS
) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of `near_pairs` in blocks of bounded size, unsorted.

    For sets in which so many pairs are near that a list of all has no room: a fixed camera's
    pictures.
    """
    codes = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), HASH_BYTES)
    yield from near_code_pairs(codes, most_bits)
