"""Where a photo was taken leaves its file, whatever says it; the picture stays as it is."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from embedding.photos.exif import taken_at
from embedding.photos.photo import BadPhoto, photo_kind, read_photo
from index.photos.location import has_place, without_place

GPS, ORIENTATION, MAKE, EXIF, TAKEN_AT = 0x8825, 0x0112, 0x010F, 0x8769, 0x9003
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
# What no cleaned file may hold: a name and coordinates, in one byte a letter or in two.
SECRETS = [b"Bar Harbor", b"44.5003", "Bar Harbor".encode("utf-16-le"), "44.5003".encode("utf-16")]
COM, APP1, APP4, APP11, APP13 = 0xFE, 0xE1, 0xE4, 0xEB, 0xED
XMP = b"http://ns.adobe.com/xap/1.0/\x00"
MORE_XMP = b"http://ns.adobe.com/xmp/extension/\x00" + b"0" * 32 + struct.pack(">I", 400)


def pixels() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8))


def photo(form: str = "JPEG", *, has_place: bool, order: str = "<", xmp: bytes = b"") -> bytes:
    exif = Image.Exif()
    exif.endian = order
    exif[MAKE], exif[ORIENTATION] = "Maker", 6
    if has_place:
        exif.get_ifd(GPS).update(
            {1: "N", 2: (52.0, 42.0, 16.0), 3: "E", 4: (23.0, 50.0, 59.0), 29: "2018:06:01"}
        )
    kept = io.BytesIO()
    more = {"xmp": xmp} if xmp else {}
    pixels().save(kept, form, exif=exif, **more)
    return kept.getvalue()


def saved(form: str, *, mode: str = "RGB", **options: object) -> bytes:
    kept = io.BytesIO()
    pixels().convert(mode).save(kept, form, **options)
    return kept.getvalue()


def read(data: bytes) -> tuple[dict, dict, bytes]:
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        return (
            {tag: exif[tag] for tag in (MAKE, ORIENTATION)},
            dict(exif.get_ifd(GPS)),
            image.tobytes(),
        )


def jpeg(*segments: tuple[int, bytes], after: bytes = b"") -> bytes:
    """A JPEG with segments, (marker, content), behind JFIF's; `after` follows its end."""
    plain = saved("JPEG")
    written = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    return plain[:20] + written + plain[20:] + after


def tiff(*directories: list[tuple[int, int, int, bytes | int]], order: str = "<") -> bytes:
    """A TIFF of directories, each (tag, kind, count, value).

    A value that is a number leads to the directory of that number; of tag and kind 0, as the next.
    """
    starts, at = [], 8
    for each in directories:
        starts.append(at)
        values = [value for *_, value in each if isinstance(value, bytes) and len(value) > 4]
        at += 6 + 12 * sum(entry[:2] != (0, 0) for entry in each) + sum(map(len, values))
    block = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    for start, each in zip(starts, directories, strict=True):
        entries = [entry for entry in each if entry[:2] != (0, 0)]
        chained = next((starts[entry[3]] for entry in each if entry[:2] == (0, 0)), 0)
        block += struct.pack(order + "H", len(entries))
        behind, free = b"", start + 6 + 12 * len(entries)
        for tag, kind, count, value in entries:
            block += struct.pack(order + "HHI", tag, kind, count)
            if isinstance(value, int):
                block += struct.pack(order + "I", starts[value])
            elif len(value) <= 4:
                block += value.ljust(4, b"\x00")
            else:
                block += struct.pack(order + "I", free + len(behind))
                behind += value
        block += struct.pack(order + "I", chained) + behind
    return block


def place(order: str = "<") -> list[tuple[int, int, int, bytes | int]]:
    return [
        (1, ASCII, 2, b"N\x00"),
        (2, RATIONAL, 3, struct.pack(order + "6I", 44, 1, 30, 1, 108, 100)),
        (3, ASCII, 2, b"W\x00"),
        (4, RATIONAL, 3, struct.pack(order + "6I", 68, 1, 15, 1, 0, 1)),
        (28, UNDEFINED, 18, b"ASCII\x00\x00\x00Bar Harbor"),
    ]


def facts(*more: tuple[int, int, int, bytes | int], order: str = "<") -> list:
    """The first directory: a maker, upside down; and what else is wanted."""
    turn = (ORIENTATION, SHORT, 1, struct.pack(order + "H", 3))
    return sorted([(MAKE, ASCII, 6, b"Maker\x00"), turn, *more])


TIME = [(TAKEN_AT, ASCII, 20, b"2018:06:01 12:30:00\x00")]
GPS_BLOCK = tiff(facts((EXIF, LONG, 1, 1), (GPS, LONG, 1, 2)), TIME, place())
COMMENT = [*TIME, (0x9286, UNDEFINED, 26, b"ASCII\x00\x00\x0044.5003, -68.2503\x00\x00")]
WIDE = "44.5003, -68.2503".encode("utf-16-le")


