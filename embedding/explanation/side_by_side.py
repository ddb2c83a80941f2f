"""Two photos side by side, plain and with the heat that says which regions make them alike."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding.embedder import Embedder
from embedding.explanation.heatmap import Colour, Tile, heat_over, tiled
from embedding.explanation.regions import Heat, heat_maps
from embedding.photos.box import WHOLE
from embedding.photos.photo import Box, Image, rotate_box, rotate_image
from embedding.photos.preprocessing import Preprocessing

_VIEW_PX = 360
_ASPECTS = (
    0.25,
    1.5,
)  # least and most height for a width of 1: a sliver of a box still shows something


@dataclass(frozen=True, slots=True)
class ComparedPhoto:
    """A photo to compare: what captions call it, its image, and the fluke's box where it is
    known.
    """

    name: str
    image: Image
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The picture of two photos compared, and the heat in it."""

    picture: Image
    heat: Heat


def compare(
    embedder: Embedder,
    query: ComparedPhoto,
    reference: ComparedPhoto,
    *,
    frame: Colour | None = None,
) -> Comparison:
    """Draw query and reference as wide as each other, above each its plain view, below it the heat.

    `frame` is the colour around the reference (`RIGHT` or `WRONG` of
    `embedding.explanation.heatmap`), where the truth is known.
    """
    (query, _), (reference, _) = upright(embedder, query), upright(embedder, reference)
    boxes = [crop_box(embedder, photo.image, photo.box) for photo in (query, reference)]
    heat = pair_heat(embedder, query.image, boxes[0], reference.image, boxes[1])
    strongest = strongest_of(heat)
    said = (f"query {query.name}", f"reference {reference.name}")
    columns = zip(
        (query, reference), boxes, (heat.query, heat.reference), said, (None, frame), strict=True
    )
    plain: list[Tile] = []
    heated: list[Tile] = []
    for photo, box, own, words, colour in columns:
        view = view_of(embedder.preprocessing, photo.image, box, _VIEW_PX)
        plain.append(Tile(view, (words,), colour))
        heated.append(Tile(heat_over(view, own, strongest), ("red: alike, blue: unlike",), colour))
    return Comparison(tiled([plain, heated], f"distance {heat.distance:.3f}"), heat)


def upright(embedder: Embedder, photo: ComparedPhoto) -> tuple[ComparedPhoto, int]:
    """The photo as `Embedder.embed` sees it, and by how many quarter turns to the left it turned.

    Only a photo that lies on its side is turned.
    """
    if embedder.screening is None:
        return photo, 0
    (turns,) = embedder.embed_upright([photo.image], [photo.box]).quarter_turns.tolist()
    box = None if photo.box is None else rotate_box(photo.box, turns)
    return ComparedPhoto(photo.name, rotate_image(photo.image, turns), box), turns


def pair_heat(
    embedder: Embedder,
    query: Image,
    query_box: Box | None,
    reference: Image,
    reference_box: Box | None,
) -> Heat:
    """Take two photos' distance apart; the boxes are those to cut out (`crop_box`)."""
    preprocessing = embedder.preprocessing
    return heat_maps(
        embedder,
        preprocessing.pixels(query, query_box),
        preprocessing.pixels(reference, reference_box),
    )


def strongest_of(heat: Heat) -> float:
    """The heat that gets full colour in both photos of a pair."""
    return float(max(np.abs(heat.query).max(), np.abs(heat.reference).max()))


def crop_box(embedder: Embedder, image: Image, box: Box | None) -> Box | None:
    """The box that the embedder cuts out: the one given, or the locator's.

    None for the whole photo.
    """
    return embedder.located([image], [box])[0] if embedder.preprocessing.crop == "box" else None


def view_of(
    preprocessing: Preprocessing,
    image: Image,
    box: Box | None,
    width_px: int,
    height_px: int | None = None,
) -> NDArray[np.uint8]:
    """What the network sees of a photo, at a size for people: (h, w, 3) uint8, `width_px` wide.

    Without `height_px` in the proportions of the photo, not in those that the network's input
    squashes it to.
    """
    if height_px is None:
        width, height = preprocessing.width_px, preprocessing.height_px
        if preprocessing.fit == "squash":
            shown = box if preprocessing.crop == "box" and box is not None else WHOLE
            width = (shown.right - shown.left) * image.width
            height = (shown.bottom - shown.top) * image.height
        height_px = round(width_px * min(max(height / width, _ASPECTS[0]), _ASPECTS[1]))
    return dataclasses.replace(preprocessing, width_px=width_px, height_px=height_px).pixels(
        image, box
    )
