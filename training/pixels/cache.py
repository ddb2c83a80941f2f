"""Decoded photos on disk, a memory-mapped uint8 array: no epoch after the first decodes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embedding.photos.photo import BadPhoto, read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from index.prefetch import prefetch
from index.progress import progress
from index.storage.partial_files import remove_unfinished, unfinished_suffix
from training.pixels.packs import BadCache, PixelArray, rows_in_pack

__all__ = ["BadCache", "PixelArray", "cached_pixels", "decoded"]

_MOST_AHEAD = 64  # photos
_MOST_BYTES_AHEAD = 64 * 2**20


def cached_pixels(
    photos: Sequence[LabelledPhoto], preprocessing: Preprocessing, folder: Path
) -> PixelArray:
    """Decode photos once into (n, h, w, 3) uint8, mapped from a file under `folder`.

    Rows are in the photos' order.

    The file is named by what decides its content: names, boxes, sizes and times of the photos, and
    the preprocessing. Memory stays at a few photos whatever n is. Where `folder` is a pack
    (`training.pixels.packs`) that holds all of them, its rows are taken and nothing is decoded.
    Raises BadCache listing every unreadable photo.
    """
    packed = rows_in_pack(photos, preprocessing, folder)
    if packed is not None:
        return packed
    path = folder / f"pixels-{_digest(photos, preprocessing)}.npy"
    if not path.exists():
        _write(path, photos, preprocessing)
    return np.load(path, mmap_mode="r")


def _digest(photos: Sequence[LabelledPhoto], preprocessing: Preprocessing) -> str:
    # input_px too: it decides at what size a JPEG is decoded.
    described = {**preprocessing.to_dict(), "input_px": preprocessing.input_px}
    content = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for photo in photos:
        try:
            stat = photo.path.stat()
        except OSError as error:
            raise BadCache(f"the photo {photo.path} can't be read: {error.strerror}") from error
        content.update(f"{photo.name}|{photo.box}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return content.hexdigest()[:24]


def _write(path: Path, photos: Sequence[LabelledPhoto], preprocessing: Preprocessing) -> None:
    remove_unfinished([path.parent])  # of a run that was killed while it decoded: gigabytes
    temporary = path.with_name(f".{path.name}{unfinished_suffix()}")
    shape = (len(photos), preprocessing.height_px, preprocessing.width_px, 3)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            failures = _fill(file, photos, preprocessing)
            file.flush()
            os.fsync(file.fileno())
        if failures:
            shown = "; ".join(failures[:5])
            raise BadCache(
                f"{len(failures)} of {len(photos)} photos can't be decoded: {shown}"
                f"{' ...' if len(failures) > 5 else ''}. Mend them or take their rows out of "
                "the CSV"
            )
        temporary.replace(path)
    except OSError as error:
        needed = np.prod(shape) / 2**20
        raise BadCache(
            f"the decoded photos need {needed:.0f} MiB in {path.parent}, which could not be "
            f"written: {error.strerror}. "
            "Free some space or give another folder with --cache"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def decoded(
    photos: Sequence[LabelledPhoto], preprocessing: Preprocessing
) -> Generator[PixelArray | str]:
    """Decode photos in their order to (h, w, 3) uint8, or what is wrong with one that can't be.

    Some are decoded ahead of their use, in threads; what waits is bounded in bytes, whatever the
    photos' and the input's sizes are.
    """

    def decode(photo: LabelledPhoto) -> PixelArray | str:
        try:
            image = read_photo(photo.path, name=photo.name, at_least_px=preprocessing.input_px)
        except BadPhoto as error:
            return str(error)
        return preprocessing.pixels(image, photo.box)

    def held_bytes(made: PixelArray | str) -> int:
        return len(made) if isinstance(made, str) else made.nbytes

    threads = min(8, os.cpu_count() or 1)
    return prefetch(
        photos,
        decode,
        threads=threads,
        most=_MOST_AHEAD,
        holds=held_bytes,
        most_held=_MOST_BYTES_AHEAD,
    )


def _fill(
    file: BinaryIO, photos: Sequence[LabelledPhoto], preprocessing: Preprocessing
) -> list[str]:
    """Append every photo's pixels in order; returns what is wrong with unreadable ones.

    Written, not mapped: a full disk is then an error, where a write to mapped memory kills the
    process.
    """
    failures: list[str] = []
    with (
        closing(decoded(photos, preprocessing)) as made,
        progress(len(photos), "decoding photos") as advance,
    ):
        for pixels in made:
            advance(1)
            if isinstance(pixels, str):
                failures.append(pixels)
            else:
                file.write(pixels.data)
    return failures
