"""Labelled photos as pictures that scenes are composed of, decoded small."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

from embedding.photos.box import WHOLE, Box
from embedding.photos.photo import Image, read_photo, thumbnail
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.localisation.scenes import BoxedPicture

One = TypeVar("One")

_LONG_SIDE_PX, _OTHERS_PX = 384, 256
_MOST_FREE, _MOST_FIXED, _MOST_OTHERS = 6500, 1500, 1200
"""How many photos of a set are held: photos that are taken whole teach little."""


def boxed_pictures(
    photos: Sequence[LabelledPhoto], aligned: Collection[Box], whole: Box | None = None
) -> list[BoxedPicture]:
    """Read a set's photos, spread evenly where they are very many.

    Those without a box have `whole`, or are left out.

    Photos with one of the boxes `aligned`, or taken whole, are fixed. Raises BadPhoto.
    """
    known = [photo for photo in photos if photo.box is not None or whole is not None]
    fixed = {*aligned, WHOLE, whole}
    most = _MOST_FIXED if all((one.box or whole) in fixed for one in known) else _MOST_FREE
    some = _spread(known, most)
    found: list[BoxedPicture] = []
    with progress(len(some), "reading photos") as advance:
        for photo in some:
            box = photo.box or whole
            assert box is not None
            image = read_photo(photo.path, name=photo.name, at_least_px=_LONG_SIDE_PX)
            found.append(BoxedPicture(thumbnail(image, _LONG_SIDE_PX), box, box in fixed))
            advance(1)
    return found


def other_pictures(paths: Sequence[Path]) -> list[Image]:
    """Read photos without an animal, spread evenly where they are very many. Raises BadPhoto."""
    return [
        thumbnail(read_photo(path, at_least_px=_OTHERS_PX), _OTHERS_PX)
        for path in _spread(paths, _MOST_OTHERS)
    ]


def _spread(all_of_them: Sequence[One], most: int) -> Sequence[One]:
    return all_of_them[:: max(1, -(-len(all_of_them) // most))]
