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

from embedding.photos.photo import Image, resize, to_array

MOST_BITS = 24
HASH_BYTES = 32
DECODE_PX = 128  # a JPEG may be decoded at a smaller scale, so long as both sides keep this length

_SIDE_PX, _LOWEST = 64, 16
_FLATTEST = 1.0  # grey levels: a picture that varies less has no pattern, only noise
_GREY = np.array([0.299, 0.587, 0.114])
_COSINES = np.cos(
    np.pi * (2 * np.arange(_SIDE_PX)[None] + 1) * np.arange(_LOWEST)[:, None] / (2 * _SIDE_PX)
)
_ROWS_AT_ONCE = (
    64  # so that a block of pairs stays below 100 MiB for 50,000 photos that are all alike
)


def perceptual_hash(image: Image) -> bytes | None:
    """Hash a picture into HASH_BYTES bytes; None for one without a pattern, such as a blank
    sheet.
    """
    grey = to_array(resize(image, _SIDE_PX, _SIDE_PX)).astype(np.float64) @ _GREY  # (h, w)
    if grey.std() < _FLATTEST:
        return None
    frequencies = (_COSINES @ grey @ _COSINES.T).ravel()
    frequencies[0] = np.median(
        frequencies[1:]
    )  # the mean brightness says nothing: its bit is always 0
    return np.packbits(frequencies > frequencies[0]).tobytes()


def differing_bits(one: bytes, other: bytes) -> int:
    """Count the bits in which two hashes differ, 0 to 255."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


class NearDuplicates:
    """Which of many hashes are within `most_bits` of each other; None among them is near nothing.

    Hashes are cut into one band more than bits may differ, so that near ones agree in a band whole:
    only those that share a band are compared. Where bands are so alike that this compares more than
    all with all would, all are compared with all, which takes 20 s for 50,000.
    """

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
        """The photos before `at` that are near it, as (place, differing bits), nearest first.

        Of several with one and the same hash the first is given.
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
    """All pairs of different hashes within `most_bits`, as rows (one, other, bits) with one <
    other, sorted.
    """
    blocks = list(near_pair_blocks(hashes, most_bits=most_bits))
    return np.unique(np.concatenate([np.empty((0, 3), np.int64), *blocks]), axis=0)


def near_pair_blocks(
    hashes: Sequence[bytes], *, most_bits: int = MOST_BITS
) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of `near_pairs` in blocks of bounded size, unsorted, a pair perhaps more than
    once.

    For sets of which so many pairs are near each other that a list of all has no room: a fixed
    camera's pictures.
    """
    if len(hashes) < 2:
        return
    packed = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), HASH_BYTES)
    words = packed.view(np.uint64)  # (n, 4)
    orders = [
        _band_order(band)
        for band in np.array_split(np.unpackbits(packed, axis=1), most_bits + 1, axis=1)
    ]
    compared = sum(int((sizes * (sizes - 1) // 2).sum()) for _, _, sizes in orders)
    if compared > len(hashes) * (len(hashes) - 1) // 2:
        yield from _among_all(words, most_bits)
    else:
        for order, codes, _ in orders:
            yield from _within_bands(words, order, codes, most_bits)


def _band_order(
    bits: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The hashes sorted by one band: places, the bands' numbers in that order, and how many are
    alike each time.
    """
    codes = bits.astype(np.int64) @ (1 << np.arange(bits.shape[1], dtype=np.int64))
    order = np.argsort(codes, kind="stable")
    return order, codes[order], np.unique(codes, return_counts=True)[1].astype(np.int64)


def _within_bands(
    words: NDArray[np.uint64], order: NDArray[np.int64], codes: NDArray[np.int64], most_bits: int
) -> Iterator[NDArray[np.int64]]:
    for step in range(1, len(order)):
        alike = np.flatnonzero(codes[step:] == codes[:-step])
        if not len(alike):
            break  # sorted: where none is alike `step` places on, none is farther on
        yield _near_rows(words, order[alike], order[alike + step], most_bits)


def _among_all(words: NDArray[np.uint64], most_bits: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(words), _ROWS_AT_ONCE):
        rows = words[start : start + _ROWS_AT_ONCE]
        bits = np.zeros((len(rows), len(words)), np.uint16)
        for word in range(words.shape[1]):
            bits += np.bitwise_count(rows[:, word, None] ^ words[None, :, word])
        ones, others = np.nonzero(bits <= most_bits)
        is_later = others > ones + start
        ones, others = ones[is_later], others[is_later]
        yield np.stack([ones + start, others, bits[ones, others].astype(np.int64)], axis=1)


def _near_rows(
    words: NDArray[np.uint64], ones: NDArray[np.int64], others: NDArray[np.int64], most_bits: int
) -> NDArray[np.int64]:
    bits = np.bitwise_count(words[ones] ^ words[others]).sum(axis=1, dtype=np.int64)
    is_near = bits <= most_bits
    ones, others = ones[is_near], others[is_near]
    return np.stack([np.minimum(ones, others), np.maximum(ones, others), bits[is_near]], axis=1)
