"""How well whole scenes' animals are found, and which boxes embeddings take.

    python -m tests.bench.scenes --csv test.csv --photos photos [--checkpoint FILE] [--held-out]

For the photos with a box of a label file (with --held-out: every tenth of the fit part, which
neither locator nor detector learned from): the mean overlap (IoU) with the given box and the share
below .6, of the surest animal, of the locator's one box, and of the box that the embedding takes.
Then how many animals are found, for how many photos the embedding's box isn't the locator's own,
bit for bit, and CPU milliseconds a photo. Intervals hold 95 of 100 draws of the photos.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torchvision.ops import box_iou

from embedding.embedder import Embedder
from embedding.photos.box import WHOLE, Box
from embedding.photos.photo import read_photo
from training.localisation.train_locator import HELD_OUT_EVERY
from training.sets.sets import read_sets
from training.splits.protocol import make_split

_DRAWS = 2000


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--held-out", action="store_true")
    given = parser.parse_args()
    photos, _ = read_sets([given.csv], [given.photos], absent="skip")
    if given.held_out:
        roles = make_split(photos, 0).roles
        photos = [photo for photo in photos if roles[photo.name] == "fit"][::HELD_OUT_EVERY]
    boxed = [(photo, photo.box) for photo in photos if photo.box is not None]
    embedder = Embedder.load(given.checkpoint)
    images = [read_photo(photo.path, at_least_px=embedder.input_px) for photo, _ in boxed]
    drawn = [box for _, box in boxed]
    embedder.find_animals(images[:2])
    began = time.process_time()
    animals = embedder.find_animals(images)
    spent = 1000 * (time.process_time() - began) / len(images)
    own = embedder.find_boxes(images)
    taken = [box or WHOLE for box in embedder.located(images, [None] * len(images))]
    surest = [found[0].box if found else Box(0, 0, 0, 0) for found in animals]
    print(f"{len(images)} photos")
    for name, boxes in (("surest animal", surest), ("locator", own), ("embedding", taken)):
        print(f"{name}: {_text(boxes, drawn)}")
    counts = np.array([len(found) for found in animals])
    changed = np.mean([one != other for one, other in zip(own, taken, strict=True)])
    print(
        f"none {np.mean(counts == 0):.3f}, one {np.mean(counts == 1):.3f}, more "
        f"{np.mean(counts > 1):.3f}; the embedding's box is another than the locator's in "
        f"{changed:.4f}; {spent:.1f} CPU ms a photo"
    )


def _text(boxes: Sequence[Box], drawn: Sequence[Box]) -> str:
    overlaps = box_iou(torch.tensor(boxes), torch.tensor(drawn)).diagonal().numpy()
    rng = np.random.default_rng(0)
    draws = overlaps[rng.integers(0, len(overlaps), (_DRAWS, len(overlaps)))]
    low, high = np.quantile(draws.mean(1), [0.025, 0.975])
    few, many = np.quantile((draws < 0.6).mean(1), [0.025, 0.975])
    return (
        f"overlap {overlaps.mean():.3f} ({low:.3f} to {high:.3f}), below .6 "
        f"{(overlaps < 0.6).mean():.3f} ({few:.3f} to {many:.3f})"
    )


if __name__ == "__main__":
    main()
