"""Read a photo into an upright RGB image, or say what is wrong with it. The only door to Pillow.

Photos come from anybody. What a file is gets decided by its first bytes, never by its name; its
size is checked from the header before a pixel is decoded. Pillow's format classes are called one by
one instead of `Image.open`: a stricter whitelist than its `formats=`, and its own size warning has
no say. No setting of Pillow is changed, so any number of threads may read at once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import threading
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from embedding.photos.box import Box
from embedding.photos.exif import orientation, set_jpeg_exif_aside
from embedding.photos.jpeg_scan import decode_whole, scaled_down, with_end_marker
from embedding.photos.photo_files import (
    PHOTO_SUFFIXES,
    RAW_SUFFIXES,
    BadPhoto,
    PhotoLimits,
    check_bytes,
    content_hash,
    describe_others,
    find_photos,
    list_folder,
    photo_bytes,
    photo_names,
)
from embedding.photos.raw_files import describe_raw

__all__ = [
    "PHOTO_SUFFIXES",
    "RAW_SUFFIXES",
    "BadPhoto",
    "Box",
    "DecodedPhoto",
    "Image",
    "PhotoKind",
    "PhotoLimits",
    "content_hash",
    "crop",
    "decode_photo",
    "describe_others",
    "find_photos",
    "from_array",
    "list_folder",
    "photo_bytes",
    "photo_kind",
    "photo_names",
    "photo_size",
    "read_photo",
    "resize",
    "save_jpeg",
    "thumbnail",
    "to_array",
    "without_colour",
]

Image = PillowImage.Image
_Opener = Callable[[io.BytesIO], ImageFile]

_OPENERS: dict[str, _Opener] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "AVIF": AvifImageFile,
}
_HEIC_BRANDS = {
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"hevm",
    b"hevs",
    b"mif1",
    b"msf1",
}
_AVIF_BRANDS = {b"avif", b"avis"}
_LONGEST_BRANDS = 512
_BACKGROUND = (128, 128, 128, 255)  # middle grey, behind what is transparent
_TURNS = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}


_QUARTER_TURNS_LEFT = {
    1: PillowImage.Transpose.ROTATE_90,
    2: PillowImage.Transpose.ROTATE_180,
    3: PillowImage.Transpose.ROTATE_270,
}


class PhotoKind(NamedTuple):
    """What a file's header says of its pixels, which aren't decoded: as stored, but a TIFF's size
    is turned already.
    """

    file_format: str  # JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC
    mode: str  # Pillow's: L, RGB, RGBA, P, CMYK, I;16 and others
    has_alpha: bool
    orientation: int  # EXIF's, 1..8; 1 is upright
    width_px: int
    height_px: int


class DecodedPhoto(NamedTuple):
    """An upright RGB image.

    `is_whole`: it is a JPEG, and libjpeg had nothing to warn of. False says nothing.
    """

    image: Image
    is_whole: bool


def read_photo(
    source: Path | bytes,
    *,
    name: str | None = None,
    limits: PhotoLimits = PhotoLimits(),
    at_least_px: int | None = None,
) -> Image:
    """Decode a photo into an upright RGB image without metadata; of an animation, the first frame.

    `name` is what errors call the photo. `at_least_px`: a JPEG comes at the smallest of the scales
    1, 1/2, 1/4, 1/8 whose both sides are at least that long (whole, where none is); other formats
    always come whole. 16-bit grey is scaled to 8 bits; what is transparent shows middle grey;
    colour profiles are not applied. Raises BadPhoto.
    """
    if isinstance(source, Path):
        name = name or str(source)
        source = photo_bytes(source, limits, name=name)
    return decode_photo(source, name=name, limits=limits, at_least_px=at_least_px).image


def decode_photo(
    data: bytes,
    *,
    name: str | None = None,
    limits: PhotoLimits = PhotoLimits(),
    at_least_px: int | None = None,
) -> DecodedPhoto:
    """Decode as `read_photo` does, and say whether decoding proved the photo whole. Raises
    BadPhoto.
    """
    name = name or "the photo"
    check_bytes(data, name, limits)
    file_format = _format_of(data, name)
    try:
        decoded, is_whole = _decode(data, file_format, name, limits, at_least_px)
        upright = _to_rgb(decoded)
    except (BadPhoto, MemoryError):
        raise
    except (
        Exception
    ) as error:  # damaged and hostile files make Pillow raise nearly every kind of error
        raise BadPhoto(f"{name}: {_what_was_wrong(error, file_format)}") from error
    upright.info.clear()  # comments would otherwise travel into saved copies
    return DecodedPhoto(upright, is_whole)


def photo_size(
    data: bytes, *, name: str = "the photo", limits: PhotoLimits = PhotoLimits()
) -> tuple[int, int]:
    """The width and height in pixels of the upright image, in most formats without decoding it.

    Raises BadPhoto.
    """
    check_bytes(data, name, limits)
    file_format = _format_of(data, name)
    if file_format in {"TIFF", "HEIC"}:  # their headers tell the size before turning, or not at all
        return read_photo(data, name=name, limits=limits).size
    exif = b""
    if file_format == "JPEG":
        data, exif = set_jpeg_exif_aside(data)
    try:
        with _hushed(file_format in {"PNG", "GIF"}):
            image = _OPENERS[file_format](io.BytesIO(data))
    except Exception as error:
        raise BadPhoto(f"{name}: {_what_was_wrong(error, file_format)}") from error
    is_turned = orientation(exif or image.info.get("exif", b"")) >= 5
    return (image.height, image.width) if is_turned else (image.width, image.height)


def photo_kind(
    data: bytes, *, name: str = "the photo", limits: PhotoLimits = PhotoLimits()
) -> PhotoKind:
    """Read what a photo's header says, without decoding it. Raises BadPhoto."""
    check_bytes(data, name, limits)
    file_format = _format_of(data, name)
    exif = data if file_format == "TIFF" else b""
    if file_format == "JPEG":
        data, exif = set_jpeg_exif_aside(data)
    opener = _heic_opener(name) if file_format == "HEIC" else _OPENERS[file_format]
    try:
        with _hushed(file_format in {"PNG", "TIFF", "GIF"}):
            image = opener(io.BytesIO(data))
    except Exception as error:
        raise BadPhoto(f"{name}: {_what_was_wrong(error, file_format)}") from error
    turn = orientation(exif or image.info.get("exif", b""))
    return PhotoKind(
        file_format, image.mode, image.has_transparency_data, turn, image.width, image.height
    )


