"""Take out of a photo's file where it was taken; the picture in it stays as it is."""

from __future__ import annotations

from embedding.photos.photo import BadPhoto, photo_kind, read_photo
from index.photos.jpeg_copy import jpeg_without_place
from index.photos.place_search import has_place

__all__ = ["has_place", "without_place"]

_COMPARED_PX = 512  # a decoder reads all of the file also where it makes a smaller picture of it


def without_place(data: bytes) -> bytes | None:
    """The photo's bytes without the place; the very same bytes where nothing in them may tell it.

    None where that can't be done with certainty: of other formats than JPEG that have a place, of
    a JPEG whose parts can't be told from each other, or whose picture would change.
    """
    if not data.startswith(b"\xff\xd8"):
        return None if has_place(data) else data
    cleaned = jpeg_without_place(data)
    if cleaned is None or has_place(cleaned):
        return None
    if cleaned == data:
        return data
    return cleaned if _is_same_picture(data, cleaned) else None


def _is_same_picture(one: bytes, other: bytes) -> bool:
    """Whether two files show the same upright pixels, and are turned and stored in the same way."""
    try:
        if photo_kind(one) != photo_kind(other):
            return False
        first, second = (read_photo(each, at_least_px=_COMPARED_PX) for each in (one, other))
    except BadPhoto:
        return False
    return first.size == second.size and first.tobytes() == second.tobytes()
