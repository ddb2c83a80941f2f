"""Is a stored vector of use? Its size, its checksum and its length say so.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.search.vectors import STRICT_TOLERANCE, stored_vector_fault
from index.storage.checksums import vector_checksum
from index.storage.schema import VectorRow


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


def vector_check(session: Session, fingerprint: str) -> VectorCheck:
    """Make the check of a checkpoint's vectors."""
    return VectorCheck(fingerprint, vector_dimension(session, fingerprint))


def vector_dimension(session: Session, fingerprint: str) -> int:
    """How many numbers most vectors of a checkpoint have; 0 where there are none."""
    counted = select(VectorRow.dimension).where(VectorRow.fingerprint == fingerprint)
    most = counted.group_by(VectorRow.dimension).order_by(
        func.count().desc(), VectorRow.dimension.desc()
    )
    return session.scalar(most.limit(1)) or 0
