"""Photos of one picture: the same bytes, or nearly the same picture in other bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.photos.perceptual_hash import MOST_BITS, differing_bits, near_pair_blocks
from training.data.file_facts import FileFacts

_PAIRS_AT_ONCE = 2**20


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Photos of one picture, by name.

    `bits`: in how many of 255 each one's perceptual hash differs from the first's.

    Near ones are joined over others between them, so that bits may be more than any two neighbours'
    are.
    """

    photos: tuple[str, ...]
    bits: tuple[int, ...]
    is_exact: bool


def find_duplicates(
    files: Sequence[FileFacts], *, most_bits: int = MOST_BITS
) -> list[DuplicateGroup]:
    """Group readable photos: those of the same bytes, then near duplicates; both by name.

    A near group holds every photo of its pictures, copies too; a group of copies alone is exact
    only.
    """
    readable = [file for file in files if file.fault is None]
    same: dict[bytes, list[FileFacts]] = {}
    for file in readable:
        same.setdefault(file.content, []).append(file)
    exact = [_group(copies, is_exact=True) for copies in same.values() if len(copies) > 1]
    # One of each picture's copies is compared, and brings the others along.
    patterned = [copies for copies in same.values() if copies[0].perceptual is not None]
    near = [
        _group([file for at in members for file in patterned[at]], is_exact=False)
        for members in near_groups(
            [copies[0].perceptual or b"" for copies in patterned], most_bits=most_bits
        )
    ]
    return sorted(exact, key=lambda one: one.photos) + sorted(near, key=lambda one: one.photos)


def near_groups(hashes: Sequence[bytes], *, most_bits: int = MOST_BITS) -> list[list[int]]:
    """Group hashes within `most_bits` of each other, directly or over others; two or more each."""
    numbers: dict[bytes, int] = {}
    number_of = np.array([numbers.setdefault(each, len(numbers)) for each in hashes], np.int64)
    roots = joined(near_pair_blocks(list(numbers), most_bits=most_bits), len(numbers))
    places: dict[int, list[int]] = {}
    for at, root in enumerate(roots[number_of].tolist() if len(hashes) else []):
        places.setdefault(root, []).append(at)
    return [group for group in places.values() if len(group) > 1]


def joined(blocks: Iterable[NDArray[np.int64]], count: int) -> NDArray[np.int64]:
    """Give each of `count` things the smallest number that pairs connect it with.

    Pairs are rows (one, other, ...).

    No more than a million pairs and a block are held, whatever their number.
    """
    roots = np.arange(count)
    waiting: list[NDArray[np.int64]] = []
    held = 0
    for block in blocks:
        waiting.append(block[:, :2])
        held += len(block)
        if held >= _PAIRS_AT_ONCE:
            roots, waiting, held = _joined_once(roots, np.concatenate(waiting)), [], 0
    return _joined_once(roots, np.concatenate(waiting)) if waiting else roots


def _joined_once(roots: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    while len(pairs):
        ones, others = roots[pairs[:, 0]], roots[pairs[:, 1]]
        is_separate = ones != others
        pairs, ones, others = pairs[is_separate], ones[is_separate], others[is_separate]
        np.minimum.at(roots, np.maximum(ones, others), np.minimum(ones, others))
        while not np.array_equal(shorter := roots[roots], roots):
            roots = shorter
    return roots


def _group(files: Sequence[FileFacts], *, is_exact: bool) -> DuplicateGroup:
    ordered = sorted(files, key=lambda file: file.name)
    first = ordered[0].perceptual or b""
    bits = tuple(differing_bits(first, file.perceptual or b"") for file in ordered)
    return DuplicateGroup(tuple(file.name for file in ordered), bits, is_exact)
