"""FAISS's pairs of near codes are those of a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from index.search.hamming import near_code_pairs


def naive_pairs(codes: np.ndarray, most_bits: int) -> list[list[int]]:
    bits = np.unpackbits(codes, axis=1)
    return [
        [one, other, int((bits[one] != bits[other]).sum())]
        for one in range(len(codes))
        for other in range(one + 1, len(codes))
        if (bits[one] != bits[other]).sum() <= most_bits
    ]


@pytest.mark.parametrize("most_bits", [0, 1, 9, 24])
@pytest.mark.parametrize("rows", [1, 7, 1024])
def test_pairs_are_those_of_a_plain_loop(rng, monkeypatch, most_bits, rows):
    monkeypatch.setattr("index.search.hamming._MOST_ROWS", rows)
    codes = rng.integers(0, 256, (80, 4), np.uint8)
    codes = np.concatenate([codes, codes[:9], codes[:9] ^ np.uint8(1)])
    blocks = list(near_code_pairs(codes, most_bits))
    assert sorted(np.concatenate(blocks).tolist()) == naive_pairs(codes, most_bits)


def test_no_codes_have_no_pairs():
    assert list(near_code_pairs(np.empty((0, 32), np.uint8), 24)) == []
