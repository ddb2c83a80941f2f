"""Scenes to learn detection from: windows of photos, animals put into other seas, empty seas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding.photos.photo import Box, Image, crop, from_array, resize, to_array

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]

_COMPOSED, _EMPTY, _SEVERAL = 0.30, 0.20, 0.06  # shares of the scenes; the rest are windows
_MOST_ANIMALS = 4
_LEAST_SEA = 0.1  # of a photo's area; smaller strips beside the animal are no sea to put others on
_APART = 0.08  # overlap up to which two animals of one scene are told apart


@dataclass(frozen=True, slots=True)
class BoxedPicture:
    """A photo with its animal's box. `is_fixed`: windows of it are not taken, and its animal is not
    put elsewhere, since its frame says where the box is.
    """

    image: Image
    box: Box
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """`pixels` (px, px, 3) uint8 and the boxes (k, 4) of the animals in it, in 0..1."""

    pixels: Pixels
    boxes: Boxes


class SceneComposer:
    """Composes scenes of labelled photos, by set, and of photos without an animal.

    Each set counts alike, and one whose photos are all fixed half. A scene depends on `rng` alone.
    """

    def __init__(
        self, sets: Sequence[Sequence[BoxedPicture]], empty: Sequence[Image], px: int
    ) -> None:
        self._sets = [list(own) for own in sets if own]
        self._free = [
            [one for one in own if not one.is_fixed]
            for own in self._sets
            if any(not one.is_fixed for one in own)
        ]
        weights = np.array([0.5 if all(one.is_fixed for one in own) else 1.0 for own in self._sets])
        self._shares = weights / weights.sum()
        self._empty, self._px = list(empty), px

    def scene(self, rng: np.random.Generator) -> Scene:
        """Draw the next scene."""
        kind = rng.random()
        if kind < _COMPOSED and self._free:
            pixels, boxes = self._composed(rng)
        elif kind < _COMPOSED + _EMPTY and (self._free or self._empty):
            pixels, boxes = self._sea(rng, may_be_other=True), []
        elif kind < _COMPOSED + _EMPTY + _SEVERAL:
            pixels, boxes = self._several(rng)
        else:
            pixels, boxes = self._window(rng, self._any(rng))
        return _altered(pixels, np.array(boxes, np.float32).reshape(-1, 4), rng)

    def _any(self, rng: np.random.Generator) -> BoxedPicture:
        own = self._sets[int(rng.choice(len(self._sets), p=self._shares))]
        return own[int(rng.integers(len(own)))]

    def _movable(self, rng: np.random.Generator) -> BoxedPicture:
        own = self._free[int(rng.integers(len(self._free)))]
        return own[int(rng.integers(len(own)))]

    def _window(self, rng: np.random.Generator, picture: BoxedPicture) -> tuple[Pixels, list[Box]]:
        """Part of a photo that holds the box, often nearly all of it."""
        if picture.is_fixed:
            return self._squashed(picture.image), [picture.box]
        box = picture.box
        cut = rng.random(4) ** rng.choice([1.0, 3.0, 8.0])
        window = Box(
            box.left * cut[0],
            box.top * cut[1],
            1 - (1 - box.right) * cut[2],
            1 - (1 - box.bottom) * cut[3],
        )
        width, height = window.right - window.left, window.bottom - window.top
        inside = Box(
            (box.left - window.left) / width,
            (box.top - window.top) / height,
            (box.right - window.left) / width,
            (box.bottom - window.top) / height,
        )
        return self._squashed(crop(picture.image, window)), [inside]

    def _several(self, rng: np.random.Generator) -> tuple[Pixels, list[Box]]:
        """Two or four photos beside each other."""
        columns, rows = [(2, 1), (1, 2), (2, 2)][int(rng.integers(3))]
        pixels = np.zeros((self._px, self._px, 3), np.uint8)
        boxes: list[Box] = []
        for row in range(rows):
            for column in range(columns):
                own, found = self._window(rng, self._any(rng))
                width, height = self._px // columns, self._px // rows
                tile = to_array(resize(from_array(own), width, height))
                pixels[row * height : (row + 1) * height, column * width : (column + 1) * width] = (
                    tile
                )
                boxes += [
                    Box(
                        (column + box.left) / columns,
                        (row + box.top) / rows,
                        (column + box.right) / columns,
                        (row + box.bottom) / rows,
                    )
                    for box in found
                ]
        return pixels, boxes

    def _composed(self, rng: np.random.Generator) -> tuple[Pixels, list[Box]]:
        """Animals cut out by their boxes and put onto a sea, or into a photo that has one."""
        boxes: list[Box] = []
        if rng.random() < 0.3:
            pixels, boxes = self._window(rng, self._movable(rng))
            pixels = pixels.copy()
        else:
            pixels = self._sea(rng, may_be_other=rng.random() < 0.1)
        for _ in range(int(rng.integers(1, _MOST_ANIMALS + 1))):
            added = self._put(rng, pixels, boxes, self._movable(rng))
            boxes += [] if added is None else [added]
        return pixels, boxes

    def _put(
        self, rng: np.random.Generator, pixels: Pixels, taken: Sequence[Box], one: BoxedPicture
    ) -> Box | None:
        """Put a picture's animal somewhere into `pixels`; None where there is no room."""
        box, image = one.box, one.image
        margin = rng.uniform(0.04, 0.25, 4)
        across, down = box.right - box.left, box.bottom - box.top
        cut = Box(
            max(0.0, box.left - margin[0] * across),
            max(0.0, box.top - margin[1] * down),
            min(1.0, box.right + margin[2] * across),
            min(1.0, box.bottom + margin[3] * down),
        )
        width = math.exp(rng.uniform(math.log(0.08), math.log(0.65))) * self._px
        proportion = (down * image.height) / (across * image.width)
        height = np.clip(width * proportion * math.exp(rng.uniform(-0.5, 0.3)), 8, 0.8 * self._px)
        patch_width = max(6, round(width * (cut.right - cut.left) / across))
        patch_height = max(6, round(height * (cut.bottom - cut.top) / down))
        if patch_width >= self._px or patch_height >= self._px:
            return None
        for _ in range(8):
            left = int(rng.integers(self._px - patch_width))
            top = int(rng.integers(self._px - patch_height))
            put = Box(
                (left + (box.left - cut.left) / across * width) / self._px,
                (top + (box.top - cut.top) / down * height) / self._px,
                (left + ((box.left - cut.left) / across + 1) * width) / self._px,
                (top + ((box.top - cut.top) / down + 1) * height) / self._px,
            )
            if all(_overlap(put, other) <= _APART for other in taken):
                patch = to_array(resize(crop(image, cut), patch_width, patch_height))
                _blend(pixels, patch, left, top, rng)
                return put
        return None

    def _sea(self, rng: np.random.Generator, *, may_be_other: bool) -> Pixels:
        """Water, sky or something else without an animal, with patches of other waters."""
        if self._empty and (not self._free or (may_be_other and rng.random() < 0.6)):
            image = self._empty[int(rng.integers(len(self._empty)))]
            left, top = rng.uniform(0, 0.3, 2)
            right, bottom = rng.uniform(0.7, 1.0, 2)
            return self._squashed(crop(image, Box(left, top, right, bottom))).copy()
        pixels = self._squashed(self._strip(rng)).copy()
        if rng.random() < 0.35:  # another water or a sky above
            above = self._squashed(self._strip(rng))
            horizon = rng.uniform(0.1, 0.6) * self._px
            soft = rng.uniform(0.5, 12)
            rows = (np.arange(self._px) - horizon) / soft
            share = 1 / (1 + np.exp(-np.clip(rows, -50, 50)))[:, None, None]
            pixels = np.rint(share * pixels + (1 - share) * above).astype(np.uint8)
        if rng.random() < 0.6:
            for _ in range(int(rng.integers(1, 4))):
                width, height = (int(side) for side in rng.integers(8, self._px // 2, 2))
                patch = to_array(resize(self._strip(rng), width, height))
                left = int(rng.integers(self._px - width))
                _blend(pixels, patch, left, int(rng.integers(self._px - height)), rng)
        return pixels

    def _strip(self, rng: np.random.Generator) -> Image:
        """What is above, below or beside some photo's animal."""
        for _ in range(20):
            one = self._movable(rng)
            box, margin = one.box, 0.02
            strips = [
                Box(0, 0, 1, box.top - margin),
                Box(0, box.bottom + margin, 1, 1),
                Box(0, 0, box.left - margin, 1),
                Box(box.right + margin, 0, 1, 1),
            ]
            wide = [each for each in strips if _area(each) >= _LEAST_SEA]
            if wide:
                return crop(one.image, wide[int(rng.integers(len(wide)))])
        colour = rng.integers(60, 200, 3).astype(np.uint8)
        return from_array(np.broadcast_to(colour, (16, 16, 3)).copy())

    def _squashed(self, image: Image) -> Pixels:
        return to_array(resize(image, self._px, self._px))


def _blend(pixels: Pixels, patch: Pixels, left: int, top: int, rng: np.random.Generator) -> None:
    """Put a patch into pixels, its edge soft, often in the light that is there."""
    height, width = patch.shape[:2]
    there = pixels[top : top + height, left : left + width].astype(np.float32)
    own = patch.astype(np.float32)
    if rng.random() < 0.7:
        edge = np.concatenate([own[0], own[-1], own[:, 0], own[:, -1]]).mean(0)
        around = np.concatenate([there[0], there[-1], there[:, 0], there[:, -1]]).mean(0)
        own = own * np.clip((around + 8) / (edge + 8), 0.4, 2.5)
    across = _ramp(width, rng.uniform(0.03, 0.15) * width)
    down = _ramp(height, rng.uniform(0.03, 0.15) * height)
    share = (down[:, None] * across[None, :])[..., None]
    mixed = share * own + (1 - share) * there
    pixels[top : top + height, left : left + width] = np.clip(np.rint(mixed), 0, 255)


def _ramp(length: int, soft: float) -> NDArray[np.float32]:
    """From 0 at both ends to 1 inside, over `soft` pixels."""
    places = np.arange(length) + 0.5
    share = np.clip(np.minimum(places, length - places) / max(soft, 0.5), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _altered(pixels: Pixels, boxes: Boxes, rng: np.random.Generator) -> Scene:
    """Mirrored, in another light, grey, blurred and with noise, each at random."""
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)
    if rng.random() < 0.4:
        px = len(pixels)
        small = int(rng.uniform(0.3, 0.9) * px)
        image = from_array(np.ascontiguousarray(pixels))
        pixels = to_array(resize(resize(image, small, small), px, px))
    changed = pixels.astype(np.float32)
    if rng.random() < 0.25:
        changed = np.broadcast_to(changed.mean(2, keepdims=True), changed.shape)
    light = rng.uniform(0.6, 1.4) * rng.uniform(0.9, 1.1, 3)
    changed = changed * light + 255 * rng.uniform(-0.1, 0.1)
    if rng.random() < 0.3:
        changed = changed + rng.normal(0, rng.uniform(1, 10), changed.shape)
    return Scene(np.clip(np.rint(changed), 0, 255).astype(np.uint8), boxes)


def _area(box: Box) -> float:
    return max(0.0, box.right - box.left) * max(0.0, box.bottom - box.top)


def _overlap(one: Box, other: Box) -> float:
    common = Box(
        max(one.left, other.left),
        max(one.top, other.top),
        min(one.right, other.right),
        min(one.bottom, other.bottom),
    )
    shared = _area(common)
    return shared / max(_area(one) + _area(other) - shared, 1e-9)
