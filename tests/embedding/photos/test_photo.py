"""embedding/photos/photo.py: every format and pixel kind comes out upright RGB, everything else is
BadPhoto.
"""

from __future__ import annotations

import io
import sys
import warnings
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
    crop,
    photo_size,
    read_photo,
    resize,
    to_array,
)
from tests.embedding.photos.conftest import BLUE, GREEN, RED, WHITE, encoded, exif_turned, quarters

LOSSLESS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("BMP", {}),
    ("GIF", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
]


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
