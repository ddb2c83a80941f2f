"""Whether a file is what an export without places made of a catalogue's original."""

from __future__ import annotations

from pathlib import Path

from embedding.photos.photo import BadPhoto, content_hash, photo_bytes
from index.photos.location import without_place


def is_exported_copy(original: Path, original_hash: str, copy_hash: str) -> bool:
    """Whether taking the place out of the original gives this very copy.

    `original_hash`: the content hash that the original must still have.
    """
    if copy_hash == original_hash:
        return False
    try:
        data = photo_bytes(original)
    except BadPhoto:
        return False
    if content_hash(data) != original_hash:
        return False
    cleaned = without_place(data)
    return cleaned is not None and content_hash(cleaned) == copy_hash
