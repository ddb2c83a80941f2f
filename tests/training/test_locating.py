"""training/locating.py: a locator learns where a bright patch is, the same way every time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.locator import locate
from embedding.photo import Box, read_photo
from index.labels import LabelledPhoto
from training.locating import train_locator
from training.recipe import LocatorChoices


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledPhoto]:
    """120 dark photos with a bright patch, whose box is known, and 5 without a box."""
    folder, rng = tmp_path_factory.mktemp("patches"), np.random.default_rng(4)
    made: list[LabelledPhoto] = []
    for at in range(125):
        left, top = rng.uniform(0, 0.5, 2)
        box = Box(left, top, left + rng.uniform(0.3, 0.5), top + rng.uniform(0.3, 0.5))
        pixels = rng.normal(40, 10, (64, 64, 3))
        pixels[round(box.top * 64) : round(box.bottom * 64), round(box.left * 64) : round(box.right * 64)] += 160
        path = folder / f"{at:03}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        made.append(LabelledPhoto(path.name, path, "w", box=box if at < 120 else None))
    return made


def overlap(left: Box, right: Box) -> float:
    """Intersection over union."""
    width = min(left.right, right.right) - max(left.left, right.left)
    height = min(left.bottom, right.bottom) - max(left.top, right.top)
    inside = max(width, 0.0) * max(height, 0.0)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (left, right)]
    return inside / (sum(areas) - inside)


def test_boxes_are_found_in_photos_not_learned_from(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    choices = LocatorChoices(epochs=25, batch=27)
    locator, told = train_locator(photos, choices, 0, tmp_path)
    held_out = photos[0:120:10]
    found = locate(locator, [read_photo(photo.path) for photo in held_out])
    pairs = [(box, photo.box) for box, photo in zip(found, held_out, strict=True) if photo.box]
    assert np.mean([overlap(box, wanted) for box, wanted in pairs]) > 0.6
    assert told > 0.6 and not locator.training


def test_the_seed_decides_the_locator(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    choices = LocatorChoices(epochs=1)
    weights = [train_locator(photos[:60], choices, seed, tmp_path)[0].state_dict() for seed in (1, 1, 2)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["head.1.weight"], weights[2]["head.1.weight"])


def test_a_box_that_is_aligned_is_learned_where_it_is(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    box = Box(0.3, 0.3, 0.7, 0.7)  # of photos in which nothing shows where
    alike = [dataclasses.replace(photo, box=box) for photo in photos[:60]]
    choices = LocatorChoices(epochs=40, batch=27)
    found: dict[bool, Box] = {}
    for is_told in (True, False):
        locator, _ = train_locator(alike, choices, 0, tmp_path, aligned={box} if is_told else ())
        boxes = np.array([tuple(one) for one in locate(locator, [read_photo(photo.path) for photo in alike[::10]])])
        found[is_told] = Box(*boxes.mean(0).tolist())
    assert overlap(found[True], box) > 0.9
    assert overlap(found[False], box) < overlap(found[True], box)  # it has seen cut ones, where the box is larger
