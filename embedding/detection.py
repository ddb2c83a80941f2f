"""Animals in a photo: what a detector's cells say, brought together to boxes with scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedding.photos.box import Animal, Box

Floats = NDArray[np.float32]

LEAST_SCORE = 0.4
"""An animal is found where a cell is at least so sure."""
MOST_ANIMALS = 20
_SAME = 0.4  # overlap from which two cells' boxes are of one animal
_ALIKE = 0.65  # overlap from which a cell's box counts in the mean
_FAINTEST = 0.05  # cells below that have no say


def animals_of(cells: Floats, least_score: float = LEAST_SCORE) -> list[Animal]:
    """Bring a photo's cells (c, 5: score, left, top, right, bottom) together, surest first.

    The surest cell that is left makes an animal. Its box is the mean of those that are much like
    it, each counting by its score. Cells whose boxes are of the same animal are then taken away.
    """
    left = cells[cells[:, 0] >= min(_FAINTEST, least_score)]
    left = left[np.argsort(-left[:, 0], kind="stable")]
    found: list[Animal] = []
    while len(left) and left[0, 0] >= least_score and len(found) < MOST_ANIMALS:
        overlaps = overlaps_with(left[0, 1:], left[:, 1:])
        alike = left[overlaps >= _ALIKE]
        alike = alike if len(alike) else left[:1]  # a box without an area is like none
        box = np.average(alike[:, 1:], axis=0, weights=alike[:, 0])
        found.append(Animal(Box(*box.tolist()), float(left[0, 0])))
        is_other = overlaps < _SAME
        is_other[0] = False
        left = left[is_other]
    return found


def overlaps_with(box: Floats, boxes: Floats) -> Floats:
    """The overlap (IoU) of a box (4,) with each of the boxes (n, 4)."""
    start = np.maximum(box[:2], boxes[:, :2])
    common = np.clip(np.minimum(box[2:], boxes[:, 2:]) - start, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return common / np.maximum(areas - common, 1e-9)


_ELSEWHERE = 0.3
"""Overlap below which two boxes are of different things; see docs/experiments.md."""
_WINDOW = 1.25  # times the size of the box that was found


def is_elsewhere(box: Box, found: Box) -> bool:
    """Whether a box is of something else than what was found, or far too large for it."""
    one, other = np.array(box, np.float32), np.array([found], np.float32)
    return float(overlaps_with(one, other)[0]) < _ELSEWHERE


def window_around(box: Box) -> Box:
    """A box and a bit around it, within the photo."""
    across = (_WINDOW - 1) / 2 * (box.right - box.left)
    down = (_WINDOW - 1) / 2 * (box.bottom - box.top)
    return Box(
        max(0.0, box.left - across),
        max(0.0, box.top - down),
        min(1.0, box.right + across),
        min(1.0, box.bottom + down),
    )


def box_within(window: Box, box: Box) -> Box:
    """A box in a window's shares as one in the photo's."""
    width, height = window.right - window.left, window.bottom - window.top
    return Box(
        window.left + box.left * width,
        window.top + box.top * height,
        window.left + box.right * width,
        window.top + box.bottom * height,
    )
