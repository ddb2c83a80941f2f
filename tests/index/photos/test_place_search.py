"""The search is bounded, whatever a file was made to do to it; test_location has each carrier."""

from __future__ import annotations

import pytest

from index.photos.place_search import has_place


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + b"II*\x00" * 100_000,
        b"\xff\xd8\xff" + b"II*\x00\x08\x00\x00\x00\xff\xff" * 50_000,
        b"\xff\xd8\xff" + b"\xff\xe1..Exif\x00\x00" * 50_000,
        b"\xff\xd8\xff" + b"MM\x00*\x00\x00\x00\x00" * 1_001,
    ],
)
def test_files_made_to_keep_it_busy_count_as_with_a_place(data):
    has_place(data)


def test_more_blocks_than_any_photo_has_count_as_a_place():
    assert has_place(b"\xff\xd8\xff" + b"MM\x00*\x00\x00\x00\x00" * 1_002)


@pytest.mark.parametrize(
    "head", [b"GIF89a", b"RIFF....WEBP", b"\x89PNG\r\n\x1a\n", b"....ftypheic", b""]
)
def test_a_bare_head_has_no_place(head):
    assert not has_place(head)


@pytest.mark.parametrize(
    "head", [b"\xff\xd8\xff", b"BM", b"....ftypheic", b"II*\x00\x08\x00\x00\x00\x00\x00"]
)
def test_noise_has_no_place(head, rng):
    assert not has_place(head + rng.bytes(1_000_000))


def test_a_damaged_gif_is_searched_as_it_is():
    assert not has_place(b"GIF89a" + bytes(7) + b"\x99")
    assert has_place(b"GIF89a" + bytes(7) + b"\x99" + b"at 44.5003, -68.2503")
