"""Which box an embedding takes: the locator's, or, for a small animal, one in a window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from embedding.embedder import Embedder
from embedding.networks.locator import Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.box import Box
from embedding.photos.photo import Image, from_array
from embedding.photos.preprocessing import Preprocessing


@pytest.fixture
def image(rng: np.random.Generator) -> Image:
    return from_array(rng.integers(0, 256, (80, 120, 3), dtype=np.uint8))


@pytest.fixture
def embedder_finding(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Embedder]:
    """An embedder whose detector finds animals of score .9 in these boxes."""

    def make(*boxes: Box) -> Embedder:
        torch.manual_seed(4)
        network = Network(NetworkConfig("test_resnet", embedding_dim=8))
        embedder = Embedder(
            network, Preprocessing(32, 32, crop="box"), "", locator=Locator(), device="cpu"
        )
        cells = np.float32([(0.9, *box) for box in boxes]).reshape(-1, 5)
        monkeypatch.setattr(type(embedder.runtime), "detector_px", 16)
        monkeypatch.setattr(
            embedder.runtime, "cells", lambda pixels: np.stack([cells] * len(pixels)), raising=False
        )
        return embedder

    return make


def test_an_animal_where_the_locator_finds_it_is_cropped_as_before_bit_for_bit(
    embedder_finding: Callable[..., Embedder], image: Image
) -> None:
    (own,) = embedder_finding().find_boxes([image])
    shifted = Box(own.left + 0.01, own.top, own.right, own.bottom)
    assert embedder_finding(shifted).located([image], [None]) == [own]
    assert embedder_finding().located([image], [None]) == [own]  # nothing found


def test_a_small_animal_elsewhere_is_located_in_a_window_around_it(
    embedder_finding: Callable[..., Embedder], image: Image
) -> None:
    small = Box(0.05, 0.1, 0.15, 0.2)
    embedder = embedder_finding(small)
    (box,) = embedder.located([image], [None])
    assert box is not None and box != embedder.find_boxes([image])[0]
    assert 0.0 <= box.left < box.right <= 0.17 and 0.08 <= box.top < box.bottom <= 0.22


def test_all_animals_are_told_and_none_are_looked_for_where_a_box_is_given(
    embedder_finding: Callable[..., Embedder], image: Image
) -> None:
    two = (Box(0, 0, 0.3, 0.3), Box(0.5, 0.5, 0.9, 0.9))
    embedder = embedder_finding(*two)
    told, given = embedder.embed_upright([image, image], [None, two[1]]).animals
    assert given is None and told is not None
    np.testing.assert_allclose([animal.box for animal in told], two, atol=1e-6)
