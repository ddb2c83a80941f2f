"""embedding/exif.py: the orientation, against Pillow's own reading; and nothing but it."""

from __future__ import annotations

import io
import struct

import PIL.Image
import pytest

from embedding.exif import orientation, set_jpeg_exif_aside


def exif_of(byte_order: str, *tags: tuple[int, int, int]) -> bytes:
    """An EXIF block of (tag, kind, value) entries in one directory; byte order `<` or `>`."""
    head = {"<": b"II*\x00", ">": b"MM\x00*"}[byte_order] + struct.pack(byte_order + "I", 8)
    entries = b"".join(struct.pack(byte_order + "HHIHH", tag, kind, 1, value, 0) for tag, kind, value in tags)
    return b"Exif\x00\x00" + head + struct.pack(byte_order + "H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_orientation_is_found_in_either_byte_order(byte_order: str, value: int) -> None:
    exif = exif_of(byte_order, (0x0100, 3, 640), (0x0112, 3, value))
    assert orientation(exif) == value
    assert orientation(exif.removeprefix(b"Exif\x00\x00")) == value  # as PNG and WebP keep it
    pillows = PIL.Image.Exif()
    pillows.load(exif)
    assert pillows[0x0112] == value


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\x00\x00",
        b"no EXIF at all",
        exif_of("<"),
        exif_of("<", (0x0100, 3, 6)),
        exif_of("<", (0x0112, 3, 0)),
        exif_of("<", (0x0112, 3, 9)),
        exif_of("<", (0x0112, 2, 6)),  # of another kind
        exif_of(">", (0x0112, 3, 6))[:-14],  # cut off
    ],
)
def test_upright_where_none_can_be_read(exif: bytes) -> None:
    assert orientation(exif) == 1


def test_exif_is_set_aside_and_pillow_no_longer_sees_it() -> None:
    exif, file = exif_of(">", (0x0112, 3, 6)), io.BytesIO()
    PIL.Image.new("RGB", (8, 8), (1, 2, 3)).save(file, "JPEG", exif=exif)
    jpeg, found = set_jpeg_exif_aside(file.getvalue())
    assert found == exif.removeprefix(b"Exif\x00\x00")
    assert len(jpeg) == len(file.getvalue())
    with PIL.Image.open(io.BytesIO(jpeg)) as opened:
        assert "exif" not in opened.info


def test_a_jpeg_without_exif_stays_as_it_is() -> None:
    file = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(file, "JPEG")
    assert set_jpeg_exif_aside(file.getvalue()) == (file.getvalue(), b"")
