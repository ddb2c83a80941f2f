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


@pytest.mark.parametrize(
    "text",
    [
        "<dwc:locality>Bar Harbor</dwc:locality>",
        '<rdf:Description dwc:verbatimLocality="Bar Harbor"/>',
        "<dwc:footprintWKT>POINT (-68.25 44.5)</dwc:footprintWKT>",
        "<dwc:waterBody>Gulf of Maine</dwc:waterBody>",
        "<dcterms:spatial>Bar Harbor</dcterms:spatial>",
        "<gml:pos>44.5 -68.2</gml:pos>",
        "<georss:point>44.5 -68.2</georss:point>",
        "<rdf:li>Places/USA/Bar Harbor</rdf:li>",
        "<rdf:li>geo:lon=-68.25</rdf:li>",
        "a note: POINT(-68.25 44.50)",
        '{"type": "Point", "coordinates": [-68.25, 44.5]}',
        "$GPRMC,123519,A,4430.018,N,06815.018,W,022.4,084.4,230394,003.1,W*6A",
        "https://www.google.com/maps/@44.5,-68.2,15z",
        "https://maps.google.com/?q=44.50,-68.25",
        "44 30.018 N, 68 15.018 W",
        "N44 30 20   W68 15 2",
        "44,30,1.08N 68,15,1W",
        "19T 560000 4930000",
        "19T EJ 60000 30000",
        "latitud: 44.5 longitud: -68.25",
    ],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_place_in_other_words_and_codings(text: str, coding: str) -> None:
    assert has_place_text(b"\x01" + text.encode(coding) + b"\x01")


@pytest.mark.parametrize(
    "text",
    [
        "<dwc:locality></dwc:locality>",
        "exposure 1/200, 400 mm, ISO 200; 12 30 45",
        "<xmp:CreatorTool>maps 2.1</xmp:CreatorTool>",
        "a long: 3 metres, pos 12",
        "the point (see page 3)",
    ],
)
def test_other_words_are_no_place(text: str) -> None:
    assert not has_place_text(text.encode())
