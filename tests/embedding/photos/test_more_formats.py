"""Formats that phones and browsers save: AVIF, and JPEGs under other names."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from embedding.photos.exif import taken_at
from embedding.photos.photo import PHOTO_SUFFIXES, photo_kind, photo_size, read_photo, to_array
from index.photos.location import has_place, without_place
from tests.embedding.photos.conftest import encoded, exif_turned, quarters


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_comes_out_upright(orientation: int) -> None:
    data = encoded(quarters(), "AVIF", quality=95, exif=exif_turned(orientation))
    jpeg = encoded(quarters(), "JPEG", quality=95, exif=exif_turned(orientation))
    read = read_photo(data)
    assert read.size == photo_size(data) == photo_size(jpeg)
    difference = to_array(read).astype(int) - to_array(read_photo(jpeg))
    assert np.abs(difference).mean() < 6


def test_an_avif_is_known_by_its_brands() -> None:
    data = encoded(quarters(), "AVIF")
    assert photo_kind(data).file_format == "AVIF"
    assert photo_kind(data.replace(b"ftypavif", b"ftypmif1", 1)).file_format == "AVIF"


def test_a_transparent_avif_shows_middle_grey() -> None:
    image = PIL.Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    assert np.abs(to_array(read_photo(encoded(image, "AVIF"))).astype(int) - 128).max() <= 2


def test_the_time_and_the_place_of_an_avif_are_found() -> None:
    exif = PIL.Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8769)[0x9003] = "2021:04:03 14:05:09"
    dated = encoded(quarters(), "AVIF", exif=exif)
    assert taken_at(dated) == "2021-04-03T14:05:09"
    assert not has_place(dated) and without_place(dated) == dated
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    placed = encoded(quarters(), "AVIF", exif=exif)
    assert has_place(placed) and without_place(placed) is None


@pytest.mark.parametrize("suffix", [".jfif", ".mpo", ".hif", ".avif", ".pjpeg"])
def test_their_suffixes_are_photos(suffix: str) -> None:
    assert suffix in PHOTO_SUFFIXES


def test_of_several_pictures_in_one_jpeg_the_first_is_read() -> None:
    second = PIL.Image.new("RGB", (64, 32), "red")
    data = encoded(quarters(), "MPO", save_all=True, append_images=[second], quality=95)
    assert photo_kind(data).file_format == "JPEG"
    difference = to_array(read_photo(data)).astype(int) - np.asarray(quarters())
    assert np.abs(difference).mean() < 6
