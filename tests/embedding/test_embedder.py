"""embedding/embedder.py: images in, unit vectors out, whatever the batch, the mirror and the
box.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from embedding import embedder as embedder_module
from embedding.checkpoint import (
    LOCATOR_PREFIX,
    BadCheckpoint,
    CheckpointHeader,
    fingerprint_of,
    save_checkpoint,
)
from embedding.eager.eager_runtime import normalised
from embedding.eager.stored_networks import load_locator
from embedding.embedder import Embedder
from embedding.networks.locator import Locator, locate
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box
from embedding.photos.preprocessing import Preprocessing

CONFIG = NetworkConfig("test_resnet", embedding_dim=8)
SQUARE = Preprocessing(32, 32, crop="box", box_margin=0.0)


@pytest.fixture
def network() -> Network:
    torch.manual_seed(3)
    return Network(CONFIG)


@pytest.fixture
def embedder(network: Network) -> Embedder:
    return Embedder(network, SQUARE, "f" * 64, device="cpu")


@pytest.fixture
def images(rng: np.random.Generator) -> list[Image.Image]:
    """Seven photos of different sizes."""
    sizes = [(40 + 7 * at, 60 - 5 * at) for at in range(7)]
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


def test_rows_are_float32_of_unit_length(embedder: Embedder, images: list[Image.Image]) -> None:
    vectors = embedder.embed(images)
    assert vectors.shape == (7, 8) == (7, embedder.dimension) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3  # not one answer for all


def test_an_embedding_is_the_mean_of_the_photo_s_and_its_mirror_s(
    network: Network, images: list[Image.Image]
) -> None:
    vectors = Embedder(network, SQUARE, "", device="cpu").embed(images[:1])
    straight = torch.from_numpy(SQUARE.pixels(images[0]).astype(np.float32) / 127.5 - 1).permute(
        2, 0, 1
    )[None]
    with torch.no_grad():
        mean = (network(straight) + network(straight.flip(3)))[0].numpy() / 2
    np.testing.assert_allclose(vectors[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_a_mirror_image_is_the_same_photo(embedder: Embedder, rng: np.random.Generator) -> None:
    image = Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    np.testing.assert_allclose(
        embedder.embed([image]), embedder.embed([ImageOps.mirror(image)]), atol=1e-5
    )


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_an_answer_does_not_depend_on_its_company(
    batch_size: int, embedder: Embedder, images: list[Image.Image]
) -> None:
    together = embedder.embed(images)
    embedder.batch_size = batch_size
    np.testing.assert_allclose(embedder.embed(images), together, atol=1e-5)
    np.testing.assert_allclose(embedder.embed(images[4:5])[0], together[4], atol=1e-5)


def test_no_images_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 8)
    assert embedder.embed_pixels(np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, 8)


def test_a_box_is_as_good_as_a_photo_of_its_inside(
    embedder: Embedder, rng: np.random.Generator
) -> None:
    inside = Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
    around = Image.new("RGB", (100, 80), (9, 90, 200))
    around.paste(inside, (25, 20))
    boxed, unboxed, plain = embedder.embed(
        [around, around, inside], [Box(0.25, 0.25, 0.75, 0.75), None, None]
    )
    np.testing.assert_allclose(boxed, plain, atol=1e-5)
    assert np.abs(unboxed - plain).max() > 1e-3


def test_as_many_boxes_as_images(embedder: Embedder, images: list[Image.Image]) -> None:
    with pytest.raises(ValueError, match="1 boxes for 7 images"):
        embedder.embed(images, [None])


def test_pixels_become_numbers_around_zero() -> None:
    preprocessing = Preprocessing(8, 8, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25))
    pixels = torch.tensor([[[[0, 255, 255]]]], dtype=torch.uint8)
    assert normalised(pixels, preprocessing).flatten().tolist() == [0.0, 1.0, 0.0]
    assert normalised(pixels, preprocessing).shape == (1, 3, 1, 1)


def saved(path: Path, network: Network, locator: Locator | None = None) -> Path:
    weights = dict(network.state_dict())
    if locator is not None:
        weights |= {LOCATOR_PREFIX + name: value for name, value in locator.state_dict().items()}
    header = CheckpointHeader(CONFIG.to_dict(), SQUARE, {}, has_locator=locator is not None)
    save_checkpoint(path, weights, header)
    return path


def test_a_checkpoint_embeds_as_the_network_that_it_was_made_of(
    network: Network, embedder: Embedder, images: list[Image.Image], tmp_path: Path
) -> None:
    path = saved(tmp_path / "c.safetensors", network)
    loaded = Embedder.load(path, device="cpu")
    assert loaded.fingerprint == fingerprint_of(path)
    assert (loaded.dimension, loaded.input_px) == (8, SQUARE.input_px)
    np.testing.assert_allclose(
        loaded.embed(images), embedder.embed(images), atol=5e-3
    )  # weights are fp16 in the file


def test_without_a_path_the_shipped_checkpoint_is_loaded(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "shipped.safetensors", network)
    monkeypatch.setattr(embedder_module, "DEFAULT_CHECKPOINT", path)
    assert Embedder.load(device="cpu").fingerprint == fingerprint_of(path)


def test_weights_that_do_not_fit_their_own_description_are_refused(
    network: Network, tmp_path: Path
) -> None:
    wider = NetworkConfig("test_resnet", embedding_dim=9)
    save_checkpoint(
        tmp_path / "c", network.state_dict(), CheckpointHeader(wider.to_dict(), SQUARE, {})
    )
    with pytest.raises(BadCheckpoint, match="don't fit its own description"):
        Embedder.load(tmp_path / "c")


def test_a_locator_finds_the_box_of_photos_without_one(
    network: Network, images: list[Image.Image], tmp_path: Path
) -> None:
    torch.manual_seed(4)
    loaded = Embedder.load(saved(tmp_path / "c.safetensors", network, Locator()), device="cpu")
    assert loaded.locator is not None
    given = [Box(0.1, 0.2, 0.6, 0.7), *[None] * 6]
    found = [given[0], *locate(loaded.locator, images[1:])]
    np.testing.assert_allclose(loaded.embed(images, given), loaded.embed(images, found), atol=1e-5)
    assert (
        np.abs(
            loaded.embed(images)
            - Embedder.load(saved(tmp_path / "n", network), device="cpu").embed(images)
        ).max()
        > 1e-3
    )


def test_a_locator_is_loaded_alone(
    network: Network, images: list[Image.Image], tmp_path: Path
) -> None:
    torch.manual_seed(4)
    path = saved(tmp_path / "c.safetensors", network, Locator())
    whole, alone = Embedder.load(path, device="cpu").locator, load_locator(path)
    assert whole is not None and alone is not None
    np.testing.assert_allclose(locate(alone, images), locate(whole, images), atol=1e-5)
    assert load_locator(saved(tmp_path / "n.safetensors", network)) is None


def test_a_locator_that_lacks_a_layer_is_refused_and_the_file_named(
    network: Network, tmp_path: Path
) -> None:
    cut = Locator()
    del cut.last
    with pytest.raises(
        BadCheckpoint, match=r"c\.safetensors holds weights that don't fit its own description"
    ):
        load_locator(saved(tmp_path / "c.safetensors", network, cut))
