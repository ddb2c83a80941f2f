"""training/localisation/train_locator.py: a locator learns where a bright patch is, the same way
every time.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.networks.backbone import BadNetwork
from embedding.networks.locator import locate
from embedding.photos.box import WHOLE
from embedding.photos.photo import Box, read_photo
from index.labels.reader import LabelledPhoto
from training.localisation import train_locator as module
from training.localisation.train_locator import Compute, augmented, train_locator
from training.recipes.choices import LocatorChoices


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledPhoto]:
    """120 dark photos with a bright patch, whose box is known, and 5 without a box."""
    folder, rng = tmp_path_factory.mktemp("patches"), np.random.default_rng(4)
    made: list[LabelledPhoto] = []
    for at in range(125):
        left, top = rng.uniform(0, 0.5, 2)
        box = Box(left, top, left + rng.uniform(0.3, 0.5), top + rng.uniform(0.3, 0.5))
        pixels = rng.normal(40, 10, (64, 64, 3))
        pixels[
            round(box.top * 64) : round(box.bottom * 64),
            round(box.left * 64) : round(box.right * 64),
        ] += 160
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


def test_boxes_are_found_in_photos_not_learned_from(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    choices = LocatorChoices(epochs=18, batch=27, weights="random")
    locator, told = train_locator(photos, choices, 0, tmp_path)
    held_out = photos[0:120:10]
    found = locate(locator, [read_photo(photo.path) for photo in held_out])
    pairs = [(box, photo.box) for box, photo in zip(found, held_out, strict=True) if photo.box]
    assert np.mean([overlap(box, targets) for box, targets in pairs]) > 0.6
    assert told > 0.6 and not locator.training


def test_changed_photos_have_their_box_where_it_went() -> None:
    torch.manual_seed(2)
    count, px = 300, 96
    start = (
        0.05 + torch.rand(count, 2) * 0.35
    )  # none at the edge, which is repeated beyond the photo
    boxes = torch.cat([start, start + 0.25 + torch.rand(count, 2) * 0.3], 1)
    edges = (torch.arange(px) + 0.5) / px
    across, down = [
        (edges >= boxes[:, at, None]) & (edges < boxes[:, at + 2, None]) for at in (0, 1)
    ]
    patches = (down[:, :, None] & across[:, None, :]).float()[:, None].repeat(1, 3, 1, 1)
    is_fixed = torch.arange(count) < 20
    images, moved = augmented(patches, boxes, is_fixed)
    assert images.shape == patches.shape and bool(((moved >= 0) & (moved <= 1)).all())
    bright = (
        images.mean(1)
        > (images.mean(1).amax((1, 2)) + images.mean(1).amin((1, 2)))[:, None, None] / 2
    )
    for axis, at in ((1, 0), (2, 1)):  # columns where anything is bright, and rows
        seen = bright.any(axis).float() * edges
        torch.testing.assert_close(seen.amax(1) + 0.5 / px, moved[:, at + 2], atol=1.6 / px, rtol=0)
        torch.testing.assert_close(
            (seen + 2 * (seen == 0)).amin(1) - 0.5 / px, moved[:, at], atol=1.6 / px, rtol=0
        )
    sizes = (moved[:, 2:] - moved[:, :2]) / (boxes[:, 2:] - boxes[:, :2])
    assert bool((sizes[:20] - 1).abs().max() < 1e-6)  # aligned ones keep their size
    assert (
        sizes[20:].min() < 0.6 and 1.2 < sizes[20:].max() < 1.5
    )  # others come nearer, and go farther away


def test_the_seed_decides_the_locator(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    choices = LocatorChoices(epochs=1, weights="random")
    weights = [
        train_locator(photos[:60], choices, seed, tmp_path)[0].state_dict() for seed in (1, 1, 2)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["last.weight"], weights[2]["last.weight"])


def test_in_bf16_a_locator_learns_as_much(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    choices = LocatorChoices(epochs=1, weights="random")
    plain, quick = (
        train_locator(photos[:60], choices, 1, tmp_path, compute=Compute(precision=precision))[0]
        for precision in ("float32", "bf16")
    )
    torch.testing.assert_close(quick.last.weight, plain.last.weight, atol=0.02, rtol=0)
    assert not torch.equal(quick.last.weight, plain.last.weight)


def test_photos_to_be_taken_whole_and_aligned_ones_are_not_cut(
    photos: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def recorded(
        images: torch.Tensor, boxes: torch.Tensor, is_fixed: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append((boxes, is_fixed))
        return augmented(images, boxes, is_fixed)

    monkeypatch.setattr(module, "augmented", recorded)
    aligned = Box(0.25, 0.25, 0.75, 0.75)
    boxes = [WHOLE, aligned, None]  # None: its own
    some = [
        dataclasses.replace(photo, box=boxes[at % 3] or photo.box)
        for at, photo in enumerate(photos[:60])
    ]
    train_locator(some, LocatorChoices(epochs=1, weights="random"), 0, tmp_path, aligned={aligned})
    assert seen
    for given, is_fixed in seen:
        targets = [Box(*box) in (WHOLE, aligned) for box in given.tolist()]
        assert is_fixed.tolist() == targets and True in targets and False in targets


def test_first_weights_that_are_absent_are_told_before_photos_are_decoded(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    with pytest.raises(BadNetwork, match=r"^locator\.weights = .*no such file"):
        train_locator(photos, LocatorChoices(epochs=1, weights="absent.pth"), 0, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_box_that_is_aligned_is_learned_where_it_is(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    box = Box(0.3, 0.3, 0.7, 0.7)  # of photos in which nothing shows where
    alike = [dataclasses.replace(photo, box=box) for photo in photos[:60]]
    choices = LocatorChoices(epochs=24, batch=27, weights="random")
    found: dict[bool, Box] = {}
    for is_told in (True, False):
        locator, _ = train_locator(alike, choices, 0, tmp_path, aligned={box} if is_told else ())
        boxes = np.array(
            [
                tuple(one)
                for one in locate(locator, [read_photo(photo.path) for photo in alike[::10]])
            ]
        )
        found[is_told] = Box(*boxes.mean(0).tolist())
    assert overlap(found[True], box) > 0.9
    assert overlap(found[False], box) < overlap(
        found[True], box
    )  # it has seen cut ones, where the box is larger
