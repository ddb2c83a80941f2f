"""Read each photo's file once: what it is, its size, and which picture it holds.

A few threads, bounded memory.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embedding.photos.damage import CheckedPhoto, read_checked
from embedding.photos.exif import taken_at
from embedding.photos.photo import (
    BadPhoto,
    Image,
    PhotoKind,
    PhotoLimits,
    photo_bytes,
    photo_kind,
    resize,
    to_array,
)
from index.labels.photo_files import file_of
from index.photos.location import has_place
from index.photos.perceptual_hash import DECODE_PX, perceptual_hash
from index.prefetch import decoding_threads, prefetch

Tint = Literal["colour", "grey", "grey stored as colour"]

_AHEAD = 64
# Decoding takes up to 30 bytes a pixel: photos of more pixels are decoded one at a time. Only JPEGs
# may have more than _WHOLE allows, as they are decoded at an eighth of their size.
_MANY_PIXELS = 8_000_000
_WHOLE = PhotoLimits(max_pixels=40_000_000)
_GREY_SPREAD = (
    6  # grey levels between red, green and blue: what JPEG makes of a grey picture stays below
)
_SMALL_PX = 64
_MANY = threading.Lock()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What one file is.

    `fault` None: it can be read. Else it says what is wrong, and nothing else is known.
    """

    name: str
    fault: str | None
    size_bytes: int = 0
    content: bytes = b""  # SHA-256
    width_px: int = 0  # upright
    height_px: int = 0
    file_format: str = ""
    mode: str = ""  # Pillow's
    tint: Tint = "colour"
    has_alpha: bool = False
    orientation: int = 1
    has_place: bool = False  # never which
    taken_at: str | None = None
    perceptual: bytes | None = None  # None: a picture without a pattern
    damage: str | None = None  # which pixels are missing or damaged


def read_file_facts(
    names: Sequence[str], folder: Path
) -> Generator[tuple[FileFacts, NDArray[np.float64] | None]]:
    """Read photos' files in their order; yields their facts and tones.

    Tones (3, 256) are the shares of red, green and blue values.

    Beside each comes its tones, (3, 256): the shares of red, green and blue values.

    A photo that can't be read has a fault and no tones, and stops nobody else's.
    """
    yield from prefetch(
        names,
        lambda name: facts_of_file(file_of(folder, name), name),
        threads=decoding_threads(),
        most=_AHEAD,
    )


def facts_of_file(path: Path, name: str) -> tuple[FileFacts, NDArray[np.float64] | None]:
    """Read one photo's file: its facts and tones."""
    try:
        data = photo_bytes(path, name=name)
        kind = photo_kind(data, name=name)
        image, damage = _decoded(data, name, kind)
    except BadPhoto as error:
        return FileFacts(name, str(error).removeprefix(f"{name}: ")), None
    width_px, height_px = _upright_size(kind, image)
    found = FileFacts(
        name=name,
        fault=None,
        size_bytes=len(data),
        content=sha256(data).digest(),
        width_px=width_px,
        height_px=height_px,
        file_format=kind.file_format,
        mode=kind.mode,
        has_alpha=kind.has_alpha,
        orientation=kind.orientation,
        has_place=has_place(data),
        taken_at=taken_at(data),
        perceptual=perceptual_hash(image),
        damage=damage,
    )
    counts = np.array(image.histogram(), np.float64).reshape(3, 256)
    return replace(found, tint=_tint(kind, image)), counts / counts.sum(axis=1, keepdims=True)


def _decoded(data: bytes, name: str, kind: PhotoKind) -> CheckedPhoto:
    limits = PhotoLimits() if kind.file_format == "JPEG" else _WHOLE
    with _MANY if kind.width_px * kind.height_px > _MANY_PIXELS else nullcontext():
        return read_checked(data, name=name, limits=limits, at_least_px=DECODE_PX)


def _upright_size(kind: PhotoKind, image: Image) -> tuple[int, int]:
    if kind.file_format in {"TIFF", "HEIC"}:  # decoded whole, and turned by their decoders
        return image.width, image.height
    return (
        (kind.height_px, kind.width_px)
        if kind.orientation >= 5
        else (kind.width_px, kind.height_px)
    )


def _tint(kind: PhotoKind, image: Image) -> Tint:
    if kind.mode.startswith(("L", "1", "I", "F")):
        return "grey"
    small = to_array(resize(image, _SMALL_PX, _SMALL_PX)).astype(np.int16)
    return "grey stored as colour" if int(np.ptp(small, axis=2).max()) <= _GREY_SPREAD else "colour"