def exif(block: bytes) -> tuple[int, bytes]:
    return APP1, b"Exif\x00\x00" + block


def iptc(number: int, text: bytes = b"Bar Harbor") -> bytes:
    return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text


def photoshop(*resources: tuple[int, bytes]) -> tuple[int, bytes]:
    body = b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(each)) + each + b"\x00" * (len(each) % 2)
        for number, each in resources
    )
    return APP13, b"Photoshop 3.0\x00" + body


def xmp(inner: str, coding: str = "utf-8") -> bytes:
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{inner}</rdf:RDF></x:xmpmeta>'
    return text.encode(coding)


def atom(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


MP4 = atom(b"ftyp", b"mp42\x00\x00\x00\x00mp42isom")
XYZ = atom(b"\xa9xyz", b"\x00\x12\x15\xc7+44.5003-068.2503/")
LOCI = atom(b"loci", b"\x00\x00\x00\x00\x15\xc7Bar Harbor\x00\x00" + struct.pack(">3i", 1, 2, 3))
TRAILED = jpeg(exif(GPS_BLOCK))

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
LONG_XMP = xmp("<photoshop:City>Bar Harbor</photoshop:City>")
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
# A GPS directory whose damage readers bear, each in its own way.
AT = GPS_BLOCK.index(struct.pack("<HH", 1, ASCII)) - 2  # its number of entries
POINTER = GPS_BLOCK.index(struct.pack("<HHI", GPS, LONG, 1))


def changed(at: int, value: bytes) -> bytes:
    return jpeg(exif(GPS_BLOCK[:at] + value + GPS_BLOCK[at + len(value) :]))


DAMAGED = {
    **{f"{n} entries": changed(AT, struct.pack("<H", n)) for n in (2, 6, 20, 300, 65_535)},
    **{
        f"a pointer of {to}": changed(POINTER + 8, struct.pack("<I", to))
        for to in (0, 1, 4, 8, len(GPS_BLOCK) - 1, len(GPS_BLOCK) + 40, 900, 70_000, 2**32 - 1)
    },
    **{
        f"a pointer of kind {kind}": changed(POINTER + 2, struct.pack("<H", kind))
        for kind in (0, ASCII, SHORT, RATIONAL, 13, 99)
    },
    **{f"{n} pointers": changed(POINTER + 4, struct.pack("<I", n)) for n in (0, 2, 65_535)},
    **{
        f"a value at {to}": changed(AT + 2 + 12 + 8, struct.pack("<I", to))
        for to in (0, 8, len(GPS_BLOCK) + 300, 2**32 - 1)
    },
    **{
        f"{n} values": changed(AT + 2 + 12 + 4, struct.pack("<I", n))
        for n in (0, 1, 65_535, 2**29, 2**32 - 1)
    },
    **{
        f"a value of kind {kind}": changed(AT + 2 + 12 + 2, struct.pack("<H", kind))
        for kind in (0, BYTE, 10, 255)
    },
    "a next directory in itself": changed(AT + 2 + 5 * 12, struct.pack("<I", AT)),
    "a next directory in the pixels": changed(AT + 2 + 5 * 12, struct.pack("<I", 700)),
    "a block cut short": jpeg(exif(GPS_BLOCK[: AT + 30])),
}
TOO_MANY_FIRST = changed(8, struct.pack("<H", 65_535))
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


def check_clean(cleaned: bytes | None, data: bytes) -> bytes:
    """A cleaned file: the same upright pixels and orientation, no place, no secret."""
    assert cleaned is not None
    assert not has_place(cleaned)
    assert [secret for secret in SECRETS if secret in cleaned] == []
    assert read_photo(cleaned).tobytes() == read_photo(data).tobytes()
    assert photo_kind(cleaned) == photo_kind(data)
    return cleaned


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


@pytest.mark.parametrize("name", CARRIERS)
def test_every_carrier_of_a_place_is_seen_and_taken_out(name):
    assert has_place(CARRIERS[name])
    check_clean(without_place(CARRIERS[name]), CARRIERS[name])


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_gps_directory_leaves_and_the_picture_stays(name):
    cleaned = check_clean(without_place(DAMAGED[name]), DAMAGED[name])
    assert photo_kind(cleaned).orientation == 3
    assert taken_at(cleaned) == "2018-06-01T12:30:00"
    assert b"Bar" not in cleaned


def test_of_damaged_exif_the_orientation_and_the_time_stay():
    cleaned = check_clean(without_place(TOO_MANY_FIRST), TOO_MANY_FIRST)
    assert photo_kind(cleaned).orientation == 3
    assert taken_at(cleaned) == "2018-06-01T12:30:00" == taken_at(TOO_MANY_FIRST)


def test_of_whole_exif_the_harmless_values_stay():
    cleaned = check_clean(without_place(CARRIERS["EXIF"]), CARRIERS["EXIF"])
    with Image.open(io.BytesIO(cleaned)) as image:
        exif = image.getexif()
        assert dict(exif) | {EXIF: 0} == {MAKE: "Maker", ORIENTATION: 3, EXIF: 0}
        assert exif.get_ifd(EXIF) == {TAKEN_AT: "2018:06:01 12:30:00"}


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


@pytest.mark.parametrize("form", ["PNG", "WebP"])
def test_other_formats_are_refused_where_they_tell_a_place(form):
    assert without_place(photo(form, has_place=True)) is None


def test_a_tiff_that_tells_a_place():
    jpeg = photo(has_place=True)  # whose EXIF is a TIFF without pixels
    assert without_place(jpeg[jpeg.index(b"Exif\0\0") + 6 :]) is None


def test_damaged_directories_do_no_harm(rng):
    whole = photo(has_place=True)
    cleaned_ones = 0
    for _ in range(300):
        data = bytearray(whole)
        for at in rng.integers(20, 250, 3):
            data[at] = rng.integers(0, 256)
        cleaned_ones += is_clean_or_left_out(bytes(data))
    assert cleaned_ones > 200


def is_clean_or_left_out(data: bytes) -> bool:
    """Whether the file was cleaned; fails where it was cleaned badly, or left out in vain."""
    cleaned = without_place(data)
    if cleaned is None:
        return False
    try:
        read_photo(data)
    except BadPhoto:
        assert cleaned is data  # with nothing to take out of it
        return False
    check_clean(cleaned, data)
    return True


def test_random_damage_to_metadata_leaves_no_place_and_the_same_picture(rng):
    comment = (COM, b"44.5003, -68.2503")
    whole = jpeg(exif(GPS_BLOCK), (APP1, XMP + LONG_XMP), photoshop((0x0404, iptc(90))), comment)
    end = whole.index(b"\xff\xdb")
    whole += MP4 + XYZ
    cleaned_ones = 0
    for _ in range(500):
        data = bytearray(whole)
        for at in rng.integers(20, end, rng.integers(1, 6)):
            data[at] = rng.choice(
                [0, 1, 255, rng.integers(0, 256), data[at] ^ 1 << rng.integers(8)]
            )
        if rng.random() < 0.2:
            first, last = sorted(rng.integers(20, end, 2))
            del data[first : min(last, first + 40)]
        cleaned_ones += is_clean_or_left_out(bytes(data))
    assert cleaned_ones > 250


@pytest.mark.parametrize(
    "tag", ["drone-dji:GpsLatitude", "drone-dji:GpsLongtitude", "exif:GPSLongitude"]
)
def test_any_maker_s_spelling_in_xmp_is_taken_out(tag: str) -> None:
    data = jpeg((APP1, f'<x:xmpmeta {tag}="47.1234"/>'.encode()))
    cleaned = without_place(data)
    assert cleaned is not None
    assert b"47.1234" not in cleaned


@pytest.mark.parametrize(
    "chunk", [b"zTXtRaw profile type exif\x00\x00x", b"iTXtXML:com.adobe.xmp\x00\x01\x00\x00"]
)
def test_a_png_with_packed_text_is_left_out(chunk: bytes) -> None:
    assert without_place(b"\x89PNG\r\n\x1a\n" + chunk) is None
    assert without_place(b"\x89PNG\r\n\x1a\nIDAT") is not None


def png(*chunks: tuple[bytes, bytes], after: bytes = b"") -> bytes:
    whole = saved("PNG")
    written = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return whole[:33] + written + whole[33:] + after


def webp(name: bytes, body: bytes) -> bytes:
    whole = saved("WebP")
    more = name + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) % 2)
    return whole[:4] + struct.pack("<I", len(whole) - 8 + len(more)) + whole[8:] + more