def _format_of(data: bytes, name: str) -> str:
    head = data[:16]
    brands = _brands(data)
    signatures = {
        "JPEG": head.startswith(b"\xff\xd8\xff"),
        "PNG": head.startswith(b"\x89PNG\r\n\x1a\n"),
        "WebP": head.startswith(b"RIFF") and head[8:12] == b"WEBP",
        "TIFF": head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")),
        "BMP": head.startswith(b"BM"),
        "GIF": head.startswith((b"GIF87a", b"GIF89a")),
        "AVIF": bool(brands & _AVIF_BRANDS),
        "HEIC": bool(brands & _HEIC_BRANDS),
    }
    raw = describe_raw(data, name)
    if raw is not None:
        raise BadPhoto(f"{name}: {raw}")
    for file_format, is_signed in signatures.items():
        if is_signed:
            return file_format
    looks_like_text = not re.search(rb"[\x00-\x08\x0e-\x1f]", data[:512])
    seen = "it holds text" if looks_like_text else f"it starts with the bytes {head[:8].hex(' ')}"
    raise BadPhoto(
        f"{name}: not a photo, whatever its name says: {seen}; {', '.join(signatures)} are read"
    )


def _brands(data: bytes) -> set[bytes]:
    """What an ISO media file says that it is: its main brand, and those that it is compatible to.

    Both AVIF and HEIC may have a main brand that says neither.
    """
    if data[4:8] != b"ftyp":
        return set()
    length = min(int.from_bytes(data[:4], "big"), _LONGEST_BRANDS)
    return {data[8:12], *(data[at : at + 4] for at in range(16, length - 3, 4))}


