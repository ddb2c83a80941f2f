"""Photos of other formats than JPEG are never changed: a place in them leaves them out."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from embedding.photos.photo import read_photo
from index.photos.location import has_place, without_place
from tests.index.photos.photos_with_places import (
    ASCII,
    BYTE,
    GPS,
    GPS_BLOCK,
    LONG,
    LONG_XMP,
    MP4,
    SHORT,
    UNDEFINED,
    atom,
    iptc,
    photo,
    photoshop,
    pixels,
    place,
    saved,
    tiff,
)


@pytest.mark.parametrize("form", ["PNG", "WebP"])
def test_other_formats_are_refused_where_they_tell_a_place(form):
    assert without_place(photo(form, has_place=True)) is None


def test_a_tiff_that_tells_a_place():
    jpeg = photo(has_place=True)  # whose EXIF is a TIFF without pixels
    assert without_place(jpeg[jpeg.index(b"Exif\0\0") + 6 :]) is None


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


PACKED = zlib.compress(b"44.5003, -68.2503")
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
    "PNG chunk of another program": png((b"prVt", PACKED)),
    "PNG tEXt named for an address": png((b"tEXt", b"Address\x00Bar Harbor")),
    "WebP chunk of another program": webp(b"ABCD", PACKED),
    "GIF extension of another program": gif(b"!\xff\x0bMyProgram10" + blocks(PACKED)),
    "BMP trailer that is packed": saved("BMP") + PACKED,
    "AVIF trailer that is packed": saved("AVIF") + PACKED,
    "AVIF box of another program": saved("AVIF") + atom(b"sefd", PACKED),
    "TIFF XMP in UTF-32": tiff_photo(700, BYTE, LONG_XMP.decode().encode("utf-32")),
    "TIFF RPC": tiff_photo(50844, 12, struct.pack("<92d", *range(92))),
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
        png((b"iDOT", b"\x00\x02"), (b"prVt", b"\x00\x00")),
        saved("AVIF") + atom(b"free", b"\x00" * 9),
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


def test_packed_texts_count_as_a_place():
    assert has_place(b"\x89PNG\r\n\x1a\n" + b"zTXt")
