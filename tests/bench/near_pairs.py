"""Seconds and memory to find near-duplicate hashes: FAISS's binary index, and bands by hand.

    python tests/bench/near_pairs.py [--hashes 10000 50000] [--alike]

Bands are what stood here before: hashes cut into one part more than bits may differ, so that near
ones agree in a whole part. Both must find the same pairs. `--alike`: all hashes near each other.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from index.photos.perceptual_hash import HASH_BYTES, MOST_BITS, near_pair_blocks

_ROWS_AT_ONCE = 64


def main() -> None:
    """Print a line for each way and number of hashes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hashes", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--alike", action="store_true")
    options = parser.parse_args()
    for count in options.hashes:
        hashes = make_hashes(count, is_alike=options.alike)
        for name, find in (("FAISS", near_pair_blocks), ("bands", band_pair_blocks)):
            measure(f"{count:,} hashes, {name}", find, hashes)
        if not options.alike:
            ways = (near_pair_blocks(hashes), band_pair_blocks(hashes))
            by_faiss, by_bands = (np.unique(np.concatenate(list(way)), axis=0) for way in ways)
            assert np.array_equal(by_faiss, by_bands)
            print(f"{count:,} hashes: both find the same {len(by_faiss):,} pairs", flush=True)


def make_hashes(count: int, *, is_alike: bool) -> list[bytes]:
    """Random hashes of which one in fifty has a copy of 8 other bits; or all within 16 bits."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (count, HASH_BYTES), np.uint8)
    if is_alike:
        codes[:] = codes[0]
        codes[np.arange(count), rng.integers(0, HASH_BYTES, count)] ^= rng.integers(
            1, 255, count
        ).astype(np.uint8)
    else:
        copies = codes[: count // 50].copy()
        copies[:, ::4] ^= 1
        codes[-len(copies) :] = copies
    return list(dict.fromkeys(row.tobytes() for row in codes))


def measure(
    name: str, find: Callable[[Sequence[bytes]], Iterator[NDArray[np.int64]]], hashes: list[bytes]
) -> None:
    """Print what one way costs."""
    started, cpu_before = time.perf_counter(), time.process_time()
    rows = sum(len(block) for block in find(hashes))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_before
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {seconds:.1f} s, {cpu_seconds:.1f} s of CPU, {rows:,} rows, "
        f"peak of the process so far {peak_mib:.0f} MiB",
        flush=True,
    )


def band_pair_blocks(
    hashes: Sequence[bytes], *, most_bits: int = MOST_BITS
) -> Iterator[NDArray[np.int64]]:
    """The pairs by bands; a pair that shares several bands comes several times."""
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


if __name__ == "__main__":
    main()
