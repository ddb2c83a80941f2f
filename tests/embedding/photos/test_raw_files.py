"""Raw files of cameras aren't read by their small preview, and plain TIFFs still are."""

from __future__ import annotations

import io
import struct

import PIL.Image
import pytest
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from embedding.photos.photo import BadPhoto, photo_kind, photo_size, read_photo
from tests.embedding.photos.conftest import encoded, quarters

RAW = "a camera's raw file, of which only a preview of 160 x 80 px could be read; export"


def tiff(width_px: int = 160, height_px: int = 80, **tags: tuple[int, object]) -> bytes:
    """A TIFF with more tags: name=(tag, value)."""
    extra = ImageFileDirectory_v2()
    for tag, value in tags.values():
        extra[tag] = value
        extra.tagtype[tag] = 4 if isinstance(value, int) else 1
    return encoded(quarters(width_px, height_px), "TIFF", tiffinfo=extra)


def pages(*sizes: tuple[int, int], **options: object) -> bytes:
    first, *rest = (quarters(*size) for size in sizes)
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=rest, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.NEF", "season/a.dng", "a.arw", "a.CR2", "a.pef", "a.srw"])
def test_a_tiff_that_is_called_like_a_raw_file_is_refused(name: str) -> None:
    for reading in (read_photo, photo_size, photo_kind):
        with pytest.raises(BadPhoto, match=RAW):
            reading(tiff(), name=name)


def test_the_path_names_it_where_nothing_else_does(tmp_path) -> None:
    (tmp_path / "a.NEF").write_bytes(tiff())
    with pytest.raises(BadPhoto, match=rf"a\.NEF: {RAW}"):
        read_photo(tmp_path / "a.NEF")


@pytest.mark.parametrize(
    "data",
    [
        tiff(dng=(0xC612, b"\x01\x04\x00\x00")),
        tiff(sensor=(0x0106, 32803)),
        tiff(linear=(0x0106, 34892)),
    ],
)
def test_what_a_raw_file_holds_tells_it_whatever_its_name(data: bytes) -> None:
    with pytest.raises(BadPhoto, match=RAW):
        read_photo(data, name="a.tif")


@pytest.mark.parametrize(
    "head",
    [
        b"IIRO\x08\x00\x00\x00",
        b"IIU\x00\x18\x00\x00\x00",
        b"FUJIFILMCCD-RAW 0201",
        b"FOVb\x00\x00\x02\x00",
        b"\x00MRM\x00\x01\x00\x00",
        b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01",
        b"II\x1a\x00\x00\x00HEAPCCDR",
    ],
)
def test_raw_files_that_are_no_tiff_are_named(head: bytes) -> None:
    with pytest.raises(BadPhoto, match=r"a\.jpg: a camera's raw file; export the photo as JPEG"):
        read_photo(head + bytes(200), name="a.jpg")


def test_a_small_first_picture_of_a_large_one_is_refused() -> None:
    expected = r"its first picture is a preview of 160 x 80 px of one of 1,600 x 800 px"
    with pytest.raises(BadPhoto, match=expected):
        read_photo(pages((160, 80), (1600, 800)), name="a.tif")


def test_a_picture_that_says_that_it_is_a_preview_is_refused() -> None:
    assert read_photo(pages((160, 80), (200, 100)), name="a.tif").size == (160, 80)
    marked = pages((160, 80), (200, 100), tiffinfo={0x00FE: 1})
    with pytest.raises(BadPhoto, match=r"a preview of 160 x 80 px of one of 200 x 100 px"):
        read_photo(marked, name="a.tif")


def test_a_tiff_that_holds_far_more_than_its_picture_is_refused() -> None:
    with pytest.raises(BadPhoto, match=r"only a picture of 160 x 80 px could be read of its 2"):
        read_photo(tiff() + bytes(200_000), name="a.tif")


def test_plain_tiffs_are_read() -> None:
    assert read_photo(tiff(), name="a.tif").size == (160, 80)
    assert read_photo(pages((1600, 800), (160, 80)), name="a.tif").size == (1600, 800)
    assert read_photo(pages(*[(160, 80)] * 20), name="a.tif").size == (160, 80)
    assert read_photo(tiff(layers=(37724, bytes(200_000))), name="a.tif").size == (160, 80)
    assert read_photo(tiff() + bytes(1000), name="a.tif").size == (160, 80)


def test_a_jpeg_that_is_called_like_a_raw_file_is_read() -> None:
    assert read_photo(encoded(quarters(), "JPEG"), name="a.NEF").size == (64, 32)


def test_directories_that_lead_in_a_circle_end() -> None:
    data = bytearray(tiff())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert read_photo(bytes(data), name="a.tif").size == (160, 80)
    assert PIL.Image.open(io.BytesIO(data)).size == (160, 80)
