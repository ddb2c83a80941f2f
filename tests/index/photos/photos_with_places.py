"""Photos made for tests, with anything in their files, and what a cleaned file must be."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

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
LONG_XMP = xmp("<photoshop:City>Bar Harbor</photoshop:City>")
TRAILED = jpeg(exif(GPS_BLOCK))


def check_clean(cleaned: bytes | None, data: bytes) -> bytes:
    """A cleaned file: the same upright pixels and orientation, no place, no secret."""
    assert cleaned is not None
    assert not has_place(cleaned)
    assert [secret for secret in SECRETS if secret in cleaned] == []
    assert read_photo(cleaned).tobytes() == read_photo(data).tobytes()
    assert photo_kind(cleaned) == photo_kind(data)
    return cleaned


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
