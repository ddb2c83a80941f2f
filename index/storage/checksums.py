"""The checksum of a stored vector, which tells whether its bytes are still those that were made."""

from __future__ import annotations

import zlib


def vector_checksum(photo_id: int, fingerprint: str, embedding: bytes) -> int:
    """Compute the CRC-32 of a stored vector, and of which photo and checkpoint it belongs to.

    `embedding` as the table holds it, little-endian float32. Every flipped bit changes it, and
    every damage of up to 32 bits in a row; of other damage one in 4 billion is missed. It guards
    against failing disks, not against people: those could write a digest of any kind anew. A
    SHA-256 would take eight times the bytes and longer at each start (RFC 1952, section 8).
    """
    return zlib.crc32(embedding, zlib.crc32(f"{photo_id} {fingerprint} ".encode()))
