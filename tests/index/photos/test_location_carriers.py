"""Every carrier of a place in a JPEG is seen, and taken out."""

from __future__ import annotations

import struct

import pytest

from index.photos.location import has_place, without_place
from tests.index.photos.photos_with_places import (
    APP1,
    APP4,
    APP11,
    APP13,
    ASCII,
    BYTE,
    COM,
    COMMENT,
    EXIF,
    GPS,
    GPS_BLOCK,
    LOCI,
    LONG,
    LONG_XMP,
    MORE_XMP,
    MP4,
    TIME,
    TRAILED,
    UNDEFINED,
    WIDE,
    XMP,
    XYZ,
    atom,
    check_clean,
    exif,
    facts,
    iptc,
    jpeg,
    photoshop,
    place,
    saved,
    tiff,
    xmp,
)

XMP_PLACES = {
    f"XMP {name} as {'an attribute' if '=' in text else 'an element'}": text
    for name in (
        *("exif:GPSLatitude", "exif:GPSLongitude", "drone-dji:GpsLongtitude", "photoshop:City"),
        *("photoshop:State", "photoshop:Country", "Iptc4xmpCore:Location", "ps:City"),
        *("Iptc4xmpCore:CountryCode", "Iptc4xmpExt:Sublocation", "Iptc4xmpExt:ProvinceState"),
        *("Iptc4xmpExt:CountryName", "Iptc4xmpExt:WorldRegion", "Iptc4xmpExt:LocationName"),
    )
    for text in (
        f'<rdf:Description {name}="Bar Harbor"/>',
        f"<{name}>Bar Harbor</{name}>",
    )
}
MORE_XMP_PLACES = {
    "XMP in a language": "<photoshop:City><rdf:Alt><rdf:li>Bar Harbor</rdf:li></rdf:Alt>"
    "</photoshop:City>",
    "XMP LocationShown": '<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li Iptc4xmpExt:City="Bar Harbor"'
    "/></rdf:Bag></Iptc4xmpExt:LocationShown>",
    "XMP LocationCreated": '<Iptc4xmpExt:LocationCreated rdf:parseType="Resource">'
    "<Iptc4xmpExt:Sublocation>Bar Harbor</Iptc4xmpExt:Sublocation></Iptc4xmpExt:LocationCreated>",
    "XMP with spaces": "<rdf:Description photoshop:City = 'Bar Harbor'/>",
    "XMP beyond ASCII": "<photoshop:City>\N{LATIN CAPITAL LETTER I WITH ACUTE}sa</photoshop:City>",
    "XMP coordinates in a text": "<dc:description>at 44.5003, -68.2503</dc:description>",
}
CARRIERS: dict[str, bytes] = {
    "EXIF": jpeg(exif(GPS_BLOCK)),
    "EXIF, big-endian": jpeg(
        exif(tiff(facts((GPS, LONG, 1, 1), order=">"), place(">"), order=">"))
    ),
    "EXIF of a second directory": jpeg(
        exif(tiff([*facts(), (0, 0, 0, 1)], [(GPS, LONG, 1, 2)], place()))
    ),
    "EXIF of a part": jpeg(exif(tiff(facts((0x014A, LONG, 1, 1)), [(GPS, LONG, 1, 2)], place()))),
    "EXIF of the EXIF directory": jpeg(
        exif(tiff(facts((EXIF, LONG, 1, 1)), [*TIME, (GPS, LONG, 1, 2)][::-1], place()))
    ),
    "EXIF in the maker's notes": jpeg(
        exif(
            tiff(
                facts((EXIF, LONG, 1, 1)),
                [*TIME, (0x927C, UNDEFINED, len(GPS_BLOCK), GPS_BLOCK)],
            )
        )
    ),
    "EXIF of a thumbnail": jpeg(
        exif(
            tiff(
                [*facts(), (0, 0, 0, 1)],
                [(0x0201, LONG, 1, b"\x50"), (0x0202, UNDEFINED, len(TRAILED), TRAILED)],
            )
        )
    ),
    "a second EXIF": jpeg(exif(tiff(facts())), exif(GPS_BLOCK)),
    "EXIF over two segments": jpeg(exif(GPS_BLOCK[:60]), exif(GPS_BLOCK[60:])),
    "EXIF description": jpeg(exif(tiff(facts((0x010E, ASCII, 18, b"44.5003, -68.2503\x00"))))),
    "EXIF artist": jpeg(exif(tiff(facts((0x013B, ASCII, 18, b"44.5003, -68.2503\x00"))))),
    "EXIF comment": jpeg(exif(tiff(facts((EXIF, LONG, 1, 1)), COMMENT))),
    "EXIF of Windows": jpeg(exif(tiff(facts((0x9C9C, BYTE, len(WIDE), WIDE))))),
    **{f"IPTC {at}": jpeg(photoshop((0x0404, iptc(at)))) for at in (26, 27, 90, 92, 95, 100, 101)},
    "IPTC over two segments": jpeg(
        (APP13, photoshop((0x0404, iptc(5, b"A whale") + iptc(90)))[1][:42]),
        (APP13, b"Photoshop 3.0\x00" + photoshop((0x0404, iptc(5, b"A whale") + iptc(90)))[1][42:]),
    ),
    "Photoshop's EXIF": jpeg(photoshop((0x0422, GPS_BLOCK))),
    "Photoshop's XMP": jpeg(photoshop((0x0424, LONG_XMP))),
    **{name: jpeg((APP1, XMP + xmp(text))) for name, text in XMP_PLACES.items()},
    **{name: jpeg((APP1, XMP + xmp(text))) for name, text in MORE_XMP_PLACES.items()},
    **{
        f"XMP in {coding}": jpeg(
            (APP1, XMP + xmp("<photoshop:City>Bar Harbor</photoshop:City>", coding))
        )
        for coding in ("utf-16-le", "utf-16-be", "utf-16")
    },
    **{
        f"XMP over two segments, cut at {at}": jpeg(
            (APP1, MORE_XMP + bytes(4) + LONG_XMP[:at]),
            (APP1, MORE_XMP + struct.pack(">I", at) + LONG_XMP[at:]),
        )
        for at in range(LONG_XMP.index(b"<photo") + 3, LONG_XMP.index(b"</photo"), 6)
    },
    "XMP that ends in the middle": jpeg((APP1, MORE_XMP + bytes(4) + b"<exif:GPSLatitude>44,30.0")),
    "XMP that ends behind a tag": jpeg(
        (APP1, MORE_XMP + bytes(4) + b"<exif:GPSLatitude>44,30N</exif:GPSLatitude>")
    ),
    "JSON": jpeg((APP11, b'JP\x00\x01{"exif:GPSLatitude": "44,30.0N"}')),
    "JSON of a city": jpeg((APP11, b'JP\x00\x01{"photoshop:City": "Bar Harbor"}')),
    "CBOR": jpeg((APP11, b"JP\x00\x01qexif:GPSLatitudeh44,30.0N")),
    "an unknown segment": jpeg((APP4, b"OWN\x00" + GPS_BLOCK)),
    **{
        f"a comment: {text}": jpeg((COM, text.encode()))
        for text in (
            *("44.5003, -68.2503", "Whale at +44.5003 / -68.2503", "44.5003 68.2503"),
            *("44.5 N, 68.25 W", "44 deg 30' 1\" N", "44\N{DEGREE SIGN}30'1.08\"N", "N 44°30.5'"),
            *("lat=44.5 lon=-68.2", '"latitude": 44', "geo:44.5,-68.2", "+44.5003-068.2503/"),
        )
    },
    "a video": saved("JPEG") + MP4 + atom(b"moov", atom(b"udta", XYZ)),
    "a video's named place": saved("JPEG") + MP4 + atom(b"moov", atom(b"udta", LOCI)),
    "a video's place as text": saved("JPEG") + MP4 + b"com.apple.quicktime.location.ISO6709",
    "a second picture": saved("JPEG") + TRAILED,
    "a second picture's IPTC": saved("JPEG") + jpeg(photoshop((0x0404, iptc(90)))),
    "text behind the end": saved("JPEG") + b"SEFH" + b"at 44.5003, -68.2503" + b"SEFT",
}


@pytest.mark.parametrize("name", CARRIERS)
def test_every_carrier_of_a_place_is_seen_and_taken_out(name):
    assert has_place(CARRIERS[name])
    check_clean(without_place(CARRIERS[name]), CARRIERS[name])