def _decode(
    data: bytes, file_format: str, name: str, limits: PhotoLimits, at_least_px: int | None
) -> DecodedPhoto:
    exif = b""
    if file_format == "JPEG":
        data, exif = set_jpeg_exif_aside(data)
    opener = _heic_opener(name) if file_format == "HEIC" else _OPENERS[file_format]
    with _hushed(file_format in {"PNG", "TIFF", "GIF"}):
        opened = opener(io.BytesIO(data))
    _check_pixels(opened, name, limits)
    image, is_whole = opened, False
    if file_format == "JPEG":
        image, is_whole = _loaded_jpeg(opened, data, at_least_px)
    with _hushed(file_format == "TIFF"):
        image.load()
    if file_format in {"TIFF", "HEIC"}:  # their decoders have turned them already
        return DecodedPhoto(image, is_whole)
    turn = _TURNS.get(orientation(exif or opened.info.get("exif", b"")))
    return DecodedPhoto(image if turn is None else image.transpose(turn), is_whole)


def _loaded_jpeg(image: ImageFile, jpeg: bytes, at_least_px: int | None) -> DecodedPhoto:
    """Decode a JPEG, also one that lacks nothing but its end marker."""
    if at_least_px and image.mode in {"L", "RGB"}:
        shrunk_by = scaled_down(image.width, image.height, at_least_px)
        pixels = decode_whole(jpeg, image.width, image.height, shrunk_by)
        if pixels is not None:
            return DecodedPhoto(from_array(pixels), True)
    size = (at_least_px, at_least_px) if at_least_px else None
    try:
        if size:
            image.draft(None, size)
        image.load()
    except OSError as error:
        whole = with_end_marker(jpeg) if "truncated" in str(error) else None
        if whole is None:
            raise
        image = JpegImageFile(io.BytesIO(whole))
        if size:
            image.draft(None, size)
        image.load()
    return DecodedPhoto(image, False)


def _heic_opener(name: str) -> _Opener:
    try:
        pillow_heif: Any = importlib.import_module("pillow_heif")
    except ImportError:
        raise BadPhoto(
            f"{name}: HEIC photos need the extra package pillow-heif: `pip install "
            "'flukeprint[heic]'`, "
            "or save the photo as JPEG"
        ) from None
    return cast("_Opener", pillow_heif.HeifImageFile)


def _check_pixels(image: Image, name: str, limits: PhotoLimits) -> None:
    if image.width * image.height > limits.max_pixels:
        raise BadPhoto(
            f"{name}: {image.width:,} x {image.height:,} px are too many pixels: "
            f"at most {limits.max_pixels:,} are decoded; send a smaller copy"
        )


def _what_was_wrong(error: Exception, file_format: str) -> str:
    said = str(error).strip() or type(error).__name__
    if isinstance(
        error, PillowImage.DecompressionBombError
    ):  # WebP, GIF and TIFF check before we can
        return f"too many pixels ({said}); send a smaller copy"
    if (
        "not identified by this driver" in said
    ):  # Pillow's words for a header without a size or a mode
        return f"the {file_format} has no pixels, or none of a known kind"
    if isinstance(error, EOFError) or "truncated" in said.lower() or "end of file" in said:
        return (
            f"truncated: the {file_format} ends before its picture does; copy or download it again"
        )
    return f"the {file_format} is damaged or of an unsupported kind ({said})"


_WARNING_FILTERS = threading.Lock()


