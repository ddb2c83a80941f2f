"""What a wide scene does to a vector, with and without the detector.

    python -m tests.bench.scene_vectors --csv train.csv --photos photos [--count 100]

Held-out photos with a box (every tenth of the fit part) are gallery and source. Each animal is put
into a sea that is CANVAS_PX wide, at a random place, cut out by its box. For the vector of that
scene: how many scenes' nearest gallery photo is the one that the animal was cut from, and the mean
cosine with its vector, with the locator's one box, and with the box that the embedding takes. Then
for how many of all photos of the label file (--all) the two boxes differ.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedding.embedder import Embedder
from embedding.photos.box import Box
from embedding.photos.photo import Image, crop, from_array, read_photo, resize, to_array
from training.localisation.train_locator import HELD_OUT_EVERY
from training.sets.sets import read_sets
from training.splits.protocol import make_split

CANVAS_PX = 400
_BATCH = 64


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    photos, _ = read_sets([given.csv], [given.photos], absent="skip")
    roles = make_split(photos, 0).roles
    fit = [one for one in photos if roles[one.name] == "fit" and one.box is not None]
    held_out = fit[::HELD_OUT_EVERY][: given.count]
    embedder = Embedder.load()
    images = [read_photo(one.path) for one in held_out]
    rng = np.random.default_rng(0)
    scenes = [
        _scene(image, one.box, rng)
        for image, one in zip(images, held_out, strict=True)
        if one.box is not None
    ]
    gallery = embedder.embed(images)
    own = embedder.find_boxes(scenes)
    for name, vectors in (
        ("locator", embedder.embed(scenes, own)),
        ("embedding", embedder.embed(scenes)),
    ):
        cosines: NDArray[np.float32] = vectors @ gallery.T
        first = np.mean(cosines.argmax(1) == np.arange(len(scenes)))
        mean = cosines.diagonal().mean()
        print(f"{name}: {first:.3f} of {len(scenes)} found first, cosine {mean:.3f}")
    if given.all:
        changed = 0
        for at in range(0, len(photos), _BATCH):
            some = [read_photo(one.path) for one in photos[at : at + _BATCH]]
            pairs = zip(
                embedder.find_boxes(some), embedder.located(some, [None] * len(some)), strict=True
            )
            changed += sum(one != other for one, other in pairs)
        print(f"another box in {changed} of {len(photos)} photos")


def _scene(image: Image, box: Box, rng: np.random.Generator) -> Image:
    """The animal, as many pixels large as it is, in a sea coloured as above it in its photo."""
    fluke = to_array(crop(image, box)).astype(np.float64)
    height, width = fluke.shape[:2]
    around = to_array(crop(image, Box(0.0, 0.0, 1.0, max(0.05, box.top))))
    waves = rng.normal(around.mean((0, 1)), 12, (CANVAS_PX // 4, CANVAS_PX // 4, 3))
    small = from_array(np.clip(waves, 0, 255).astype(np.uint8))
    sea = to_array(resize(small, CANVAS_PX, CANVAS_PX)).astype(np.float64)
    left, top = rng.integers(0, CANVAS_PX - np.array([width, height]))
    sea[top : top + height, left : left + width] = fluke
    return from_array(np.rint(sea).astype(np.uint8))


if __name__ == "__main__":
    main()
