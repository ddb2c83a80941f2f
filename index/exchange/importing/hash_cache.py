"""Remembers the perceptual hashes of a catalogue's photos in its media folder.

The file may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedding.photos.photo import BadPhoto, read_photo
from index.catalogue.catalogue import CataloguePhoto
from index.photos.embed import BATCH_PHOTOS, photo_file
from index.photos.perceptual_hash import DECODE_PX, HASH_BYTES, perceptual_hash
from index.prefetch import decoding_threads, prefetch
from index.progress import Progress, no_progress
from index.storage.originals import write_whole
from index.storage.partial_files import remove_unfinished

_FILE = "perceptual.npz"
_DAMAGED = (
    *(OSError, ValueError, KeyError, IndexError, EOFError, SyntaxError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What zipfile and NumPy raise on a damaged file; it is made again then."""


def known_perceptual(
    photos: Sequence[CataloguePhoto],
    folder: Path,
    *,
    progress: Progress = no_progress,
    is_stored: bool = True,
) -> dict[str, bytes | None]:
    """The perceptual hash of each photo's content hash.

    Photos whose files can't be read, or have changed, are absent.

    Only photos that `folder`'s file doesn't hold are decoded; `is_stored` writes the file anew.
    """
    if is_stored:
        remove_unfinished([folder])  # of an import that was killed while it wrote the file
    hashes = _read(folder / _FILE)
    missing = list(
        {photo.content_hash: photo for photo in photos if photo.content_hash not in hashes}.values()
    )
    if not missing:
        return hashes
    with progress(len(missing), "Looking at the catalogue's photos") as advance:
        for content, hashed in prefetch(
            missing, _hashed, threads=decoding_threads(), most=BATCH_PHOTOS
        ):
            if content:
                hashes[content] = hashed
            advance(1)
    if is_stored and hashes:
        _write(folder / _FILE, hashes)
    return hashes


def _hashed(photo: CataloguePhoto) -> tuple[str, bytes | None]:
    try:
        file, data = photo_file(photo.path)
        if file.content_hash != photo.content_hash:
            return "", None
        return photo.content_hash, perceptual_hash(read_photo(data, at_least_px=DECODE_PX))
    except BadPhoto:
        return "", None


def _read(path: Path) -> dict[str, bytes | None]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            contents, hashes, has_pattern = file["content"], file["perceptual"], file["has_pattern"]
    except _DAMAGED:
        return {}
    return {
        content.tobytes().hex(): hashed.tobytes() if has else None
        for content, hashed, has in zip(contents, hashes, has_pattern.tolist(), strict=True)
    }


def _write(path: Path, hashes: dict[str, bytes | None]) -> None:
    contents = b"".join(bytes.fromhex(content) for content in hashes)
    perceptual = b"".join(hashed or bytes(HASH_BYTES) for hashed in hashes.values())
    written = io.BytesIO()
    np.savez(
        written,
        content=np.frombuffer(contents, np.uint8).reshape(len(hashes), -1),
        perceptual=np.frombuffer(perceptual, np.uint8).reshape(len(hashes), HASH_BYTES),
        has_pattern=np.array([hashed is not None for hashed in hashes.values()]),
    )
    with contextlib.suppress(OSError):  # then they are computed again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, written.getvalue())