@contextlib.contextmanager
def _hushed(can_warn: bool) -> Generator[None]:
    """Swallow Pillow's warnings about odd metadata around a call that can warn.

    One thread at a time, because Python before 3.14 keeps one list of warning filters for all
    threads. No pixel of a JPEG, PNG or WebP is decoded in here.
    """
    if not can_warn:
        yield
        return
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _to_rgb(image: Image) -> Image:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        return from_array(np.repeat(_to_eight_bits(np.asarray(image))[:, :, None], 3, axis=2))
    if image.has_transparency_data:
        background = PillowImage.new("RGBA", image.size, _BACKGROUND)
        background.alpha_composite(image.convert("RGBA"))
        return background.convert("RGB")
    if image.mode == "RGB" and not isinstance(image, ImageFile):
        return image  # pixels that were decoded to an image of their own
    return image.convert("RGB")


def _to_eight_bits(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale grey values wider than 8 bits, (h, w) of any number type, to 0..255.

    16-bit values are shares of 65,535. Wider types don't say what white is: it is taken to be the
    first of 1, 255 and 65,535 that no value exceeds; where none will do, or one is negative, their
    range is stretched.
    """
    low, white = 0.0, 65535.0
    if grey.dtype.kind != "u":
        grey = np.nan_to_num(grey.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = float(grey.min()), float(grey.max())
        whites = [white for white in (1.0, 255.0, 65535.0) if low >= 0 and high <= white]
        low, white = (0.0, whites[0]) if whites else (low, max(high, low + 1))
    return np.rint((grey - low) * (255.0 / (white - low))).astype(np.uint8)


def to_array(image: Image) -> NDArray[np.uint8]:
    """Copy an image's pixels into a writable array, (h, w, 3) uint8."""
    return np.array(image, dtype=np.uint8)


def from_array(pixels: NDArray[np.uint8]) -> Image:
    """Make an image of (h, w, 3) uint8 pixels."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be (h, w, 3) uint8, not {pixels.shape} {pixels.dtype}")
    return PillowImage.fromarray(np.ascontiguousarray(pixels))


def without_colour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn (h, w, 3) uint8 pixels to their brightness (Rec. 601), the same in each of three
    channels.
    """
    return to_array(from_array(pixels).convert("L").convert("RGB"))


def resize(image: Image, width_px: int, height_px: int) -> Image:
    """Squeeze or stretch an image to a size (bicubic, smoothed before shrinking)."""
    return image.resize((width_px, height_px), PillowImage.Resampling.BICUBIC)


def crop(image: Image, box: Box) -> Image:
    """Cut a box out, to the nearest pixel; at least one pixel, and nothing beyond the image."""
    left = min(max(round(box.left * image.width), 0), image.width - 1)
    top = min(max(round(box.top * image.height), 0), image.height - 1)
    right = min(max(round(box.right * image.width), left + 1), image.width)
    bottom = min(max(round(box.bottom * image.height), top + 1), image.height)
    # Not Image.crop, which warns about large pieces; the nearest pixel at scale 1 is the pixel
    # itself.
    nearest = PillowImage.Resampling.NEAREST
    return image.resize((right - left, bottom - top), nearest, box=(left, top, right, bottom))


def rotate_image(image: Image, quarter_turns: int) -> Image:
    """Turn an image to the left by quarter turns."""
    turn = _QUARTER_TURNS_LEFT.get(quarter_turns % 4)
    return image if turn is None else image.transpose(turn)


def rotate_box(box: Box, quarter_turns: int) -> Box:
    """Where a box is after its image was turned to the left by quarter turns."""
    for _ in range(quarter_turns % 4):
        box = Box(box.top, 1 - box.right, box.bottom, 1 - box.left)
    return box


def thumbnail(image: Image, max_px: int) -> Image:
    """Shrink a copy so that its longer side is at most `max_px`; a smaller image keeps its size."""
    small = image.copy()
    small.thumbnail((max_px, max_px), PillowImage.Resampling.LANCZOS)
    return small


def save_jpeg(image: Image, path: Path, quality: int = 90) -> None:
    """Write an image as JPEG; the folder must exist."""
    image.save(path, "JPEG", quality=quality)
