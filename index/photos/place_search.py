"""Find out whether a photo's file says where it was taken, of whatever format it is.

Nothing here knows how places are taken out, so that this search checks that as well.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from index.photos.file_chunks import has_unknown_chunk, is_known_extension, is_padding
from index.photos.place_texts import has_place_text
from index.photos.tiff_directories import EXIF, FIRST, GPS, NEXT, Directories, read_directories

_TIFF_START = re.compile(rb"II[*+]\x00|MM\x00[*+]")
_MOST_STARTS, _MOST_ENTRIES = 1000, 100_000
# Latitude, longitude, both of what was aimed at, the area's name; a version alone tells nothing.
_PLACE_TAGS = {2, 4, 20, 22, 28}
_TIME_TAG, _LAST_GPS_TAG = 7, 31
_RATIONALS = {5, 10}
# GeoTIFF's: pixel scale, tie points, transformation, keys, polynomials; and GDAL's own.
_MAP_TAGS = {33550, 33920, 33922, 34264, 34735, 34736, 34737, 42112, 50844}
_IPTC_TAG = 0x83BB

_PNG = b"\x89PNG\r\n\x1a\n"
_PACKED_TEXT = re.compile(rb"zTXt|iTXt[^\x00]{1,79}\x00\x01|Raw profile type")
_NAMED_TEXT = re.compile(
    rb"[ti](?-i:TXt|EXt)[^\x00]{0,79}(?:gps|latitud|longitud|location|place|city|country|coord"
    rb"|address|region|island|\bsite|\bort\b|lugar|\blieu|luogo)",
    re.IGNORECASE,
)
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
# A video in a HEIC, or metadata packed in it.
_HEIC_UNREADABLE = re.compile(
    rb"\x00...mpvd|(?:xml|json|text/plain)\x00(?:deflate|gzip|br|compress)\x00", re.DOTALL
)
# A text over several JPEG segments, with the heads of the segments within it.
_SEGMENT_HEADS = re.compile(
    rb"\xff\xe1..http://ns\.adobe\.com/xmp/extension/\x00.{40}"
    rb"|\xff\xe1..http://ns\.adobe\.com/xap/1\.0/\x00"
    rb"|\xff\xe1..Exif\x00\x00(?!II[*+]|MM\x00)|\xff\xed..Photoshop 3\.0\x00",
    re.DOTALL,
)


def has_place(data: bytes) -> bool:
    """Whether a photo's file says where it was taken, or may say so in what can't be read.

    EXIF, XMP, IPTC, coordinates in any text, and all of them in what follows the picture. What
    can't be read: a GPS directory that is damaged, packed texts of a PNG, a video in a HEIC, and
    chunks that no picture needs.
    """
    return (
        _has_unreadable(data)
        or any(has_place_text(each) for each in (data, *_joined_texts(data)))
        or any(_has_gps(each) for each in (data, *_joined_segments(data)))
    )


def _has_gps(data: bytes) -> bool:
    entries = 0
    for number, found in enumerate(_TIFF_START.finditer(data)):
        directories = read_directories(data, found.start())
        if directories is None:
            continue
        entries += len(directories.entries)
        if number >= _MOST_STARTS or entries >= _MOST_ENTRIES:
            return True  # made to hide something, or to keep us busy
        if _names_place(directories) or _has_swapped_text(data, directories):
            return True
    return False


def _names_place(found: Directories) -> bool:
    if GPS in found.unread:
        return True
    for each in found.entries:
        if each.directory in {FIRST, NEXT} and each.tag in _MAP_TAGS:
            return True
        if each.directory == GPS and (
            each.tag in _PLACE_TAGS
            or each.tag > _LAST_GPS_TAG
            or (each.kind in _RATIONALS and each.number > 1 and each.tag != _TIME_TAG)
        ):
            return True
    return False


def _has_swapped_text(data: bytes, found: Directories) -> bool:
    """Whether IPTC that was written as numbers of 4 bytes, each turned round, names a place."""
    for each in found.entries:
        if each.tag == _IPTC_TAG and each.directory in {FIRST, NEXT, EXIF}:
            value = data[each.first : each.last]
            number = len(value) // 4
            turned = struct.pack(f">{number}I", *struct.unpack_from(f"<{number}I", value))
            if has_place_text(turned):
                return True
    return False


def _joined_segments(data: bytes) -> Iterator[bytes]:
    """A JPEG without the heads of its later segments, where something may go on in the next one."""
    if data.startswith(b"\xff\xd8"):
        joined, heads = _SEGMENT_HEADS.subn(b"", data)
        if heads > 1:
            yield joined


def _joined_texts(data: bytes) -> Iterator[bytes]:
    yield from _joined_segments(data)
    if data.startswith(b"GIF8"):
        blocks = _gif_blocks(data)
        if blocks is not None:
            yield from filter(None, blocks[0])


def _has_unreadable(data: bytes) -> bool:
    if has_unknown_chunk(data):
        return True
    if data.startswith(_PNG):
        after = data.partition(_PNG_END)[2]
        packed = _PACKED_TEXT.search(data) or _NAMED_TEXT.search(data)
        return packed is not None or not is_padding(after)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        after = data[8 + int.from_bytes(data[4:8], "little") :]
        return not is_padding(after)
    if data.startswith(b"GIF8"):
        blocks = _gif_blocks(data)
        return blocks is not None and (None in blocks[0] or not is_padding(blocks[1]))
    if data[4:8] == b"ftyp":
        return _HEIC_UNREADABLE.search(data) is not None
    if data.startswith(b"BM"):
        size = int.from_bytes(data[2:6], "little")
        return 54 <= size < len(data) and not is_padding(data[size:])
    return False


def _gif_blocks(data: bytes) -> tuple[list[bytes | None], bytes] | None:
    """The texts of a GIF's extensions, each in one piece, and what follows the GIF.

    None in a text's place: an extension that can't be read; in all others': the GIF is damaged.
    """
    texts: list[bytes | None] = []
    try:
        at = 13 + _palette_bytes(data[10])
        while data[at] != 0x3B:
            if data[at] == 0x21:
                label = data[at + 1]
                text, at = _sub_blocks(data, at + 2)
                texts.append(text if is_known_extension(label, text) else None)
            elif data[at] == 0x2C:
                _, at = _sub_blocks(data, at + 11 + _palette_bytes(data[at + 9]))
            else:
                return None
    except IndexError:  # it ends early
        return None
    return texts, data[at + 1 :]


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int) -> tuple[bytes, int]:
    pieces: list[bytes] = []
    while data[at]:
        pieces.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(pieces), at + 1
