"""What an export makes of a catalogue's photo: its name in a zip, and its file without a place."""

from __future__ import annotations

from pathlib import Path

from embedding.photos.photo import BadPhoto, content_hash, photo_bytes
from index.labels.labelled_photo import NEW_WHALE
from index.photos.location import without_place


def zip_name(name: str, individual: str | None) -> str:
    """Name a photo below a folder of its individual, as an export as zip does.

    What file systems refuse becomes an underscore.
    """
    folder = "".join(
        "_" if sign in '<>:"/\\|?*' or not sign.isprintable() else sign
        for sign in individual or NEW_WHALE
    )
    return f"{folder.strip('. ')[:100] or '_'}/{name.replace('/', '_')}"


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
