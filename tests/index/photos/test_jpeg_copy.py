"""A JPEG's own segments are copied byte for byte, and the others aren't."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from index.photos.jpeg_copy import jpeg_without_place


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


@pytest.fixture(params=[{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def plain(request: pytest.FixtureRequest) -> bytes:
    kept = io.BytesIO()
    pixels = np.random.default_rng(2).integers(0, 256, (32, 48, 3), np.uint8)
    Image.fromarray(pixels).save(kept, "JPEG", **request.param)
    return kept.getvalue()


def test_its_own_segments_stay(plain):
    assert jpeg_without_place(plain) == plain
    profile = segment(0xE2, b"ICC_PROFILE\x00\x01\x01profile")
    adobe = segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01")
    data = plain[:20] + profile + adobe + plain[20:]
    assert jpeg_without_place(data) == data


def test_other_segments_go_wherever_they_stand(plain):
    others = [segment(marker, b"Bar Harbor") for marker in (0xFE, *range(0xE0, 0xF0), 0xF5)]
    scan = plain.rindex(b"\xff\xda")
    for at in (2, 20, scan):
        assert jpeg_without_place(plain[:at] + b"".join(others) + plain[at:]) == plain
    assert jpeg_without_place(plain[:-2] + others[0] + b"\xff\xd9") == plain  # behind the pixels
    assert jpeg_without_place(plain + b"Bar Harbor") == plain
    assert jpeg_without_place(plain + b"\x00\x00") == plain + b"\x00\x00"
    assert jpeg_without_place(plain[:20] + b"\xff\xff" + plain[20:]) == plain


def test_small_pictures_and_rests_in_its_own_segments_go(plain):
    jfif = plain[4 + 2 : 18]
    data = plain[:2] + segment(0xE0, jfif + b"\x02\x01" + b"rgbrgb") + plain[20:]
    assert jpeg_without_place(data) == plain
    adobe = segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01")
    more = segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01Bar Harbor")
    assert jpeg_without_place(plain[:20] + more + plain[20:]) == plain[:20] + adobe + plain[20:]


@pytest.mark.parametrize(
    "rest",
    [
        b"\xff\xe1\x00",
        b"\xff\xe1\xff\xff",
        b"\xff\xe1\x00\x01",
        b"no marker",
        b"\xff\xd0",
        b"\xff\x01",
        b"\xff\x00",
        b"\xff",
    ],
)
def test_segments_that_cannot_be_told_apart(plain, rest):
    assert jpeg_without_place(plain[:20] + rest) is None


def test_a_missing_end_stays_missing(plain):
    assert jpeg_without_place(plain[:-2]) == plain[:-2]
