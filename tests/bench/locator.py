"""How well locators find boxes, in photos that neither they nor the networks learned from.

    python tests/bench/locator.py --csv a.csv --photos a [--csv b.csv --photos b] checkpoint
    [checkpoint ...]

The sets are those that the locators were trained on, in that order and with validation_share = 0:
of the fit part's photos with a box every tenth was held out. For each checkpoint and set: the mean
overlap (IoU) of found and given boxes, and the share of photos with less than .6, looking once and
looking again at the found box and a bit around it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torchvision.ops import box_iou

from embedding.embedder import Embedder
from embedding.networks.locator import AnyLocator, locate
from embedding.photos.photo import Box, Image, crop, read_photo
from index.labels.reader import LabelledPhoto
from training.localisation.train_locator import HELD_OUT_EVERY
from training.sets.sets import read_sets
from training.splits.photo_facts import species_of
from training.splits.protocol import make_split

_AGAIN = 1.2  # times the size of the box found first


def main() -> None:
    """Print a line for each checkpoint and set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--csv", type=Path, action="append", required=True)
    parser.add_argument("--photos", type=Path, action="append", required=True)
    parser.add_argument(
        "--box", action="append", default=[], help="SPECIES=left,top,right,bottom, as in the recipe"
    )
    parser.add_argument("--split-seed", type=int, default=0)
    given = parser.parse_args()
    boxes = {
        name: Box(*map(float, box.split(",")))
        for name, _, box in (one.partition("=") for one in given.box)
    }
    photos, _ = read_sets(given.csv, given.photos, species_boxes=boxes)
    roles = make_split(photos, given.split_seed).roles
    boxed = [photo for photo in photos if roles[photo.name] == "fit" and photo.box is not None]
    held_out, species = boxed[::HELD_OUT_EVERY], species_of(photos)
    for path in given.checkpoints:
        locator = Embedder.load(path, device="cpu").locator
        if locator is None:
            parser.error(f"{path} has no locator")
        for name in dict.fromkeys(species[photo.name] for photo in held_out):
            some = [photo for photo in held_out if species[photo.name] == name]
            images = [read_photo(photo.path) for photo in some]
            once = locate(locator, images)
            found = {"once": once, "twice": _again(locator, images, once)}
            told = "; ".join(f"{how}: {_told(boxes, some)}" for how, boxes in found.items())
            print(f"{path}: {name}, {len(some)} photos; {told}", flush=True)


def _again(locator: AnyLocator, images: list[Image], boxes: list[Box]) -> list[Box]:
    """What is found in windows around what was found before."""
    windows = [_around(box) for box in boxes]
    found = locate(
        locator, [crop(image, window) for image, window in zip(images, windows, strict=True)]
    )
    return [_within(window, box) for window, box in zip(windows, found, strict=True)]


def _around(box: Box) -> Box:
    across, down = (
        (_AGAIN - 1) / 2 * side for side in (box.right - box.left, box.bottom - box.top)
    )
    return Box(
        max(0, box.left - across),
        max(0, box.top - down),
        min(1, box.right + across),
        min(1, box.bottom + down),
    )


def _within(window: Box, box: Box) -> Box:
    width, height = window.right - window.left, window.bottom - window.top
    left, top = window.left + box.left * width, window.top + box.top * height
    return Box(left, top, window.left + box.right * width, window.top + box.bottom * height)


def _told(boxes: list[Box], photos: list[LabelledPhoto]) -> str:
    given = torch.tensor([photo.box for photo in photos if photo.box is not None])
    overlaps = box_iou(torch.tensor(boxes), given).diagonal().numpy()
    return f"overlap {np.mean(overlaps):.3f}, {np.mean(overlaps < 0.6):.3f} below .6"


if __name__ == "__main__":
    main()
