"""In how many bits frames of a burst differ, and photos of one animal (index.calibration.bursts).

    python tests/bench/burst_pictures.py PHOTOS LABELS.csv [--frames 300]

Makes frames of drawn photos: saved again, brightened, cropped by 3, 5 and 8 %, turned by 3 degrees.
Compares their perceptual hashes, and those of different photos of one individual (400 individuals,
six photos each at most).
"""

from __future__ import annotations

import argparse
import csv
import io
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from index.photos.perceptual_hash import differing_bits, perceptual_hash

QUANTILES = (0.0, 0.01, 0.05, 0.5, 0.95, 0.99, 1.0)
_FILL = (110, 120, 130)


def saved_again(image: Image.Image) -> Image.Image:
    """The photo as a JPEG of quality 40."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=40)
    data.seek(0)
    return Image.open(data).convert("RGB")


def cropped(left: float, top: float, right: float) -> Callable[[Image.Image], Image.Image]:
    """Cut these shares off the sides."""

    def crop(image: Image.Image) -> Image.Image:
        width, height = image.size
        box = (int(left * width), int(top * height), int((1 - right) * width), height)
        return image.crop(box)

    return crop


FRAMES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again": saved_again,
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "cropped by 3 %": cropped(0.03, 0.02, 0.0),
    "cropped by 5 %": cropped(0.02, 0.03, 0.03),
    "cropped by 8 %": cropped(0.0, 0.05, 0.08),
    "turned by 3 degrees": lambda image: image.rotate(3, fillcolor=_FILL),
}


def main() -> None:
    """Print the quantiles of differing bits."""
    parser = argparse.ArgumentParser(description="Bits by which pictures differ.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    with given.labels.open(newline="", encoding="utf-8") as file:
        rows = [(each["Image"], each["Id"]) for each in csv.DictReader(file)]
    print("| pictures | " + " | ".join(f"{one:g}" for one in QUANTILES) + " |")
    print("| --- |" + " --- |" * len(QUANTILES))
    drawn = rng.choice(len(rows), min(given.frames, len(rows)), replace=False)
    images = [Image.open(given.photos / rows[at][0]).convert("RGB") for at in drawn]
    for named, frame in FRAMES.items():
        pairs = [(perceptual_hash(one), perceptual_hash(frame(one))) for one in images]
        show(named, [differing_bits(one, other) for one, other in pairs if one and other])
    of_individual: defaultdict[str, list[str]] = defaultdict(list)
    for name, label in rows:
        if label != "new_whale":
            of_individual[label].append(name)
    several = sorted(one for one, names in of_individual.items() if len(names) > 1)
    bits: list[int] = []
    for one in rng.permutation(several)[:400]:
        hashes = [
            perceptual_hash(Image.open(given.photos / name).convert("RGB"))
            for name in of_individual[str(one)][:6]
        ]
        bits += [differing_bits(a, b) for a, b in combinations(hashes, 2) if a and b]
    show("of one individual", bits)


def show(named: str, bits: list[int]) -> None:
    """Print one row."""
    found = np.quantile(bits, QUANTILES)
    print(f"| {named} ({len(bits):,}) | " + " | ".join(f"{one:.0f}" for one in found) + " |")


if __name__ == "__main__":
    main()
