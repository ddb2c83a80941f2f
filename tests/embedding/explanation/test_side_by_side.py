"""embedding/explanation/side_by_side.py: two photos side by side as the network saw them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.embedder import Embedder
from embedding.explanation.heatmap import RIGHT
from embedding.explanation.side_by_side import (
    ComparedPhoto,
    compare,
    crop_box,
    strongest_of,
    view_of,
)
from embedding.networks.locator import Locator, locate
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box, to_array
from embedding.photos.preprocessing import Preprocessing

CROPPED = Preprocessing(64, 64, crop="box", box_margin=0.0)
HALF = Box(0.0, 0.0, 0.5, 1.0)


@pytest.fixture
def embedder() -> Embedder:
    torch.manual_seed(4)
    return Embedder(
        Network(NetworkConfig("test_resnet", 8)), CROPPED, "", locator=Locator(), device="cpu"
    )


@pytest.fixture
def image(rng: np.random.Generator) -> Image.Image:
    """200 x 60 px: noise at the left, nothing at the right."""
    pixels = np.zeros((60, 200, 3), np.uint8)
    pixels[:, :100] = rng.integers(60, 256, (60, 100, 3))
    return Image.fromarray(pixels)


def test_the_distance_is_the_embedder_s(embedder: Embedder, image: Image.Image) -> None:
    other = Image.fromarray(np.flipud(to_array(image)).copy())
    for boxes in ((HALF, HALF), (None, HALF), (None, None)):
        heat = compare(
            embedder, ComparedPhoto("a", image, boxes[0]), ComparedPhoto("b", other, boxes[1])
        ).heat
        one, two = embedder.embed([image, other], boxes).astype(float)
        assert heat.distance == pytest.approx(1 - one @ two, abs=1e-5)


def test_both_photos_are_as_wide_as_each_other_plain_above_and_heated_below(
    embedder: Embedder, image: Image.Image
) -> None:
    photos = (
        ComparedPhoto("a.jpg", image, HALF),
        ComparedPhoto("b.jpg", image, Box(0.0, 0.0, 1.0, 1.0)),
    )
    pixels = to_array(compare(embedder, *photos, frame=RIGHT).picture).astype(int)
    # The query's box is 100 x 60 px, the reference's 200 x 60: at 360 px wide, 216 and 108 px high.
    assert pixels.shape == (2 * (216 + 17 + 10) + 37, 2 * 370 + 10, 3)
    query, reference = pixels[37:253, 10:370], pixels[37:145, 380:740]
    assert query[:, 200:].mean() > 100 and reference[:, 200:].max() < 40  # as cut out by the box
    heated = pixels[280 : 280 + 216, 10:370]
    assert np.ptp(heated, axis=2).max() > 60
    assert tuple(pixels[34, 500]) == RIGHT and tuple(pixels[34, 100]) != RIGHT


def test_the_box_seen_is_the_given_one_or_else_the_located(
    embedder: Embedder, image: Image.Image
) -> None:
    assert embedder.locator is not None
    assert crop_box(embedder, image, HALF) == HALF
    assert crop_box(embedder, image, None) == locate(embedder.locator, [image])[0]
    embedder.locator = None
    assert crop_box(embedder, image, None) is None
    embedder.preprocessing = Preprocessing(64, 64)
    assert crop_box(embedder, image, HALF) is None


@pytest.mark.parametrize(
    ("preprocessing", "box", "shape"),
    [
        (CROPPED, HALF, (120, 200)),
        (CROPPED, None, (60, 200)),
        (Preprocessing(64, 64), HALF, (60, 200)),  # the box is not cut out
        (Preprocessing(64, 32, fit="pad"), None, (100, 200)),  # heat lies over the padding too
        (CROPPED, Box(0.0, 0.0, 1.0, 0.1), (50, 200)),  # a sliver
        (CROPPED, Box(0.0, 0.0, 0.1, 1.0), (300, 200)),
    ],
)
def test_a_view_has_the_photo_s_proportions(
    preprocessing: Preprocessing, box: Box | None, shape: tuple[int, int], image: Image.Image
) -> None:
    assert view_of(preprocessing, image, box, 200).shape == (*shape, 3)
    assert view_of(preprocessing, image, box, 80, 40).shape == (40, 80, 3)


def test_a_pair_shares_one_scale_of_heat(embedder: Embedder, image: Image.Image) -> None:
    heat = compare(embedder, ComparedPhoto("a", image, HALF), ComparedPhoto("b", image)).heat
    assert strongest_of(heat) == max(np.abs(heat.query).max(), np.abs(heat.reference).max())
