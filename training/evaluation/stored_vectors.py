"""Vectors that an evaluation leaves, and takes again: vectors.npz."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from embedding.checkpoint import write_atomically
from index.labels.reader import LabelledPhoto
from index.photos.perceptual_hash import HASH_BYTES
from index.search.vectors import BadVectors, FloatArray, check_vectors
from training.sets.same_pictures import hashes_of

_NO_PATTERN = bytes(HASH_BYTES)
"""Stands for a picture without a pattern: about half the bits of a hash are set."""


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Vectors (n, d) and perceptual hashes of photos by name, and the checkpoint's fingerprint."""

    names: Sequence[str]
    vectors: FloatArray
    hashes: Sequence[bytes | None]
    fingerprint: str

    def write(self, path: Path) -> None:
        """Write them as `flukeprint embed` does, with the hashes beside."""
        data = io.BytesIO()
        codes = b"".join(each or _NO_PATTERN for each in self.hashes)
        np.savez(
            data,
            photo=np.array(self.names),
            embedding=self.vectors,
            fingerprint=np.array(self.fingerprint),
            perceptual_hash=np.frombuffer(codes, np.uint8).reshape(-1, HASH_BYTES),
        )
        write_atomically(path, data.getvalue())


def read_stored(path: Path, photos: Sequence[LabelledPhoto], fingerprint: str) -> StoredVectors:
    """Read what a file has of these photos.

    `flukeprint embed` writes no hashes: then the photos are read for them. Raises BadVectors.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            made_by = str(stored["fingerprint"])
            row_of = {str(name): row for row, name in enumerate(stored["photo"].tolist())}
            vectors = check_vectors(stored["embedding"], named=str(path))
            codes = stored.get("perceptual_hash")
            if codes is not None and codes.shape != (len(vectors), HASH_BYTES):
                raise ValueError(f"its perceptual hashes have the shape {codes.shape}")
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise BadVectors(
            f"the vectors {path} can't be read ({error}); give vectors.npz of an evaluation, or "
            "what `flukeprint embed PHOTOS --out vectors.npz` writes"
        ) from error
    if made_by != fingerprint:
        raise BadVectors(
            f"the vectors {path} were made by checkpoint {made_by[:12]}, not by "
            f"{fingerprint[:12]}; leave out --vectors, or give --checkpoint the file that made them"
        )
    absent = [photo.name for photo in photos if photo.name not in row_of]
    if absent:
        raise BadVectors(
            f"the vectors {path} lack {len(absent)} of the labelled photos, the first is "
            f"{absent[0]}; leave out --vectors to embed them"
        )
    rows = [row_of[photo.name] for photo in photos]
    hashes = (
        hashes_of(photos)
        if codes is None
        else [None if (code := codes[row].tobytes()) == _NO_PATTERN else code for row in rows]
    )
    return StoredVectors([photo.name for photo in photos], vectors[rows], hashes, fingerprint)
