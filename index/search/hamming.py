"""Pairs of codes that differ in few bits, found exactly by FAISS's binary index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faiss  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

_faiss: Any = faiss

_MOST_ROWS = 1024  # codes searched at a time
_MOST_PAIRS = 2**21  # about what one block may yield: 100 MiB with all copies


def near_code_pairs(codes: NDArray[np.uint8], most_bits: int) -> Iterator[NDArray[np.int64]]:
    """Yield all pairs of codes (n, bytes) that differ in at most `most_bits`, in blocks.

    A block has the rows (one, other, bits) with one < other; each pair is there once, in no order.
    Where many codes are near each other, fewer are searched at a time, so that a block stays small.
    """
    index = _faiss.IndexBinaryFlat(codes.shape[1] * 8)
    start, rows, pairs_a_row = 0, _MOST_ROWS, 1.0
    while start < len(codes):
        block = np.ascontiguousarray(codes[start : start + rows])
        index.add(block)  # so a block is compared with itself and with what came before it
        limits, bits, ones = index.range_search(block, most_bits + 1)  # below, and not up to
        counts = np.diff(limits.astype(np.int64))
        others = np.repeat(np.arange(start, start + len(block)), counts)
        is_pair = ones < others
        yield np.stack([ones[is_pair], others[is_pair], bits[is_pair].astype(np.int64)], axis=1)
        start += len(block)
        pairs_a_row = max(pairs_a_row, 2 * len(ones) / len(block))
        rows = max(1, min(_MOST_ROWS, int(_MOST_PAIRS / pairs_a_row)))
