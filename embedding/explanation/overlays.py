"""Heat as numbers that lie over two photos, for whoever draws them himself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding.embedder import Embedder
from embedding.explanation.side_by_side import (
    ComparedPhoto,
    crop_box,
    pair_heat,
    strongest_of,
    upright,
)
from embedding.photos.photo import Box, rotate_box


@dataclass(frozen=True, slots=True)
class Overlay:
    """The heat (h, w) of a photo, -1 to 1, and where it lies over the photo as it came.

    1 is the strongest heat of the two photos together. Positive: the region speaks for the same
    animal. `region` are shares of the photo's sides and may reach beyond it. `box` is the animal's
    where one was cut out.
    """

    values: NDArray[np.float64]
    region: Box
    box: Box | None
    quarter_turns: int


@dataclass(frozen=True, slots=True)
class HeatOverlays:
    """The heat over two photos, and their distance."""

    query: Overlay
    reference: Overlay
    distance: float


def heat_overlays(
    embedder: Embedder, query: ComparedPhoto, reference: ComparedPhoto
) -> HeatOverlays:
    """Take two photos' distance apart, as `compare` does, and lay the parts over the photos.

    Raises BadNetwork for a network that has no one map.
    """
    turned = [upright(embedder, photo) for photo in (query, reference)]
    boxes = [crop_box(embedder, photo.image, photo.box) for photo, _ in turned]
    heat = pair_heat(embedder, turned[0][0].image, boxes[0], turned[1][0].image, boxes[1])
    strongest = strongest_of(heat) or 1.0
    overlays = [
        Overlay(
            np.rot90(values / strongest, -turns),
            rotate_box(embedder.preprocessing.region(photo.image, box), 4 - turns),
            None if box is None else rotate_box(box, 4 - turns),
            turns,
        )
        for (photo, turns), box, values in zip(
            turned, boxes, (heat.query, heat.reference), strict=True
        )
    ]
    return HeatOverlays(overlays[0], overlays[1], heat.distance)
