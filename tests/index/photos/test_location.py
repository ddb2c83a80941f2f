"""Where a photo was taken leaves its file, whatever says it; the picture stays as it is."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from embedding.photos.photo import photo_kind, read_photo
from index.photos.location import has_place, without_place
from tests.index.photos.photos_with_places import (
    APP1,
    APP4,
    ASCII,
    COM,
    EXIF,
    GPS,
    GPS_BLOCK,
    LONG,
    LONG_XMP,
    MAKE,
    MP4,
    ORIENTATION,
    TAKEN_AT,
    TIME,
    UNDEFINED,
    XMP,
    check_clean,
    exif,
    facts,
    iptc,
    jpeg,
    photo,
    photoshop,
    read,
    saved,
    tiff,
    xmp,
)

HARMLESS = {
    "nothing": jpeg(),
    "facts": jpeg(exif(tiff(facts((EXIF, LONG, 1, 1)), TIME))),
    "facts, big-endian": jpeg(exif(tiff(facts(order=">"), order=">"))),
    "a colour profile": saved("JPEG", icc_profile=b"a profile" * 10),
    "progressive": saved("JPEG", progressive=True),
    "padding": jpeg(after=b"\x00" * 7 + b"\n"),
    "no end": jpeg()[:-2],
    "grey": saved("JPEG", mode="L"),
    "CMYK": saved("JPEG", mode="CMYK"),
}


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_jpeg_loses_its_place_and_nothing_else(order):
    data = photo(has_place=True, order=order)
    facts, place, pixels = read(data)
    assert place[2] == (52.0, 42.0, 16.0)
    cleaned = without_place(data)
    assert cleaned is not None
    assert read(cleaned) == (facts, {}, pixels)
    assert b"2018:06:01" in data and b"2018:06:01" not in cleaned
    assert without_place(cleaned) is cleaned


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WebP", "TIFF"])
def test_a_photo_without_a_place_stays_as_it_is(form):
    data = photo(form, has_place=False)
    assert without_place(data) is data


@pytest.mark.parametrize("name", HARMLESS)
def test_a_jpeg_with_nothing_that_may_tell_a_place_stays_as_it_is(name):
    assert without_place(HARMLESS[name]) is HARMLESS[name]
    assert not has_place(HARMLESS[name])


def test_of_whole_exif_the_harmless_values_stay():
    data = jpeg(exif(GPS_BLOCK))
    cleaned = check_clean(without_place(data), data)
    with Image.open(io.BytesIO(cleaned)) as image:
        values = image.getexif()
        assert dict(values) | {EXIF: 0} == {MAKE: "Maker", ORIENTATION: 3, EXIF: 0}
        assert values.get_ifd(EXIF) == {TAKEN_AT: "2018:06:01 12:30:00"}


def test_a_place_in_xmp_leaves_with_all_of_the_xmp():
    xmp = (
        b'<x:xmpmeta><d exif:GPSLatitude="52,42.16N" '
        b'exif:Model="X"/><exif:GPSLongitude>23,5E</exif:GPSLongitude>'
    )
    data = photo(has_place=False, xmp=xmp)
    cleaned = check_clean(without_place(data), data)
    assert b"52,42" not in cleaned and b"23,5E" not in cleaned and b"Model" not in cleaned
    assert read(cleaned)[0] == {MAKE: "Maker", ORIENTATION: 6}


@pytest.mark.parametrize(
    "data",
    [
        jpeg((COM, b"Bar Harbor")),
        jpeg((APP1, XMP + xmp("<dc:subject>Bar Harbor</dc:subject>"))),
        jpeg(photoshop((0x0404, iptc(25)))),
        jpeg(exif(tiff(facts((0x010E, ASCII, 11, b"Bar Harbor\x00"))))),
        jpeg(exif(tiff(facts((EXIF, LONG, 1, 1)), [(0x927C, UNDEFINED, 10, b"Bar Harbor")]))),
        jpeg(exif(tiff(facts()) + b"Bar Harbor")),
        jpeg(after=b"Bar Harbor"),
        jpeg(after=MP4),
    ],
    ids=["comment", "XMP", "IPTC", "description", "maker", "gap", "trailer", "video"],
)
def test_what_nobody_can_know_to_be_no_place_leaves_though_it_counts_as_none(data):
    assert not has_place(data)
    assert check_clean(without_place(data), data) != data


def test_a_turned_photo_stays_turned_where_its_exif_stands_in_an_odd_place():
    body = b"Exif\x00\x00" + tiff(facts())
    data = jpeg((APP4, b"OWN\x00\xff\xe1" + struct.pack(">H", len(body) + 2) + body))
    assert photo_kind(data).orientation == 3
    check_clean(without_place(data), data)


def test_a_jpeg_whose_segments_are_not_to_be_told_apart_is_left_out():
    segment = b"\xff\xe1" + struct.pack(">H", 9000) + XMP + LONG_XMP
    data = saved("JPEG")[:-2] + segment  # a comment said to be longer than the file
    assert read_photo(data)
    assert has_place(data)
    assert without_place(data) is None
    assert without_place(b"\xff\xd8\xff\xe1") is None


def test_a_picture_that_would_change_is_left_out(monkeypatch):
    other = saved("JPEG", quality=20)
    monkeypatch.setattr("index.photos.location.jpeg_without_place", lambda _: other)
    assert without_place(jpeg(exif(GPS_BLOCK))) is None
    monkeypatch.setattr("index.photos.location.jpeg_without_place", lambda _: other[:300])
    assert without_place(jpeg(exif(GPS_BLOCK))) is None


@pytest.mark.parametrize(
    "tag", ["drone-dji:GpsLatitude", "drone-dji:GpsLongtitude", "exif:GPSLongitude"]
)
def test_any_maker_s_spelling_in_xmp_is_taken_out(tag: str) -> None:
    data = jpeg((APP1, f'<x:xmpmeta {tag}="47.1234"/>'.encode()))
    cleaned = without_place(data)
    assert cleaned is not None
    assert b"47.1234" not in cleaned


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
