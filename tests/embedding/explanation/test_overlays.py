"""embedding/explanation/overlays.py: heat as numbers over photos as they came."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.embedder import Embedder
from embedding.explanation import overlays
from embedding.explanation.overlays import heat_overlays
from embedding.explanation.side_by_side import ComparedPhoto, compare, strongest_of
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box, rotate_box, rotate_image
from embedding.photos.preprocessing import Preprocessing

BOX = Box(0.1, 0.2, 0.7, 0.9)


@pytest.fixture
def embedder() -> Embedder:
    torch.manual_seed(4)
    preprocessing = Preprocessing(64, 64, crop="box", box_margin=0.0)
    return Embedder(Network(NetworkConfig("test_resnet", 8)), preprocessing, "", device="cpu")


@pytest.fixture
def photos(rng: np.random.Generator) -> list[ComparedPhoto]:
    images = [Image.fromarray(rng.integers(0, 256, (60, 120, 3), dtype=np.uint8)) for _ in range(2)]
    return [ComparedPhoto("a", images[0], BOX), ComparedPhoto("b", images[1])]


def test_heat_is_that_of_the_picture_scaled_to_its_strongest(
    embedder: Embedder, photos: list[ComparedPhoto]
) -> None:
    found, drawn = heat_overlays(embedder, *photos), compare(embedder, *photos).heat
    assert found.distance == drawn.distance
    assert found.query.values == pytest.approx(drawn.query / strongest_of(drawn))
    assert found.query.region == pytest.approx(BOX)
    assert found.query.box == BOX
    assert found.reference.region == Box(0.0, 0.0, 1.0, 1.0)
    assert found.reference.box is None
    assert max(np.abs(each.values).max() for each in (found.query, found.reference)) == 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_heat_of_a_turned_photo_lies_over_it_as_it_came(
    embedder: Embedder,
    photos: list[ComparedPhoto],
    monkeypatch: pytest.MonkeyPatch,
    turns: int,
) -> None:
    straight = heat_overlays(embedder, *photos)
    own = photos[0]
    image, box = rotate_image(own.image, 4 - turns), rotate_box(BOX, 4 - turns)
    lying = ComparedPhoto("a", image, box)

    def turned(embedder: Embedder, photo: ComparedPhoto) -> tuple[ComparedPhoto, int]:
        return (own, turns) if photo is lying else (photo, 0)

    monkeypatch.setattr(overlays, "upright", turned)
    found = heat_overlays(embedder, lying, photos[1])
    assert found.query.quarter_turns == turns
    assert found.query.region == pytest.approx(box)
    assert found.query.values == pytest.approx(np.rot90(straight.query.values, 4 - turns))
    assert found.distance == pytest.approx(straight.distance)


def test_equal_pixels_without_heat_stay_without(embedder: Embedder) -> None:
    grey = ComparedPhoto("a", Image.new("RGB", (64, 64)), None)
    assert np.isfinite(heat_overlays(embedder, grey, grey).query.values).all()
