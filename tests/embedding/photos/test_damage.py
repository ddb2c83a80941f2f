"""Pictures that lack only their end marker are read; missing and damaged pixels are found."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import PIL.JpegImagePlugin
import pytest

from embedding.photos import jpeg_scan
from embedding.photos.damage import read_checked
from embedding.photos.jpeg_scan import jpeg_fault, with_end_marker
from embedding.photos.photo import BadPhoto, read_photo, to_array
from tests.embedding.photos.conftest import encoded, exif_turned

KINDS: list[dict[str, Any]] = [{}, {"progressive": True}, {"restart_marker_rows": 1}]
END = b"\xff\xd9"


@pytest.fixture
def picture(rng: np.random.Generator) -> PIL.Image.Image:
    """A picture with something to see everywhere."""
    coarse = rng.integers(0, 255, (24, 40, 3)).astype(np.uint8)
    return PIL.Image.fromarray(coarse).resize((200, 120), PIL.Image.Resampling.BICUBIC)


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("at_least_px", [None, 40])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read_as_if_it_were_there(
    picture: PIL.Image.Image, options: dict[str, Any], missing: int, at_least_px: int | None
) -> None:
    whole = encoded(picture, "JPEG", exif=exif_turned(6), **options)
    assert whole.endswith(END)
    read = read_photo(whole[:-missing], at_least_px=at_least_px)
    expected = read_photo(whole, at_least_px=at_least_px)
    np.testing.assert_array_equal(to_array(read), to_array(expected))
    assert read_checked(whole[:-missing], at_least_px=at_least_px).damage is None


@pytest.mark.parametrize("options", KINDS)
def test_a_jpeg_that_lacks_more_is_refused_as_before(
    picture: PIL.Image.Image, options: dict[str, Any]
) -> None:
    whole = encoded(picture, "JPEG", **options)
    for missing in (60, len(whole) // 3):
        with pytest.raises(BadPhoto, match="truncated: the JPEG ends before its picture does"):
            read_photo(whole[:-missing])
        assert with_end_marker(whole[:-missing]) is None


@pytest.mark.parametrize("options", KINDS)
def test_a_scan_that_was_cut_before_the_end_marker_is_found(
    picture: PIL.Image.Image, options: dict[str, Any]
) -> None:
    whole = encoded(picture, "JPEG", **options)
    damaged = whole[: int(len(whole) * 0.6)] + END
    found = read_checked(damaged).damage
    assert found is not None and found.startswith("pixels are missing or damaged")


def test_wrong_bytes_in_the_scan_are_found(
    picture: PIL.Image.Image, rng: np.random.Generator
) -> None:
    whole = encoded(picture, "JPEG", quality=95)
    found = 0
    for _ in range(20):
        damaged = bytearray(whole)
        at = int(rng.integers(len(whole) // 2, len(whole) - 500))
        damaged[at : at + 400] = rng.integers(0, 255, 400, np.uint8).tobytes()
        found += read_checked(bytes(damaged)).damage is not None
    assert found == 20


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("scale", [None, 40])
def test_a_whole_picture_has_no_damage(
    picture: PIL.Image.Image, options: dict[str, Any], scale: int | None
) -> None:
    for data in (
        encoded(picture, "JPEG", **options),
        encoded(picture.convert("L"), "JPEG", **options),
        encoded(picture.convert("CMYK"), "JPEG", **options),
        encoded(picture, "JPEG", **options) + b"SEFT and what else phones write behind",
    ):
        assert read_checked(data, at_least_px=scale).damage is None
        assert jpeg_fault(data) is None


def greyed(picture: PIL.Image.Image, *edges: str, share: float = 0.6) -> PIL.Image.Image:
    pixels = np.array(picture)
    rows, columns = round(share * len(pixels)), round(share * pixels.shape[1])
    if "bottom" in edges:
        pixels[-rows:] = 128
    if "top" in edges:
        pixels[:rows] = 128
    if "left" in edges:
        pixels[:, :columns] = 128
    return PIL.Image.fromarray(pixels)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("edge", ["bottom", "left"])
def test_a_grey_part_that_a_program_saved_is_found(
    picture: PIL.Image.Image, file_format: str, edge: str
) -> None:
    data = encoded(greyed(picture, edge), file_format)
    found = read_checked(data, at_least_px=40).damage
    assert found is not None and "of it is plain grey, as where pixels are missing" in found


def test_borders_and_blank_sheets_and_transparency_are_no_damage(picture: PIL.Image.Image) -> None:
    transparent = picture.convert("RGBA")
    transparent.paste((0, 0, 0, 0), (0, 80, 200, 120))
    for image in (
        greyed(picture, "top", "bottom", share=0.2),
        PIL.Image.new("RGB", (64, 64), (128, 128, 128)),
        transparent,
    ):
        data = encoded(image, "PNG")
        assert read_checked(data).damage is None


@pytest.mark.parametrize(
    ("warning", "is_damage"),
    [
        ("Corrupt JPEG data: bad Huffman code", True),
        ("Corrupt JPEG data: 12 extraneous bytes before marker 0xd9", True),
        ("Premature end of JPEG file", True),
        ("Corrupt JPEG data: bad ICC marker", False),
        ("Invalid SOS parameters for sequential JPEG", False),
        ("Warning: unknown JFIF revision number 2.01", False),
        ("Could not determine subsampling level of JPEG image", False),
    ],
)
def test_only_warnings_of_pixels_count(
    picture: PIL.Image.Image, monkeypatch: pytest.MonkeyPatch, warning: str, is_damage: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError(warning)

    monkeypatch.setattr(jpeg_scan.simplejpeg, "decode_jpeg", refuse)
    data = encoded(picture, "JPEG")
    assert (read_checked(data).damage is not None) == is_damage
    with pytest.raises(BadPhoto, match="truncated"):
        read_photo(data[:-2])


def test_padding_before_the_end_marker_is_no_damage(picture: PIL.Image.Image) -> None:
    whole = encoded(picture, "JPEG")
    padded, filled = (whole[:-2] + spare + END for spare in (bytes(40), bytes(range(1, 41))))
    assert read_checked(padded).damage is None
    assert "extraneous bytes" in (read_checked(filled).damage or "")


@pytest.mark.parametrize("options", [*KINDS, {"subsampling": 0}, {"subsampling": 2}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_one_pass_makes_the_pixels_that_pillow_makes_at_every_scale(
    picture: PIL.Image.Image, options: dict[str, Any], mode: str
) -> None:
    for width_px, height_px in ((200, 120), (203, 131), (64, 333), (16, 16)):
        image = picture.resize((width_px, height_px)).convert(mode)
        data = encoded(image, "JPEG", **options)
        for at_least_px in (1, 8, 15, 16, 17, 30, 50, 65, 131, 400):
            with PIL.Image.open(io.BytesIO(data)) as opened:
                opened.draft(None, (at_least_px, at_least_px))  # type: ignore[arg-type]
                expected = to_array(opened.convert("RGB"))
            found = read_checked(data, at_least_px=at_least_px).image
            np.testing.assert_array_equal(to_array(found), expected)


def test_a_whole_jpeg_is_read_once(
    picture: PIL.Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: bytes) -> str:
        raise AssertionError("a second pass")

    monkeypatch.setattr("embedding.photos.damage.jpeg_fault", refuse)
    monkeypatch.setattr(PIL.JpegImagePlugin.JpegImageFile, "load", refuse)
    assert read_checked(encoded(picture, "JPEG"), at_least_px=40).damage is None
