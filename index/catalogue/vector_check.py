"""Is a stored vector of use? Its size, its checksum and its length say so.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.search.vectors import STRICT_TOLERANCE, stored_vector_fault
from index.storage.checksums import vector_checksum
from index.storage.schema import VectorRow

_MOST_SEEN = 1000
_NEARLY_UNIT = 0.005  # further from unit length a vector is looked at by itself


@dataclass(frozen=True, slots=True)
class VectorCheck:
    """Checks the stored vectors of one checkpoint, of which most have `dimension` numbers."""

    fingerprint: str
    dimension: int

    def fault(
        self, photo_id: int, embedding: bytes, checksum: int | None, *, is_strict: bool = False
    ) -> str:
        """Describe what is wrong with a photo's vector, "" where nothing is.

        The words follow "the vector". `is_strict`: its length is as near to 1 as every embedder
        writes it, and not only near enough to be searched.
        """
        said = (
            stored_vector_fault(embedding, self.dimension, tolerance=STRICT_TOLERANCE)
            if is_strict
            else stored_vector_fault(embedding, self.dimension)
        )
        if said:
            return said
        if checksum is None:
            return "has no checksum"
        if checksum != vector_checksum(photo_id, self.fingerprint, embedding):
            return "is not what was stored: its bytes differ from their checksum"
        return ""

    def faults(self, rows: Sequence[tuple[int, bytes, int | None]]) -> list[str]:
        """Describe the fault of each of many vectors: photo's id, bytes and checksum."""
        is_good = self._has_unit_length([embedding for _, embedding, _ in rows])
        return [
            ""
            if good and checksum == vector_checksum(photo_id, self.fingerprint, embedding)
            else self.fault(photo_id, embedding, checksum)
            for good, (photo_id, embedding, checksum) in zip(is_good, rows, strict=True)
        ]

    def _has_unit_length(self, embeddings: Sequence[bytes]) -> Sequence[bool]:
        """Which vectors surely have, all looked at together."""
        if any(len(each) != 4 * self.dimension for each in embeddings):
            return [False] * len(embeddings)
        vectors = np.frombuffer(b"".join(embeddings), "<f4").reshape(-1, self.dimension)
        squares = np.einsum("nd,nd->n", vectors, vectors)
        return (np.abs(squares - 1) < _NEARLY_UNIT).tolist()


def vector_check(session: Session, fingerprint: str) -> VectorCheck:
    """Make the check of a checkpoint's vectors."""
    return VectorCheck(fingerprint, vector_dimension(session, fingerprint))


def vector_dimension(session: Session, fingerprint: str) -> int:
    """How many numbers most vectors of a checkpoint have; 0 where there are none.

    A thousand of them are looked at: each act needs to know.
    """
    made_by = VectorRow.fingerprint == fingerprint
    some = select(VectorRow.dimension).where(made_by).limit(_MOST_SEEN).subquery()
    most = select(some.c.dimension).group_by(some.c.dimension)
    most = most.order_by(func.count().desc(), some.c.dimension.desc())
    return session.scalar(most.limit(1)) or 0
