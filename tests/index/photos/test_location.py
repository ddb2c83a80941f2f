"""Where a photo was taken leaves its file; nothing else does."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from index.photos.location import has_place, without_place

GPS, ORIENTATION, MAKE = 0x8825, 0x0112, 0x010F


def photo(form: str = "JPEG", *, has_place: bool, order: str = "<", xmp: bytes = b"") -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    exif = Image.Exif()
    exif.endian = order
    exif[MAKE], exif[ORIENTATION] = "Maker", 6
    if has_place:
        exif.get_ifd(GPS).update(
            {1: "N", 2: (52.0, 42.0, 16.0), 3: "E", 4: (23.0, 50.0, 59.0), 29: "2018:06:01"}
        )
    kept = io.BytesIO()
    more = {"xmp": xmp} if xmp else {}
    Image.fromarray(pixels).save(kept, form, exif=exif, **more)
    return kept.getvalue()


def read(data: bytes) -> tuple[dict, dict, bytes]:
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        return (
            {tag: exif[tag] for tag in (MAKE, ORIENTATION)},
            dict(exif.get_ifd(GPS)),
            image.tobytes(),
        )


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_jpeg_loses_its_place_and_nothing_else(order):
    data = photo(has_place=True, order=order)
    facts, place, pixels = read(data)
    assert place[2] == (52.0, 42.0, 16.0)
    cleaned = without_place(data)
    assert cleaned is not None and len(cleaned) == len(data)
    assert read(cleaned) == (facts, {}, pixels)
    assert b"2018:06:01" in data and b"2018:06:01" not in cleaned
    assert without_place(cleaned) is not None and read(without_place(cleaned)) == (
        facts,
        {},
        pixels,
    )


def test_a_photo_without_a_place_stays_as_it_is():
    for form in ("JPEG", "PNG", "WebP", "TIFF"):
        data = photo(form, has_place=False)
        assert without_place(data) is data


def test_a_place_in_xmp_is_blanked():
    xmp = (
        b'<x:xmpmeta><d exif:GPSLatitude="52,42.16N" '
        b'exif:Model="X"/><exif:GPSLongitude>23,5E</exif:GPSLongitude>'
    )
    cleaned = without_place(photo(has_place=False, xmp=xmp))
    assert cleaned is not None
    assert b"52,42" not in cleaned and b"23,5E" not in cleaned and b'exif:Model="X"' in cleaned


@pytest.mark.parametrize("form", ["PNG", "WebP"])
def test_other_formats_are_refused_where_they_tell_a_place(form):
    assert without_place(photo(form, has_place=True)) is None


def test_a_tiff_that_tells_a_place():
    jpeg = photo(has_place=True)  # whose EXIF is a TIFF without pixels
    assert without_place(jpeg[jpeg.index(b"Exif\0\0") + 6 :]) is None


def test_damaged_directories_do_no_harm(rng):
    whole = photo(has_place=True)
    for _ in range(300):
        data = bytearray(whole)
        for at in rng.integers(20, 250, 3):
            data[at] = rng.integers(0, 256)
        cleaned = without_place(bytes(data))
        assert cleaned is not None and len(cleaned) == len(data)


@pytest.mark.parametrize(
    "tag", ["drone-dji:GpsLatitude", "drone-dji:GpsLongtitude", "exif:GPSLongitude"]
)
def test_any_maker_s_spelling_in_xmp_is_blanked(tag: str) -> None:
    data = b"\xff\xd8\xff\xe1" + f'<x:xmpmeta {tag}="47.1234"/>'.encode() + b"\xff\xd9"
    cleaned = without_place(data)
    assert cleaned is not None
    assert b"47.1234" not in cleaned
    assert len(cleaned) == len(data)


@pytest.mark.parametrize(
    "chunk", [b"zTXtRaw profile type exif\x00\x00x", b"iTXtXML:com.adobe.xmp\x00\x01\x00\x00"]
)
def test_a_png_with_packed_text_is_left_out(chunk: bytes) -> None:
    assert without_place(b"\x89PNG\r\n\x1a\n" + chunk) is None
    assert without_place(b"\x89PNG\r\n\x1a\nIDAT") is not None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WebP"])
def test_whether_a_file_tells_a_place(form):
    assert has_place(photo(form, has_place=True))
    assert not has_place(photo(form, has_place=False))


def test_a_file_whose_place_was_taken_out_tells_none():
    cleaned = without_place(photo(has_place=True))
    assert cleaned is not None and not has_place(cleaned)


def test_a_bare_version_of_the_directory_is_no_place_and_xmp_is_one():
    kept = io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(GPS)[0] = b"\x02\x03\x00\x00"
    Image.new("RGB", (8, 8)).save(kept, "JPEG", exif=exif)
    assert not has_place(kept.getvalue())
    assert has_place(photo(has_place=False, xmp=b'<d exif:GPSLatitude="52,42.16N"/>'))
    assert not has_place(photo(has_place=False, xmp=b'<d exif:GPSLatitude=" "/>'))


def test_packed_texts_count_as_a_place():
    assert has_place(b"\x89PNG\r\n\x1a\n" + b"zTXt")
