"""training/data/duplicates.py: groups of one picture, against naive comparison of all with all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.photos.perceptual_hash import HASH_BYTES, differing_bits
from training.data import duplicates
from training.data.duplicates import DuplicateGroup, find_duplicates, joined, near_groups
from training.data.file_facts import FileFacts


def facts_of_file(name: str, content: str, perceptual: bytes | None) -> FileFacts:
    return FileFacts(name, None, content=content.encode(), perceptual=perceptual)


def hashed(*bits: int) -> bytes:
    """A hash in which these bits are set."""
    whole = np.zeros(8 * HASH_BYTES, np.uint8)
    whole[list(bits)] = 1
    return np.packbits(whole).tobytes()


def naive_groups(hashes: list[bytes], most_bits: int) -> list[list[int]]:
    roots = list(range(len(hashes)))
    for one, first in enumerate(hashes):
        for other in range(one):
            if differing_bits(first, hashes[other]) <= most_bits:
                old, new = roots[one], roots[other]
                roots = [new if root == old else root for root in roots]
    groups = [
        [at for at, root in enumerate(roots) if root == kind] for kind in dict.fromkeys(roots)
    ]
    return [group for group in groups if len(group) > 1]


def test_copies_are_exact_and_changed_copies_near() -> None:
    far = hashed(*range(100, 200))
    found = find_duplicates(
        [
            facts_of_file("b", "1", hashed(0)),
            facts_of_file("a", "1", hashed(0)),
            facts_of_file("c", "2", hashed(1)),
            facts_of_file("d", "3", far),
        ]
    )
    assert found == [
        DuplicateGroup(("a", "b"), (0, 0), True),
        DuplicateGroup(("a", "b", "c"), (0, 0, 2), False),
    ]


def test_copies_alone_are_no_near_group_and_bad_or_blank_photos_none() -> None:
    bad = [FileFacts("x", "the file is empty"), FileFacts("y", "the file is empty")]
    blank = [facts_of_file("e", "5", None), facts_of_file("f", "6", None)]
    found = find_duplicates(
        [facts_of_file("a", "1", hashed(0)), facts_of_file("b", "1", hashed(0)), *bad, *blank]
    )
    assert found == [DuplicateGroup(("a", "b"), (0, 0), True)]
    assert find_duplicates([]) == []


def test_groups_are_those_of_a_naive_comparison(rng: np.random.Generator) -> None:
    centres = rng.integers(0, 256, (20, HASH_BYTES), np.uint8)
    flips = np.packbits(rng.random((120, 8 * HASH_BYTES)) < 0.035, axis=1)
    hashes = [row.tobytes() for row in centres[rng.integers(0, 20, 120)] ^ flips]
    expected = naive_groups(hashes, 16)
    assert 5 < len(expected) < 40  # neither all in one nor none
    assert sorted(near_groups(hashes, most_bits=16)) == sorted(expected)


def test_pictures_are_joined_over_others() -> None:
    chain = [hashed(*range(20 * step)) for step in range(4)]
    assert near_groups(chain, most_bits=24) == [[0, 1, 2, 3]]
    assert near_groups(chain, most_bits=19) == []


def test_no_more_than_some_pairs_are_held(monkeypatch) -> None:
    monkeypatch.setattr(duplicates, "_PAIRS_AT_ONCE", 3)
    folds: list[int] = []
    fold = duplicates._joined_once

    def counted(roots: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        folds.append(len(pairs))
        return fold(roots, pairs)

    monkeypatch.setattr(duplicates, "_joined_once", counted)
    blocks = (np.array([[at, at + 1, 0], [at + 1, at + 2, 0]]) for at in (5, 0, 3, 7))
    assert joined(blocks, 12).tolist() == [0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 10, 11]
    assert folds == [4, 4]
