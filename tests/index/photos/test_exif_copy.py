"""EXIF is copied as far as it can't say where a photo was taken."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from embedding.photos.exif import orientation, taken_at
from index.photos.exif_copy import exif_without_place, new_exif

EXIF, GPS = 0x8769, 0x8825
FIRST = {0x010F: "Maker", 0x0110: "Model", 0x0112: 6, 0x013B: "Ann Ex\N{LATIN SMALL LETTER E}"}
MORE = {
    0x829A: (1, 500),
    0x9003: "2018:06:01 12:30:00",
    0x9011: "+02:00",
    0xA434: "EF100-400mm f/4.5-5.6L",
}


def block(first: dict, more: dict, *, order: str = "<") -> bytes:
    exif = Image.Exif()
    exif.endian = order
    exif.update(first)
    exif.get_ifd(EXIF).update(more)
    return exif.tobytes().removeprefix(b"Exif\x00\x00")


def read(exif: bytes) -> tuple[dict, dict]:
    loaded = Image.Exif()
    loaded.load(b"Exif\x00\x00" + exif)
    more = loaded.get_ifd(EXIF)
    return {tag: value for tag, value in loaded.items() if tag != EXIF}, dict(more)


@pytest.mark.parametrize("order", ["<", ">"])
def test_harmless_values_stay_in_the_same_block_or_in_a_new_one(order):
    whole = block(FIRST, MORE, order=order)
    assert exif_without_place(whole) is whole
    more = {0x927C: b"the maker's notes", 0x9286: b"ASCII\x00\x00\x00a whale"}
    mixed = block(FIRST | {0x010E: "Bar Harbor"}, MORE | more, order=order)
    copied = exif_without_place(mixed)
    assert read(copied) == read(whole)
    assert (orientation(copied), taken_at(copied)) == (6, "2018-06-01T12:30:00+02:00")
    assert exif_without_place(copied) is copied


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x013B, "44.5003, -68.2503"),
        (0x013B, "a" * 300),
        (0x010F, b"Maker\x01\x02".decode("latin-1")),
    ],
)
def test_a_text_that_may_hide_something_goes(tag, value):
    first, _ = read(exif_without_place(block({0x0112: 6, tag: value}, MORE)))
    assert first == {0x0112: 6}


def test_nothing_is_copied_out_of_damaged_exif_but_orientation_and_time():
    whole = block(FIRST, MORE)
    at = whole.index(struct.pack("<HH", 0x010F, 2)) + 8
    shared = whole[:at] + whole[at + 12 : at + 16] + whole[at + 4 :]  # make and model in one place
    assert read(exif_without_place(shared)) == (
        {0x0112: 6},
        {0x9003: "2018:06:01 12:30:00", 0x9011: "+02:00"},
    )
    beyond = whole[:at] + struct.pack("<I", 99_999) + whole[at + 4 :]
    assert exif_without_place(beyond) == exif_without_place(shared)
    gap = whole + b"Bar Harbor"
    assert read(exif_without_place(gap)) == read(whole) and b"Bar" not in exif_without_place(gap)


def test_what_is_no_exif_is_none():
    assert exif_without_place(b"") == b""
    assert exif_without_place(b"MM\x00+" + bytes(40)) == b""


def test_new_exif():
    assert new_exif(1, None) == b""
    assert read(new_exif(6, None)) == ({0x0112: 6}, {})
    for at in ("2018-06-01T12:30:00", "2018-06-01T12:30:00-03:30"):
        assert taken_at(new_exif(1, at)) == at
        assert orientation(new_exif(8, at)) == 8
