"""Decoded photos on disk: one memory-mapped uint8 array, so that no epoch after the first decodes again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from embedding.photo import BadPhoto, read_photo
from embedding.preprocessing import Preprocessing
from index.labels import LabelledPhoto
from index.progress import progress

PixelArray = NDArray[np.uint8]


class BadCache(FlukeprintError):
    """Photos that can't be decoded, or no room for the cache."""


def cached_pixels(photos: Sequence[LabelledPhoto], preprocessing: Preprocessing, folder: Path) -> PixelArray:
    """Decode photos once into (n, h, w, 3) uint8 in the order given, mapped from a file under `folder`.

    The file is named by what decides its content: names, boxes, sizes and times of the photos, and the
    preprocessing. Memory stays at a few photos whatever n is. Raises BadCache listing every unreadable photo.
    """
    path = folder / f"pixels-{_digest(photos, preprocessing)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, photos, preprocessing)
    return np.load(path, mmap_mode="r")


def _digest(photos: Sequence[LabelledPhoto], preprocessing: Preprocessing) -> str:
    content = hashlib.sha256(json.dumps(preprocessing.to_dict(), sort_keys=True).encode())
    for photo in photos:
        try:
            stat = photo.path.stat()
        except OSError as error:
            raise BadCache(f"the photo {photo.path} can't be read: {error.strerror}") from error
        content.update(f"{photo.name}|{photo.box}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return content.hexdigest()[:24]


def _write(path: Path, photos: Sequence[LabelledPhoto], preprocessing: Preprocessing) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shape = (len(photos), preprocessing.height_px, preprocessing.width_px, 3)
    try:
        pixels: Any = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        failures = _fill(pixels, photos, preprocessing)
        if failures:
            shown = "; ".join(failures[:5])
            raise BadCache(
                f"{len(failures)} of {len(photos)} photos can't be decoded: {shown}"
                f"{' ...' if len(failures) > 5 else ''}. Mend them or take their rows out of the CSV"
            )
        pixels.flush()
        del pixels
        temporary.replace(path)
    except OSError as error:
        needed = np.prod(shape) / 2**20
        raise BadCache(
            f"the decoded photos need {needed:.0f} MiB in {path.parent}, which could not be written: {error.strerror}. "
            "Free some space or give another folder with --cache"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _fill(pixels: PixelArray, photos: Sequence[LabelledPhoto], preprocessing: Preprocessing) -> list[str]:
    failures: list[str] = []

    def decode(at: int) -> str | None:
        photo = photos[at]
        try:
            image = read_photo(photo.path, name=photo.name, at_least_px=preprocessing.input_px)
        except BadPhoto as error:
            return str(error)
        pixels[at] = preprocessing.pixels(image, photo.box)
        return None

    with (
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
        progress(len(photos), "decoding photos") as advance,
    ):
        # Chunks keep the pool's queue, and so the memory, short.
        for start in range(0, len(photos), 256):
            indices = range(start, min(start + 256, len(photos)))
            for failure in pool.map(decode, indices):
                advance(1)
                if failure is not None:
                    failures.append(failure)
    return failures
