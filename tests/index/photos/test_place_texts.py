"""Texts that name a place are told from texts that don't."""

from __future__ import annotations

import pytest

from index.photos.place_texts import has_place_text


@pytest.mark.parametrize(
    "text",
    [
        *("44.5003, -68.2503", "44.5003,-68.2503", "(44.5003;68.2503)", "44.500/-068.250"),
        *("-33.8568 151.2153", "0.001, 10.000", "44.5°N, 68.25°W", "44 N, 68 W"),
        *("44°30'1\"N 68°15'0\"W", "44 deg 30' 1.08\" N", "Position: N44°30.5'"),
        *("+44.5003-068.2503/", "Latitude: 44.5", "lat=44.5", '{"lat":44.5}', "geo:44.5,-68.2;u=9"),
    ],
)
def test_coordinates(text):
    assert has_place_text(text.encode())
    assert has_place_text(b"\x00\xff" + text.encode("utf-16-le") + b"\xff")
    assert has_place_text(b"\x00\xff" + text.encode("utf-16-be") + b"\x00\x00")


@pytest.mark.parametrize(
    "text",
    [
        *("24.0-70.0 mm f/2.8", "EF100-400mm f/4.5-5.6L IS", "0.382304 0.617234", "1.0, 2.0"),
        *(
            "2018-06-01T12:30:00",
            "+02:00",
            "Adobe Photoshop 24.1 (Windows)",
            "flat=3",
            "45 degrees",
        ),
        *("Canon EOS R5, 45.000 MP", "44.5003", "91.0000, 10.0000", "1.2345.6789", "IMG_0044.5003"),
        *("plate: 7", "120.0000 190.0000", "44.50034450.50034450, x", "a whale at the surface"),
    ],
)
def test_other_numbers(text):
    assert not has_place_text(text.encode())


@pytest.mark.parametrize(
    "xmp",
    [
        '<photoshop:City=""/>',
        '<d photoshop:City="" exif:GPSLatitude="  "/>',
        "<photoshop:City></photoshop:City>",
        "<photoshop:City> </photoshop:City>",
        "<photoshop:City/>",
        '<photoshop:City rdf:parseType="Resource"/>',
        "</exif:GPSLatitude> is closed",
        '<d xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"/>',
        '<d exif:GPSVersionID="2.3.0.0" crs:Velocity="1" photoshop:ColorMode="3"/>',
        '<d exif:GPSLatitudeRef=""/>',
    ],
)
def test_xmp_without_a_value(xmp):
    assert not has_place_text(xmp.encode())


def test_iptc_without_a_value():
    assert has_place_text(b"\x1c\x02\x5a\x00\x02Bo")
    assert has_place_text(b"\x1c\x02\x65\x00\x07\xc3\x8dsland")
    assert not has_place_text(b"\x1c\x02\x5a\x00\x00")
    assert not has_place_text(b"\x1c\x02\x5a\x00\x02  ")
    assert not has_place_text(b"\x1c\x02\x5a\x00\x04\x00\x01\x02\x03")
    assert not has_place_text(b"\x1c\x02\x05\x00\x04Luna")


def test_noise_has_no_place(rng):
    assert not has_place_text(rng.bytes(1_000_000))


@pytest.mark.parametrize(
    "piece", ["City", "<City ", "photoshop:City=", "GPSLatitude", "1", "1.", "12.345 ", " ", "N1 "]
)
def test_long_texts_made_to_keep_it_busy(piece):
    has_place_text(piece.encode() * 200_000)  # seconds at most, whatever the answer
