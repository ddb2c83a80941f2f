"""embedding/photos/photo.py: every format and pixel kind comes out upright RGB, everything else is
BadPhoto.
"""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import PIL.ImageOps
import pytest

from embedding.photos.photo import (
    BadPhoto,
    Box,
    PhotoLimits,
    crop,
    from_array,
    photo_kind,
    photo_size,
    read_photo,
    resize,
    save_jpeg,
    thumbnail,
    to_array,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
LOSSLESS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("BMP", {}),
    ("GIF", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
]


def encoded(image: PIL.Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def quarters(width_px: int = 64, height_px: int = 32) -> PIL.Image.Image:
    """Red, green over blue, white: no two orientations look alike."""
    pixels = np.zeros((height_px, width_px, 3), np.uint8)
    half_h, half_w = height_px // 2, width_px // 2
    pixels[:half_h, :half_w], pixels[:half_h, half_w:] = RED, GREEN
    pixels[half_h:, :half_w], pixels[half_h:, half_w:] = BLUE, WHITE
    return PIL.Image.fromarray(pixels)


def exif_turned(orientation: int) -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return exif


def png_of(width_px: int, height_px: int, pixel_data: bytes = b"") -> bytes:
    """A PNG made by hand, so that its header may claim what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(pixel_data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


# ----------------------------------------------------------------------------------------------
# formats


@pytest.mark.parametrize(("file_format", "options"), LOSSLESS)
def test_lossless_formats_come_out_exactly(file_format: str, options: dict[str, Any]) -> None:
    image = read_photo(encoded(quarters(), file_format, **options))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(to_array(image), np.asarray(quarters()))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpeg_comes_out_nearly(options: dict[str, Any]) -> None:
    data = encoded(quarters(), "JPEG", quality=95, **options)
    image = read_photo(data)
    assert abs(to_array(image).astype(int) - np.asarray(quarters())).mean() < 5
    with PIL.Image.open(io.BytesIO(data)) as opened:
        np.testing.assert_array_equal(to_array(image), np.asarray(opened))


def test_a_path_is_read_like_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "fluke.dat").write_bytes(encoded(quarters(), "PNG"))  # the name says nothing
    assert to_array(read_photo(tmp_path / "fluke.dat")).tolist() == np.asarray(quarters()).tolist()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_orientation_is_applied(
    file_format: str, options: dict[str, Any], orientation: int
) -> None:
    data = encoded(quarters(), file_format, exif=exif_turned(orientation), **options)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        expected = PIL.ImageOps.exif_transpose(
            opened.convert("RGB") if file_format == "TIFF" else opened
        )
        np.testing.assert_array_equal(to_array(read_photo(data)), np.asarray(expected))


def test_orientation_6_is_a_quarter_turn_to_the_right() -> None:
    turned = read_photo(encoded(quarters(64, 32), "PNG", exif=exif_turned(6)))
    assert turned.size == (32, 64)
    corners = [turned.getpixel(at) for at in ((0, 0), (31, 0), (0, 63), (31, 63))]
    assert corners == [BLUE, RED, WHITE, GREEN]


@pytest.mark.parametrize(
    "damaged",
    [
        b"Exif\x00\x00",
        b"Exif\x00\x00garbage instead of tags",
        b"Exif\x00\x00" + b"MM\x00*" + b"\xff" * 20,  # the first directory lies beyond the end
        exif_turned(3).tobytes()[:-9],  # ends within the only tag
        b"Exif\x00\x00"
        + b"II*\x00\x08\x00\x00\x00"
        + b"\xff\xff"
        + b"\x1a\x01\x05\x00\x01\x00\x00\x00" * 3,
    ],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_does_not_matter(file_format: str, damaged: bytes) -> None:
    plain, with_exif = (
        encoded(quarters(), file_format),
        encoded(quarters(), file_format, exif=damaged),
    )
    assert to_array(read_photo(with_exif)).tolist() == to_array(read_photo(plain)).tolist()


def test_metadata_goes() -> None:
    data = encoded(
        quarters(), "JPEG", exif=exif_turned(1), comment=b"seen off the secret island", dpi=(72, 72)
    )
    image = read_photo(data)
    assert image.info == {}
    assert b"secret" not in encoded(image, "JPEG")


@pytest.mark.parametrize(
    ("file_format", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})]
)
def test_the_first_frame_of_an_animation_is_the_photo(
    file_format: str, options: dict[str, Any]
) -> None:
    second = PIL.Image.new("RGB", (64, 32), (9, 9, 9))
    data = encoded(
        quarters(), file_format, save_all=True, append_images=[second], duration=50, **options
    )
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert getattr(opened, "n_frames", 1) == 2
    np.testing.assert_array_equal(to_array(read_photo(data)), np.asarray(quarters()))


def test_heic_is_read_upright() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra `heic` is not installed")
    file = io.BytesIO()
    pillow_heif.from_pillow(quarters(128, 64)).save(
        file, quality=100, exif=exif_turned(6).tobytes()
    )
    image = read_photo(file.getvalue(), name="whale.heic")
    assert (image.mode, image.size) == ("RGB", (64, 128))
    expected = quarters(128, 64).transpose(PIL.Image.Transpose.ROTATE_270)
    assert abs(to_array(image).astype(int) - np.asarray(expected)).mean() < 6
    with pytest.raises(BadPhoto, match=r"whale\.heic: truncated: the HEIC ends before"):
        read_photo(file.getvalue()[:-10], name="whale.heic")


def test_heic_without_the_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic = b"\x00\x00\x00\x18ftypheic" + bytes(40)
    with pytest.raises(
        BadPhoto, match=r"whale\.heic: HEIC photos need .*pip install 'flukeprint\[heic\]'"
    ):
        read_photo(heic, name="whale.heic")


# ------------------------------------------------------------------------------------------ pixel
# kinds


def only_value(image: PIL.Image.Image) -> tuple[int, ...]:
    """The one colour that the whole image has."""
    colours = np.unique(to_array(image).reshape(-1, 3), axis=0)
    assert len(colours) == 1
    return tuple(int(value) for value in colours[0])


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
        ("LA", (77, 0), (128, 128, 128)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (128, 128, 128)),
        ("RGBA", (228, 128, 28, 128), (178, 128, 78)),  # half of the way to the grey behind
    ],
)
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_grey_and_alpha(
    file_format: str, mode: str, colour: Any, expected: tuple[int, ...]
) -> None:
    assert (
        only_value(read_photo(encoded(PIL.Image.new(mode, (5, 4), colour), file_format)))
        == expected
    )


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_a_transparent_palette_colour_shows_the_grey_behind(file_format: str) -> None:
    image = PIL.Image.new("P", (4, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1, 1, 0])
    data = encoded(image, file_format, transparency=1)
    behind = [128, 128, 128]
    assert to_array(read_photo(data))[0].tolist() == [[10, 20, 30], behind, behind, [10, 20, 30]]


def test_a_palette_with_partial_transparency_is_blended() -> None:
    image = PIL.Image.new("P", (1, 1))
    image.putpalette([228, 128, 28])
    assert only_value(read_photo(encoded(image, "PNG", transparency=bytes([128])))) == (
        178,
        128,
        78,
    )


def test_a_transparent_colour_of_rgb_shows_the_grey_behind() -> None:
    data = encoded(PIL.Image.new("RGB", (3, 3), RED), "PNG", transparency=RED)
    assert only_value(read_photo(data)) == (128, 128, 128)


def test_cmyk_becomes_rgb() -> None:
    cyan = PIL.Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert only_value(read_photo(encoded(cyan, "TIFF"))) == (0, 255, 255)
    red, green, blue = only_value(read_photo(encoded(cyan, "JPEG", quality=95)))
    assert red <= 3
    assert min(green, blue) >= 252


WIDE = np.array([[0, 257, 12850, 65535]])


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(file_format: str) -> None:
    data = encoded(PIL.Image.fromarray(WIDE.astype(np.uint16)), file_format)
    assert to_array(read_photo(data))[0].tolist() == [[v, v, v] for v in (0, 1, 50, 255)]


def test_16_bit_big_endian_tiff_is_scaled() -> None:
    data = encoded(PIL.Image.frombytes("I;16B", (4, 1), WIDE.astype(">u2").tobytes()), "TIFF")
    with PIL.Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "I;16B"
    assert to_array(read_photo(data))[0, :, 0].tolist() == [0, 1, 50, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (WIDE.astype(np.int32), [0, 1, 50, 255]),  # white is 65,535
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),  # white is 255
        (np.array([[0, 1]], np.int32), [0, 255]),  # a mask
        (np.array([[-100, -20, 100]], np.int32), [0, 102, 255]),  # stretched
        (np.array([[0, 20_000, 100_000]], np.int32), [0, 51, 255]),  # stretched
        (np.array([[0.0, 0.2, 1.0]], np.float32), [0, 51, 255]),  # white is 1
        (np.array([[0.0, 100.4, 254.6]], np.float32), [0, 100, 255]),
        (np.array([[np.nan, 0.2, np.inf]], np.float32), [0, 51, 0]),
        (np.array([[-5.0, -5.0]], np.float32), [0, 0]),
    ],
)
def test_wider_grey_is_scaled(values: np.ndarray, expected: list[int]) -> None:
    image = read_photo(encoded(PIL.Image.fromarray(values), "TIFF"))
    assert image.mode == "RGB"
    assert to_array(image)[0, :, 0].tolist() == expected


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (1, 5000)])
def test_very_thin_pictures_are_fine(size: tuple[int, int]) -> None:
    for file_format in ("PNG", "JPEG"):
        assert (
            read_photo(encoded(PIL.Image.new("RGB", size), file_format), at_least_px=64).size
            == size
        )


# --------------------------------------------------------------------------------------------
# decoding


@pytest.mark.parametrize(
    ("at_least_px", "expected"),
    [
        (None, (1600, 800)),
        (401, (1600, 800)),
        (400, (800, 400)),
        (200, (400, 200)),
        (100, (200, 100)),
        (7, (200, 100)),
    ],
)
def test_a_large_jpeg_is_decoded_small(at_least_px: int | None, expected: tuple[int, int]) -> None:
    data = encoded(quarters(1600, 800), "JPEG", quality=95)
    image = read_photo(data, at_least_px=at_least_px)
    assert image.size == expected
    whole = np.asarray(quarters(*expected)).astype(int)
    assert abs(to_array(image) - whole).mean() < 2


def test_a_turned_jpeg_is_decoded_small_too() -> None:
    data = encoded(quarters(1600, 800), "JPEG", exif=exif_turned(6))
    assert read_photo(data, at_least_px=200).size == (200, 400)


def test_a_small_jpeg_and_other_formats_come_whole() -> None:
    assert read_photo(encoded(quarters(100, 50), "JPEG"), at_least_px=400).size == (100, 50)
    assert read_photo(encoded(quarters(1600, 800), "PNG"), at_least_px=100).size == (1600, 800)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_pillows_own_size_warning_stays_in(
    file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(quarters(64, 32), file_format)
    monkeypatch.setattr(
        PIL.Image, "MAX_IMAGE_PIXELS", 2000
    )  # 2,048 px: enough to warn, not to refuse
    with pytest.warns(PIL.Image.DecompressionBombWarning):
        PIL.Image.open(io.BytesIO(data)).close()
    image = read_photo(data)  # warnings are errors here
    assert crop(image, Box(0, 0, 1, 1)).size == (64, 32)


def test_threads_read_side_by_side_and_no_setting_changes() -> None:
    photos = [
        encoded(quarters(), *given) for given in (("PNG",), ("TIFF",), ("GIF",), ("BMP",))
    ] * 12
    filters, limit = list(warnings.filters), PIL.Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(read_photo, photos))
    assert all(np.array_equal(to_array(image), np.asarray(quarters())) for image in images)
    assert list(warnings.filters) == filters
    assert limit == PIL.Image.MAX_IMAGE_PIXELS
    assert PIL.ImageFile.LOAD_TRUNCATED_IMAGES is False


# ------------------------------------------------------------------------------------------------
# errors


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadPhoto, match=r"a\.jpg: the file is empty \(0 bytes\)"):
        read_photo(b"", name="a.jpg")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_truncated_jpeg_is_refused(
    options: dict[str, Any], share: float, rng: np.random.Generator
) -> None:
    noise = PIL.Image.fromarray(rng.integers(0, 255, (120, 200, 3)).astype(np.uint8))
    data = encoded(noise, "JPEG", **options)
    with pytest.raises(BadPhoto, match=r"a\.jpg: truncated: the JPEG ends before its picture does"):
        read_photo(data[: int(len(data) * share)], name="a.jpg")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_half_a_photo_is_refused_in_every_format(
    file_format: str, rng: np.random.Generator
) -> None:
    noise = PIL.Image.fromarray(rng.integers(0, 255, (120, 200, 3)).astype(np.uint8))
    data = encoded(noise, file_format)
    with pytest.raises(BadPhoto, match=r"^a\.photo: (truncated: the|the) \w+ "):
        read_photo(data[: len(data) // 2], name="a.photo")


def test_text_named_jpg_is_refused() -> None:
    expected = (
        r"notes\.jpg: not a photo, whatever its name says: it holds text; JPEG, PNG, .* are read"
    )
    with pytest.raises(BadPhoto, match=expected):
        read_photo(b"Image,Id\na.jpg,w_1\n", name="notes.jpg")


def test_other_bytes_are_refused_and_shown() -> None:
    with pytest.raises(BadPhoto, match=r"it starts with the bytes 50 4b 03 04 14 00 00 00;"):
        read_photo(b"PK\x03\x04\x14\x00\x00\x00", name="archive.jpg")


def test_a_60000_px_png_is_refused_from_its_header() -> None:
    data = png_of(60_000, 60_000)
    assert len(data) < 100  # there is nothing to decode: only the header can have told
    with pytest.raises(
        BadPhoto, match=r"huge\.png: 60,000 x 60,000 px are too many pixels: at most 120,000,000"
    ):
        read_photo(data, name="huge.png")


def test_the_pixel_limit_counts_before_a_small_decode() -> None:
    limits = PhotoLimits(max_pixels=2047)
    with pytest.raises(BadPhoto, match="64 x 32 px are too many pixels: at most 2,047"):
        read_photo(encoded(quarters(64, 32), "JPEG"), limits=limits, at_least_px=4)
    assert read_photo(
        encoded(quarters(64, 32), "JPEG"), limits=PhotoLimits(max_pixels=2048)
    ).size == (64, 32)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "TIFF"])
def test_sizes_that_pillow_refuses_first_are_bad_photos(
    file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(quarters(64, 32), file_format)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BadPhoto, match=r"a\.photo: .*too many pixels"):
        read_photo(data, name="a.photo", limits=PhotoLimits(max_pixels=2000))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(BadPhoto, match=r"a\.png: the file is larger than the 50 bytes allowed"):
        read_photo(encoded(quarters(), "PNG"), name="a.png", limits=PhotoLimits(max_bytes=50))


@pytest.mark.parametrize("size", [(0, 7), (7, 0)])
def test_no_pixels_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(BadPhoto, match=r"a\.png: the PNG has no pixels"):
        read_photo(png_of(*size), name="a.png")


def test_errors_name_the_path_or_what_the_caller_calls_it(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BadPhoto, match=r"empty\.jpg: the file is empty"):
        read_photo(tmp_path / "empty.jpg")
    with pytest.raises(BadPhoto, match=r"^the fluke: the file is empty"):
        read_photo(tmp_path / "empty.jpg", name="the fluke")
    with pytest.raises(BadPhoto, match=r"^the fluke: there is no such file$"):
        read_photo(tmp_path / "absent.jpg", name="the fluke")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_random_damage_never_gets_past_bad_photo(
    file_format: str, rng: np.random.Generator
) -> None:
    sound = encoded(quarters(), file_format)
    refused = 0
    for _ in range(150):
        damaged = bytearray(sound)
        for position in rng.integers(0, len(sound), 6):
            damaged[position] = rng.integers(0, 256)
        try:
            assert read_photo(bytes(damaged), limits=PhotoLimits(max_pixels=10**6)).mode == "RGB"
        except BadPhoto:
            refused += 1
    assert refused


# ------------------------------------------------------------------------------------------------
# pixels


def test_arrays_there_and_back(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (3, 5, 3)).astype(np.uint8)
    image = from_array(pixels)
    assert image.size == (5, 3)
    copy = to_array(image)
    assert copy.flags.writeable
    np.testing.assert_array_equal(copy, pixels)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_other_arrays_are_refused(pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"pixels must be \(h, w, 3\) uint8, not \(4, 4"):
        from_array(pixels)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(0, 0, 1, 1), (0, 10, 0, 20)),
        (Box(0.25, 0.1, 0.75, 0.5), (1, 5, 5, 15)),
        (Box(0.5, 0.5, 0.5, 0.5), (5, 6, 10, 11)),  # never less than a pixel
        (Box(1, 1, 1, 1), (9, 10, 19, 20)),
        (Box(-0.5, -0.5, 1.5, 1.5), (0, 10, 0, 20)),  # never beyond the image
    ],
)
def test_crop(box: Box, expected: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (10, 20, 3)).astype(np.uint8)
    top, bottom, left, right = expected
    np.testing.assert_array_equal(
        to_array(crop(from_array(pixels), box)), pixels[top:bottom, left:right]
    )


def test_resize_keeps_what_is_even_and_has_the_size_asked() -> None:
    small = resize(PIL.Image.new("RGB", (640, 200), (9, 80, 200)), 31, 17)
    assert small.size == (31, 17)
    assert only_value(small) == (9, 80, 200)


@pytest.mark.parametrize(
    ("size", "expected"), [((400, 100), (100, 25)), ((100, 400), (25, 100)), ((60, 40), (60, 40))]
)
def test_thumbnail_shrinks_only(size: tuple[int, int], expected: tuple[int, int]) -> None:
    image = PIL.Image.new("RGB", size)
    assert thumbnail(image, 100).size == expected
    assert image.size == size


def test_save_jpeg_can_be_read_back(tmp_path: Path) -> None:
    save_jpeg(quarters(), tmp_path / "a.jpg", quality=95)
    assert (tmp_path / "a.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert (
        abs(to_array(read_photo(tmp_path / "a.jpg")).astype(int) - np.asarray(quarters())).mean()
        < 5
    )


@pytest.mark.shared
def test_real_photos_are_read_and_small_decoding_is_close(shared: Path) -> None:
    def shrink(image: PIL.Image.Image) -> np.ndarray:
        return to_array(resize(image, 96, 48)).astype(int)

    paths = sorted((shared / "data/flukes_fullres/photos").iterdir())
    assert len(paths) == 35
    for path in paths[:12]:
        whole, small = read_photo(path), read_photo(path, at_least_px=96)
        assert min(small.size) >= min(96, *whole.size)
        assert abs(shrink(whole) - shrink(small)).mean() < 4


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_is_that_of_the_upright_image(file_format: str, orientation: int) -> None:
    options = {} if file_format in {"BMP", "GIF"} else {"exif": exif_turned(orientation)}
    data = encoded(quarters(30, 20), file_format, **options)
    assert photo_size(data) == read_photo(data).size


def test_the_size_of_what_is_no_photo() -> None:
    with pytest.raises(BadPhoto, match=r"a\.jpg: not a photo"):
        photo_size(b"text", name="a.jpg")
    with pytest.raises(BadPhoto, match=r"a\.jpg: "):
        photo_size(b"\x89PNG\r\n\x1a\nrubbish", name="a.jpg")


@pytest.mark.parametrize(
    ("mode", "file_format", "has_alpha"),
    [
        ("RGB", "JPEG", False),
        ("L", "JPEG", False),
        ("RGBA", "PNG", True),
        ("P", "GIF", False),
        ("RGB", "TIFF", False),
    ],
)
def test_the_header_tells_the_kind(mode: str, file_format: str, has_alpha: bool) -> None:
    exif = exif_turned(6)
    options: dict[str, Any] = {} if file_format == "GIF" else {"exif": exif}
    kind = photo_kind(encoded(quarters().convert(mode), file_format, **options))
    assert (kind.file_format, kind.mode, kind.has_alpha) == (file_format, mode, has_alpha)
    assert {kind.width_px, kind.height_px} == {64, 32}
    assert kind.width_px == (32 if file_format == "TIFF" else 64)
    assert kind.orientation == (1 if file_format == "GIF" else 6)


def test_the_kind_of_what_is_no_photo_is_refused() -> None:
    with pytest.raises(BadPhoto, match="not a photo"):
        photo_kind(b"hello")
    with pytest.raises(BadPhoto, match=r"damaged|truncated|no pixels"):
        photo_kind(encoded(quarters(), "PNG")[:20])
