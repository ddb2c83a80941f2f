"""What `index` needs of an embedder, and the check that vectors are what an embedder promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from embedding.photos.photo import Box, Image

FloatArray = NDArray[np.float32]

_NORM_TOLERANCE = 0.01  # a vector stored as fp16 is within .001 of unit length


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
