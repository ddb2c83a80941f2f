"""embedding/photos/exif.py: the orientation, against Pillow's own reading, and the time; and
nothing but them.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import PIL.Image
import pytest

from embedding.photos.exif import camera_of, orientation, set_jpeg_exif_aside, taken_at


def exif_of(byte_order: str, *tags: tuple[int, int, int]) -> bytes:
    """An EXIF block of (tag, kind, value) entries in one directory; byte order `<` or `>`."""
    head = {"<": b"II*\x00", ">": b"MM\x00*"}[byte_order] + struct.pack(byte_order + "I", 8)
    entries = b"".join(
        struct.pack(byte_order + "HHIHH", tag, kind, 1, value, 0) for tag, kind, value in tags
    )
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


def test_the_pixels_of_a_jpeg_are_not_searched_for_exif() -> None:
    exif, file = exif_of(">", (0x0112, 3, 6)), io.BytesIO()
    PIL.Image.new("RGB", (8, 8), (1, 2, 3)).save(file, "JPEG")
    second = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    behind = file.getvalue() + second
    assert set_jpeg_exif_aside(behind) == (behind, b"")
    filled = b"\xff\xd8\xff" + second + file.getvalue()[2:]  # a marker may be led by more 0xFF
    assert set_jpeg_exif_aside(filled)[1] == exif.removeprefix(b"Exif\x00\x00")


def test_segments_that_lead_nowhere_are_searched_whole_and_cost_little() -> None:
    exif = exif_of(">", (0x0112, 3, 6))
    marked = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    for start in (b"\xff\xd8ab", b"\xff\xd8" + b"\xff\xe0\x00\x00" * 100_000):
        assert set_jpeg_exif_aside(start + marked)[1] == exif.removeprefix(b"Exif\x00\x00")


def test_a_jpeg_without_exif_stays_as_it_is() -> None:
    file = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(file, "JPEG")
    assert set_jpeg_exif_aside(file.getvalue()) == (file.getvalue(), b"")


def dated(file_format: str, at: str | None, offset: str | None = None, **more: str) -> bytes:
    """A photo of the format whose EXIF says when it was taken, and where."""
    exif, file = PIL.Image.Exif(), io.BytesIO()
    exif[0x010F] = "a camera"
    exif[0x0132] = "2001:01:01 01:01:01"  # when the file was changed: not when the photo was taken
    exif.get_ifd(0x8825)[1] = "N"
    own = exif.get_ifd(0x8769)
    for tag, text in ((0x9003, at), (0x9011, offset), (0x9004, "2002:02:02 02:02:02")):
        if text is not None:
            own[tag] = text
    if (
        file_format == "TIFF"
    ):  # which Pillow writes without this directory; an EXIF block is a TIFF itself
        return exif.tobytes().removeprefix(b"Exif\x00\x00")
    PIL.Image.new("RGB", (8, 8), (1, 2, 3)).save(file, file_format, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WebP", "TIFF"])
def test_when_a_photo_was_taken_is_found_in_each_format(file_format: str) -> None:
    assert taken_at(dated(file_format, "2018:06:01 12:30:05")) == "2018-06-01T12:30:05"
    assert (
        taken_at(dated(file_format, "2018:06:01 12:30:05", "-07:00")) == "2018-06-01T12:30:05-07:00"
    )
    assert taken_at(dated(file_format, None)) is None


@pytest.mark.parametrize(
    ("at", "offset", "expected"),
    [
        ("0000:00:00 00:00:00", None, None),
        ("    :  :     :  :  ", None, None),
        ("2018:13:01 12:30:05", None, None),
        ("2018-06-01 12:30:05", None, None),
        ("2018:06:01", None, None),
        ("yesterday, at noon!", None, None),
        ("2018:06:01 12:30:05", "   :  ", "2018-06-01T12:30:05"),
        ("2018:06:01 12:30:05", "+25:00", "2018-06-01T12:30:05"),
        ("2018:06:01 12:30:05", "+05:45", "2018-06-01T12:30:05+05:45"),
    ],
)
def test_what_is_no_time_is_none(at: str, offset: str | None, expected: str | None) -> None:
    assert taken_at(dated("JPEG", at, offset)) == expected


def test_a_photo_that_is_cut_off_anywhere_has_a_time_or_none() -> None:
    whole = dated("JPEG", "2018:06:01 12:30:05", "+05:45")
    found = {taken_at(whole[:length]) for length in range(len(whole))}
    assert found == {None, "2018-06-01T12:30:05", "2018-06-01T12:30:05+05:45"}
    assert taken_at(b"") is None


def test_a_file_made_to_be_read_for_ever_is_read_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entry of its directory leads to that directory again, and its mark stands in it a
    thousand times.
    """
    entry, count = struct.pack("<HHII", 0x8769, 4, 1, 8), 60_000
    block = b"II*\x00" + struct.pack("<IH", 8, count) + entry * count
    read: list[int] = []
    unpack = struct.unpack_from

    def counted(*given: Any) -> tuple[Any, ...]:
        read.append(1)
        return unpack(*given)

    monkeypatch.setattr("embedding.photos.exif.struct.unpack_from", counted)
    assert taken_at(block) is None  # as a TIFF
    assert taken_at((b"Exif\x00\x00" + block[:20]) * 1000 + block) is None
    assert 0 < len(read) < 20_000


def test_an_offset_of_nothing_is_utc() -> None:
    for offset in ("+00:00", "-00:00"):
        assert taken_at(dated("JPEG", "2018:06:01 12:30:05", offset)) == "2018-06-01T12:30:05Z"


def photo_by(make: str | None, model: str | None, number: str | None) -> bytes:
    exif, file = PIL.Image.Exif(), io.BytesIO()
    exif.update({tag: text for tag, text in ((0x010F, make), (0x0110, model)) if text})
    if number:
        exif.get_ifd(0x8769)[0xA431] = number
    PIL.Image.new("RGB", (8, 8), (1, 2, 3)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_a_camera_is_the_same_by_make_model_and_number_and_its_number_is_not_told() -> None:
    own = camera_of(photo_by("Canon Inc.", "EOS 7D", "0420110042"))
    assert own == camera_of(photo_by("Canon Inc.", "EOS 7D", "0420110042"))
    others = [
        camera_of(photo_by("Canon Inc.", "EOS 7D", "0420110043")),
        camera_of(photo_by("Canon Inc.", "EOS 5D", "0420110042")),
        camera_of(photo_by("Nikon", None, None)),
    ]
    assert len({own, *others}) == 4
    assert own is not None
    assert len(own) == 16
    assert camera_of(photo_by(None, None, None)) is None
    assert camera_of(b"no photo") is None
