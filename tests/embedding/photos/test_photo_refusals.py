"""embedding/photos/photo.py: what is no photo, or too much of one, is BadPhoto."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps
import pytest

from embedding.photos.photo import (
    BadPhoto,
    PhotoLimits,
    read_photo,
)
from tests.embedding.photos.conftest import encoded, quarters


def png_of(width_px: int, height_px: int, pixel_data: bytes = b"") -> bytes:
    """A PNG made by hand, so that its header may claim what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(pixel_data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


# ------------------------------------------------------------------------------------------------
# errors


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadPhoto, match=r"a\.jpg: the file is empty \(0 bytes\)"):
        read_photo(b"", name="a.jpg")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_truncated_jpeg_is_refused(
    options: dict[str, Any], share: float, rng: np.random.Generator
) -> None:
    noise = PIL.Image.fromarray(rng.integers(0, 255, (120, 200, 3)).astype(np.uint8))
    data = encoded(noise, "JPEG", **options)
    with pytest.raises(BadPhoto, match=r"a\.jpg: truncated: the JPEG ends before its picture does"):
        read_photo(data[: int(len(data) * share)], name="a.jpg")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_half_a_photo_is_refused_in_every_format(
    file_format: str, rng: np.random.Generator
) -> None:
    noise = PIL.Image.fromarray(rng.integers(0, 255, (120, 200, 3)).astype(np.uint8))
    data = encoded(noise, file_format)
    with pytest.raises(BadPhoto, match=r"^a\.photo: (truncated: the|the) \w+ "):
        read_photo(data[: len(data) // 2], name="a.photo")


def test_text_named_jpg_is_refused() -> None:
    expected = (
        r"notes\.jpg: not a photo, whatever its name says: it holds text; JPEG, PNG, .* are read"
    )
    with pytest.raises(BadPhoto, match=expected):
        read_photo(b"Image,Id\na.jpg,w_1\n", name="notes.jpg")


def test_other_bytes_are_refused_and_shown() -> None:
    with pytest.raises(BadPhoto, match=r"it starts with the bytes 50 4b 03 04 14 00 00 00;"):
        read_photo(b"PK\x03\x04\x14\x00\x00\x00", name="archive.jpg")


def test_a_60000_px_png_is_refused_from_its_header() -> None:
    data = png_of(60_000, 60_000)
    assert len(data) < 100  # there is nothing to decode: only the header can have told
    with pytest.raises(
        BadPhoto, match=r"huge\.png: 60,000 x 60,000 px are too many pixels: at most 120,000,000"
    ):
        read_photo(data, name="huge.png")


def test_the_pixel_limit_counts_before_a_small_decode() -> None:
    limits = PhotoLimits(max_pixels=2047)
    with pytest.raises(BadPhoto, match="64 x 32 px are too many pixels: at most 2,047"):
        read_photo(encoded(quarters(64, 32), "JPEG"), limits=limits, at_least_px=4)
    assert read_photo(
        encoded(quarters(64, 32), "JPEG"), limits=PhotoLimits(max_pixels=2048)
    ).size == (64, 32)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "TIFF"])
def test_sizes_that_pillow_refuses_first_are_bad_photos(
    file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(quarters(64, 32), file_format)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BadPhoto, match=r"a\.photo: .*too many pixels"):
        read_photo(data, name="a.photo", limits=PhotoLimits(max_pixels=2000))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(BadPhoto, match=r"a\.png: the file is larger than the 50 bytes allowed"):
        read_photo(encoded(quarters(), "PNG"), name="a.png", limits=PhotoLimits(max_bytes=50))


@pytest.mark.parametrize("size", [(0, 7), (7, 0)])
def test_no_pixels_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(BadPhoto, match=r"a\.png: the PNG has no pixels"):
        read_photo(png_of(*size), name="a.png")


def test_errors_name_the_path_or_what_the_caller_calls_it(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BadPhoto, match=r"empty\.jpg: the file is empty"):
        read_photo(tmp_path / "empty.jpg")
    with pytest.raises(BadPhoto, match=r"^the fluke: the file is empty"):
        read_photo(tmp_path / "empty.jpg", name="the fluke")
    with pytest.raises(BadPhoto, match=r"^the fluke: there is no such file$"):
        read_photo(tmp_path / "absent.jpg", name="the fluke")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_random_damage_never_gets_past_bad_photo(
    file_format: str, rng: np.random.Generator
) -> None:
    sound = encoded(quarters(), file_format)
    refused = 0
    for _ in range(150):
        damaged = bytearray(sound)
        for position in rng.integers(0, len(sound), 6):
            damaged[position] = rng.integers(0, 256)
        try:
            assert read_photo(bytes(damaged), limits=PhotoLimits(max_pixels=10**6)).mode == "RGB"
        except BadPhoto:
            refused += 1
    assert refused
