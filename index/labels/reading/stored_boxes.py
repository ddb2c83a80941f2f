"""Boxes measured on a picture as it is stored, turned with it.

A camera that was held upright stores its picture lying, and notes in EXIF how to turn it. Programs
that don't turn it measure boxes on the stored pixels; a catalogue's boxes are of the upright one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.photos.photo import BadPhoto, Box, PhotoKind, photo_bytes, photo_kind
from index.labels.fields import list_some
from index.labels.labelled_photo import BoxOrientation, LabelledPhoto

_HEAD_BYTES = 2**18  # a JPEG's header is before its pixels
_TURNED_BY_DECODER = {"TIFF", "HEIC"}
_SAME_SHAPE = math.log(1.02)  # a picture that is nearly square is as wide turned as not
_HOW = (
    "say it with --boxes upright or --boxes stored, or in the label file (a column, key or tag "
    "box_orientation)"
)


@dataclass(frozen=True, slots=True)
class TurnedBoxes:
    """Photos whose boxes are of the upright picture, and what was done or is doubtful."""

    photos: tuple[LabelledPhoto, ...]
    warnings: tuple[str, ...] = ()


def turn_boxes(
    photos: Sequence[LabelledPhoto], orientation: BoxOrientation | None = None
) -> TurnedBoxes:
    """Turn the boxes of photos that are stored turned or mirrored, where they were measured so.

    `orientation`: what all boxes were measured on; None: what the label file says of each. Where it
    says nothing, the picture's size beside the box tells it, as COCO has it. Where that doesn't
    tell, as of a picture upside down, it is what the other photos' sizes tell. Else boxes in pixels
    count as of the stored picture, and shares of the sides as of the upright one; both are warned
    of. An export's own boxes are of the upright picture.
    """
    turned = {
        photo.name: kind
        for photo in photos
        if photo.box is not None and (kind := _kind(photo.path)) is not None
        if kind.orientation != 1
    }
    if not turned:
        return TurnedBoxes(tuple(photos))
    decided: dict[str, BoxOrientation] = {}
    doubtful: list[LabelledPhoto] = []
    for photo in photos:
        if photo.name in turned:
            told = orientation or _known_orientation(photo, turned[photo.name])
            if told is None:
                doubtful.append(photo)
            else:
                decided[photo.name] = told
    others: set[BoxOrientation] = {
        decided[photo.name] for photo in photos if photo.box_size_px and photo.name in decided
    }
    for photo in doubtful:
        in_pixels: BoxOrientation = others.copy().pop() if len(others) == 1 else "stored"
        decided[photo.name] = in_pixels if photo.box_size_px else "upright"
    found = tuple(
        _turn(photo, turned[photo.name]) if decided.get(photo.name) == "stored" else photo
        for photo in photos
    )
    return TurnedBoxes(found, tuple(_describe(decided, doubtful, others)))


def with_shares(
    photos: Sequence[LabelledPhoto], orientation: BoxOrientation | None = None
) -> list[LabelledPhoto]:
    """Make boxes in pixels of pictures whose size no label says to shares, by the files' headers.

    Cut at the photo's edges; one that holds nothing then, or of a file that can't be read, is none.
    `orientation` is as `turn_boxes` has it.
    """
    return [photo if photo.box_px is None else _with_share(photo, orientation) for photo in photos]


def _with_share(photo: LabelledPhoto, orientation: BoxOrientation | None) -> LabelledPhoto:
    assert photo.box_px is not None
    kind = _kind(photo.path)
    if kind is None:
        return replace(photo, box_px=None)
    size_px = (kind.width_px, kind.height_px)
    is_turned = kind.orientation >= 5 and kind.file_format not in _TURNED_BY_DECODER
    if is_turned and (orientation or photo.box_orientation) == "upright":
        size_px = size_px[::-1]
    left, top, width, height = photo.box_px
    sides = (left / size_px[0], top / size_px[1], (left + width) / size_px[0])
    box = Box(*(min(max(side, 0.0), 1.0) for side in (*sides, (top + height) / size_px[1])))
    is_whole = box.left < box.right and box.top < box.bottom
    return replace(photo, box=box if is_whole else None, box_px=None, box_size_px=size_px)


def turn_box(box: Box, orientation: int) -> Box:
    """Turn a box as EXIF's orientation, 1 to 8, turns its picture upright."""
    left, top, right, bottom = box
    if orientation >= 5:  # mirrored about the diagonal first
        left, top, right, bottom = top, left, bottom, right
    if orientation in (2, 3, 6, 7):
        left, right = 1 - right, 1 - left
    if orientation in (3, 4, 7, 8):
        top, bottom = 1 - bottom, 1 - top
    return Box(left, top, right, bottom)


def _turn(photo: LabelledPhoto, kind: PhotoKind) -> LabelledPhoto:
    assert photo.box is not None
    return replace(photo, box=turn_box(photo.box, kind.orientation))


def _kind(path: Path) -> PhotoKind | None:
    """What a photo's header says; None where it can't be read, which is told elsewhere."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if head.startswith(b"\xff\xd8"):
            return photo_kind(head)
    except (OSError, BadPhoto):
        pass
    try:
        return photo_kind(photo_bytes(path))
    except BadPhoto:
        return None


def _known_orientation(photo: LabelledPhoto, kind: PhotoKind) -> BoxOrientation | None:
    """What a label says, or its picture's size, of the picture that its box was measured on."""
    if photo.box_orientation is not None:
        return photo.box_orientation
    by_size = _orientation_by_size(photo.box_size_px, kind) if photo.box_size_px else None
    return by_size or ("upright" if photo.content_hash is not None else None)


def _orientation_by_size(size_px: tuple[float, float], kind: PhotoKind) -> BoxOrientation | None:
    """Which picture has this shape; boxes may have been measured on a smaller one."""
    if kind.orientation < 5:
        return None
    shape = math.log(kind.width_px / kind.height_px)
    if kind.file_format in _TURNED_BY_DECODER:
        shape = -shape
    if abs(shape) < _SAME_SHAPE:
        return None
    given = math.log(size_px[0] / size_px[1])
    return "stored" if abs(given - shape) < abs(given + shape) else "upright"


def _describe(
    decided: dict[str, BoxOrientation],
    doubtful: Sequence[LabelledPhoto],
    others: Iterable[BoxOrientation],
) -> list[str]:
    doubted = {photo.name for photo in doubtful}
    stored = [name for name, how in decided.items() if how == "stored" and name not in doubted]
    warnings: list[str] = []
    if stored:
        warnings.append(
            f"the boxes of {_photos(stored)} were measured on pictures as they are stored, turned "
            f"or mirrored (EXIF); they were turned upright: {list_some(stored)}"
        )
    for how in ("stored", "upright"):
        names = [photo.name for photo in doubtful if decided[photo.name] == how]
        if names:
            like = ", as other boxes of the file are" if how in others else ""
            verb = "is" if len(names) == 1 else "are"
            warnings.append(
                f"{_photos(names)} with boxes {verb} stored turned or mirrored (EXIF), and nothing "
                "says which picture the boxes were measured on; they "
                f"count as of the {how} one{like}: {list_some(names)}; {_HOW}"
            )
    return warnings


def _photos(names: Sequence[str]) -> str:
    return f"{len(names):,} photo{'' if len(names) == 1 else 's'}"
