"""embedding/networks/locator.py: boxes within the photo, the same in the mirror."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from embedding.networks.locator import (
    AnyLocator,
    EarlierLocator,
    Locator,
    locate,
    locator_of,
)
from embedding.photos.preprocessing import squashed


@pytest.fixture(params=[Locator, EarlierLocator])
def locator(request: pytest.FixtureRequest) -> AnyLocator:
    torch.manual_seed(5)
    return request.param().eval()


@pytest.fixture
def images(rng: np.random.Generator) -> list[Image.Image]:
    return [
        Image.fromarray(rng.integers(0, 256, (40 + at, 90, 3), dtype=np.uint8)) for at in range(5)
    ]


def test_a_box_is_within_the_photo_and_never_inside_out(
    locator: AnyLocator, rng: np.random.Generator
) -> None:
    with torch.no_grad():
        for scale in (1.0, 1000.0):  # extreme activations too
            found = locator(
                torch.from_numpy(
                    scale * rng.normal(size=(50, 3, locator.px, locator.px)).astype(np.float32)
                )
            )
            assert found.shape == (50, 4) and bool(((found >= 0) & (found <= 1)).all())
            assert bool((found[:, 0] <= found[:, 2]).all() and (found[:, 1] <= found[:, 3]).all())


def test_the_box_in_a_mirror_image_is_the_mirrored_box(locator: AnyLocator) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    (box,), (mirrored,) = locate(locator, [image]), locate(locator, [ImageOps.mirror(image)])
    assert mirrored == pytest.approx((1 - box.right, box.top, 1 - box.left, box.bottom), abs=1e-5)


def test_a_box_does_not_depend_on_its_company(
    locator: AnyLocator, images: list[Image.Image]
) -> None:
    together = locate(locator, images)
    assert len(together) == 5
    for image, box in zip(images, together, strict=True):
        assert locate(locator, [image])[0] == pytest.approx(box, abs=1e-5)


def test_no_images_have_no_boxes(locator: AnyLocator) -> None:
    assert locate(locator, []) == []


def test_images_of_any_size_are_squashed(images: list[Image.Image]) -> None:
    pixels = squashed(images, 48)
    assert pixels.shape == (5, 48, 48, 3) and pixels.dtype == np.uint8


def test_a_locator_is_told_by_its_weights(locator: AnyLocator, images: list[Image.Image]) -> None:
    found = locator_of(locator.state_dict())
    assert type(found) is type(locator) and not found.training
    assert locate(found, images) == locate(locator, images)


def test_other_weights_are_no_locator_s(locator: AnyLocator) -> None:
    weights = locator.state_dict()
    del weights["features.0.weight"]
    with pytest.raises(RuntimeError, match=r"features\.0\.weight"):
        locator_of(weights)
