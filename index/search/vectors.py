"""What `index` needs of an embedder, and the check that vectors are what an embedder promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from embedding.photos.photo import Box, Image

FloatArray = NDArray[np.float32]

_NORM_TOLERANCE = 0.01  # a vector stored as fp16 is within .001 of unit length
STRICT_TOLERANCE = 1e-3
"""Within this of unit length are the vectors that every embedder writes."""


class BadVectors(FlukeprintError):
    """Vectors that can't be compared: wrong shape, not finite, or not of unit length."""


class Embedder(Protocol):
    """Turns images into unit vectors.

    `embedding.embedder.Embedder` is one, a test's stand-in another.
    """

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the checkpoint's content: vectors of two fingerprints are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """d, the length of each vector."""
        ...

    def embed(
        self, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
    ) -> FloatArray:
        """Embed n images as (n, d) float32 rows of unit length."""
        ...


def stored_vector_fault(
    embedding: bytes, dimension: int, *, tolerance: float = _NORM_TOLERANCE
) -> str:
    """Describe what is wrong with a stored vector, "" where nothing is.

    The words follow "the vector". `dimension` is that of its checkpoint's other vectors.
    `tolerance` is how far from 1 its length may be: by default what can be searched.
    """
    if len(embedding) != 4 * dimension:
        return f"has {len(embedding):,} bytes and not {4 * dimension:,}"
    vector = np.frombuffer(embedding, "<f4").astype(np.float64)
    length = math.sqrt(np.dot(vector, vector))
    if not math.isfinite(length):
        return "holds NaN or infinity"
    return "" if abs(length - 1) <= tolerance else f"has the length {length:.4g} and not 1"


def check_vectors(
    vectors: NDArray[np.floating], *, dimension: int | None = None, named: str
) -> FloatArray:
    """Return (n, d) float32 C-contiguous rows.

    Raises BadVectors, which says which row is wrong and how.

    `named` says in the message whose vectors these are ("queries", "catalogue vectors"). NaN must
    stop here: a search finds nothing near it, which would read as a new whale.
    """
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if rows.ndim != 2:
        raise BadVectors(
            f"{named} have shape {rows.shape}; give rows of shape (n, d), also for a single one"
        )
    if dimension is not None and rows.shape[1] != dimension:
        raise BadVectors(
            f"{named} have dimension {rows.shape[1]}, but the catalogue's vectors have dimension "
            f"{dimension}; embed both with the same checkpoint"
        )
    norms = np.linalg.norm(rows, axis=1)
    if not np.isfinite(norms).all():
        row = int(np.flatnonzero(~np.isfinite(norms))[0])
        raise BadVectors(f"row {row} of the {named} holds NaN or infinity; embed its photo again")
    far_from_unit = np.flatnonzero(np.abs(norms - 1.0) > _NORM_TOLERANCE)
    if far_from_unit.size:
        row = int(far_from_unit[0])
        raise BadVectors(
            f"row {row} of the {named} has length {norms[row]:.4g}; vectors must have unit length"
        )
    return rows