def gif(extension: bytes, after: bytes = b"") -> bytes:
    whole = saved("GIF")
    return whole[:-1] + extension + b";" + after


def blocks(text: bytes) -> bytes:
    pieces = [text[at : at + 255] for at in range(0, len(text), 255)]
    return b"".join(bytes([len(each)]) + each for each in pieces) + b"\x00"


def tiff_photo(tag: int, kind: int, value: bytes | int, *directories: list) -> bytes:
    """A grey TIFF of 4 x 4 pixels with one entry more, and the directories that it leads to."""

    def short(number: int) -> tuple[int, int, bytes]:
        return SHORT, 1, struct.pack("<H", number)

    def made(strip: int) -> bytes:
        entries: list = [(0x100, *short(4)), (0x101, *short(4)), (0x102, *short(8))]
        entries += [(0x103, *short(1)), (0x106, *short(1)), (0x111, *short(strip))]
        entries += [(0x116, *short(4)), (0x117, *short(16))]
        size = {LONG: 4, 12: 8}.get(kind, 1)
        entries.append((tag, kind, len(value) // size if isinstance(value, bytes) else 1, value))
        return tiff(sorted(entries), *directories)

    return made(len(made(0))) + bytes(range(16))


SWAPPED = struct.pack("<4I", *struct.unpack(">4I", iptc(90) + b"\x00"))
OTHERS = {
    "PNG eXIf": png((b"eXIf", GPS_BLOCK)),
    "PNG iTXt": png((b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + LONG_XMP)),
    "PNG tEXt of coordinates": png((b"tEXt", b"Comment\x0044.5003, -68.2503")),
    "PNG tEXt named for a place": png((b"tEXt", b"Location\x00Bar Harbor")),
    "PNG tEXt of ImageMagick": png((b"tEXt", b"exif:GPSLatitude\x0044/1, 30/1, 0/1")),
    "PNG zTXt": png((b"zTXt", b"Comment\x00\x00" + zlib.compress(b"44.5003, -68.2503"))),
    "PNG raw profile": png((b"tEXt", b"Raw profile type iptc\x00\niptc\n 4\n1c02")),
    "PNG trailer": png(after=b"PK\x03\x04 something"),
    "WebP EXIF": webp(b"EXIF", GPS_BLOCK),
    "WebP XMP": webp(b"XMP ", LONG_XMP),
    "WebP trailer": saved("WebP") + MP4,
    "GIF comment": gif(b"!\xfe" + blocks(b"44.5003, -68.2503")),
    "GIF comment in pieces": gif(b"!\xfe" + blocks(b"x" * 251 + b" " + b"44.5003, -68.2503")),
    "GIF XMP": gif(b"!\xff\x0bXMP DataXMP" + LONG_XMP + b"\x01\x00\x00"),
    "GIF trailer": gif(b"", after=b"more"),
    "BMP trailer": saved("BMP") + GPS_BLOCK,
    "TIFF GPS": tiff_photo(GPS, LONG, 1, place()),
    "TIFF GPS that is damaged": tiff_photo(GPS, LONG, struct.pack("<I", 9000)),
    "TIFF XMP": tiff_photo(700, BYTE, LONG_XMP),
    "TIFF IPTC": tiff_photo(0x83BB, UNDEFINED, iptc(90)),
    "TIFF IPTC in numbers": tiff_photo(0x83BB, LONG, SWAPPED),
    "TIFF Photoshop": tiff_photo(0x8649, BYTE, photoshop((0x0404, iptc(90)))[1]),
    "TIFF description": tiff_photo(0x010E, ASCII, b"44.5003, -68.2503"),
    "GeoTIFF": tiff_photo(33922, 12, struct.pack("<6d", 0, 0, 0, -68.25, 44.5, 0)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_are_left_out_whatever_carries_the_place(name):
    assert read_photo(OTHERS[name])
    assert has_place(OTHERS[name])
    assert without_place(OTHERS[name]) is None


@pytest.mark.parametrize(
    "data",
    [
        png((b"tEXt", b"Software\x00a program")),
        png(after=b"\x00\x00"),
        saved("WebP", icc_profile=b"profile."),
        gif(b"!\xfe" + blocks(b"a whale")),
        gif(b"")[:-1],
        saved("BMP"),
        tiff_photo(0x010E, ASCII, b"a whale"),
        tiff_photo(0x83BB, UNDEFINED, iptc(5)),
    ],
)
def test_other_formats_without_a_place_stay_as_they_are(data):
    assert without_place(data) is data


@pytest.mark.parametrize("carrier", ["EXIF", "XMP", "packed XMP", "video", None])
def test_a_heic_is_left_out_where_it_has_a_place(carrier):
    heif = pytest.importorskip("pillow_heif")
    kept = io.BytesIO()
    more = {"EXIF": {"exif": b"Exif\x00\x00" + GPS_BLOCK}, "XMP": {"xmp": LONG_XMP}}.get(
        carrier or "", {}
    )
    heif.from_pillow(pixels()).save(kept, **more)
    data = kept.getvalue()
    if carrier == "video":
        data += atom(b"mpvd", MP4)
    if carrier == "packed XMP":
        data += atom(b"free", b"application/rdf+xml\x00deflate\x00")
    assert read_photo(data)
    assert has_place(data) is (carrier is not None)
    assert without_place(data) is (None if carrier else data)


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
