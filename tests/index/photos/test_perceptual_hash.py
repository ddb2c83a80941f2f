"""The same picture in other bytes is found, another picture is not, and fifty thousand take
seconds.
"""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import find_photos, from_array, read_photo
from index.photos.perceptual_hash import (
    DECODE_PX,
    HASH_BYTES,
    MOST_BITS,
    NearDuplicates,
    differing_bits,
    near_pair_blocks,
    near_pairs,
    perceptual_hash,
)


def picture(seed: int, width: int = 300, height: int = 150) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
    return from_array(cells).resize((width, height), Image.Resampling.BICUBIC)


def saved(image: Image.Image, quality: int) -> Image.Image:
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=quality)
    return read_photo(kept.getvalue())


def flipped(hashed: bytes, *bits: int) -> bytes:
    number = int.from_bytes(hashed)
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(HASH_BYTES)


def random_hashes(rng, count: int) -> list[bytes]:
    return [row.tobytes() for row in rng.integers(0, 256, (count, HASH_BYTES), np.uint8)]


def test_differing_bits_are_counted():
    assert differing_bits(b"\x00" * 32, b"\x00" * 31 + b"\x07") == 3
    assert differing_bits(b"\xff" * 32, b"\x00" * 32) == 256


@pytest.mark.parametrize(
    "change",
    [
        lambda image: saved(image, 40),
        lambda image: image.resize((150, 75)),
        lambda image: image.resize((600, 300)),
        lambda image: image.point(lambda level: round(level * 0.8)),
    ],
)
def test_the_same_picture_in_other_bytes(change):
    for seed in range(10):
        own, other = perceptual_hash(picture(seed)), perceptual_hash(change(picture(seed)))
        assert own is not None and other is not None
        assert differing_bits(own, other) <= MOST_BITS


def test_other_pictures_are_far():
    hashes = [perceptual_hash(picture(seed)) for seed in range(60)]
    assert len({len(each or b"") for each in hashes}) == 1
    assert len(near_pairs([each for each in hashes if each])) == 0


def test_a_picture_without_a_pattern_has_no_hash(rng):
    assert perceptual_hash(from_array(np.full((40, 40, 3), 200, np.uint8))) is None
    hardly = np.full((64, 64, 3), 200, np.uint8)
    hardly[0, 0] = 210
    assert perceptual_hash(from_array(hardly)) is None
    assert NearDuplicates([None, None]).before(1) == []


def naive_pairs(hashes: list[bytes], most_bits: int) -> list[list[int]]:
    return [
        [one, other, differing_bits(hashes[one], hashes[other])]
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if differing_bits(hashes[one], hashes[other]) <= most_bits
    ]


@pytest.mark.parametrize("most_bits", [0, 3, MOST_BITS])
def test_pairs_are_those_of_a_plain_loop(rng, most_bits):
    hashes = random_hashes(rng, 60)
    for at in range(60):  # copies that differ in 1 to 30 bits, wherever those fall
        hashes.append(flipped(hashes[at], *rng.choice(255, at % 30 + 1, replace=False).tolist()))
    assert near_pairs(hashes, most_bits=most_bits).tolist() == naive_pairs(hashes, most_bits)


def test_hashes_that_are_all_near_come_in_small_blocks(rng, monkeypatch):
    first = random_hashes(rng, 1)[0]
    hashes = [flipped(first, *rng.choice(255, 14, replace=False).tolist()) for _ in range(300)]
    monkeypatch.setattr("index.search.hamming._MOST_ROWS", 8)
    monkeypatch.setattr("index.search.hamming._MOST_PAIRS", 1500)
    blocks = list(near_pair_blocks(hashes))
    assert max(len(block) for block in blocks) <= 1500
    expected = naive_pairs(hashes, MOST_BITS)
    assert sorted(np.concatenate(blocks).tolist()) == expected
    assert near_pairs(hashes).tolist() == expected


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_for_a_pair(rng, count):
    assert near_pairs(random_hashes(rng, count)).shape == (0, 3)


def test_before_gives_the_nearest_first_and_one_of_equal_ones(rng):
    first = random_hashes(rng, 1)[0]
    near, nearer = flipped(first, *range(9)), flipped(first, 0)
    found = NearDuplicates([first, near, None, first, nearer, *random_hashes(rng, 5)])
    assert found.before(0) == []
    assert found.before(1) == [(0, 9)]
    assert found.before(2) == []
    assert found.before(3) == [(0, 0), (1, 9)]
    assert found.before(4) == [(0, 1), (1, 8)]
    assert found.before(6) == []


@pytest.mark.slow
def test_fifty_thousand_are_searched_and_every_copy_found(rng):
    hashes = random_hashes(rng, 49_900)
    hashes += [flipped(hashes[at], *range(0, 240, 10)) for at in range(100)]
    started = time.monotonic()
    pairs = near_pairs(hashes)
    print(f"{time.monotonic() - started:.1f} s")
    assert pairs.tolist() == [[at, 49_900 + at, 24] for at in range(100)]


@pytest.mark.shared
@pytest.mark.parametrize(("folder", "count"), [("humpback/photos", 300), ("right_whale", 150)])
def test_real_photos_are_told_apart_and_their_copies_found(shared, folder, count):
    photos = find_photos([shared / "data" / folder])[:count]
    hashes, copies = [], []
    for photo in photos:
        hashes.append(perceptual_hash(read_photo(photo, at_least_px=DECODE_PX)) or b"")
        whole = read_photo(photo)
        copies.append(
            perceptual_hash(saved(whole.resize((whole.width // 2, whole.height // 2)), 70)) or b""
        )
    assert near_pairs(hashes).tolist() == []
    assert (
        max(differing_bits(one, other) for one, other in zip(hashes, copies, strict=True))
        <= MOST_BITS
    )
