"""Damaged metadata leave a JPEG, and its picture stays as it is."""

from __future__ import annotations

import struct

import pytest

from embedding.photos.exif import taken_at
from embedding.photos.photo import photo_kind
from index.photos.location import without_place
from tests.index.photos.photos_with_places import (
    APP1,
    ASCII,
    BYTE,
    COM,
    GPS,
    GPS_BLOCK,
    LONG,
    LONG_XMP,
    MP4,
    RATIONAL,
    SHORT,
    XMP,
    XYZ,
    check_clean,
    exif,
    iptc,
    is_clean_or_left_out,
    jpeg,
    photo,
    photoshop,
)

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


def test_damaged_directories_do_no_harm(rng):
    whole = photo(has_place=True)
    cleaned_ones = 0
    for _ in range(300):
        data = bytearray(whole)
        for at in rng.integers(20, 250, 3):
            data[at] = rng.integers(0, 256)
        cleaned_ones += is_clean_or_left_out(bytes(data))
    assert cleaned_ones > 200


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
