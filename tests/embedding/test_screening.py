"""embedding/screening.py: a head in a checkpoint scores vectors and finds turned photos, and
changes no fingerprint.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.checkpoint import (
    BadCheckpoint,
    CheckpointHeader,
    fingerprint_of,
    load_weights,
    read_header,
    save_checkpoint,
    with_screening,
)
from embedding.embedder import Embedder
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box, rotate_box, rotate_image
from embedding.photos.preprocessing import Preprocessing
from embedding.screening import Screening

CONFIG = NetworkConfig("test_resnet", embedding_dim=8)


def head_of(dimension: int, *, turn: int = 0, threshold: float = 0.4) -> Screening:
    """An animal is what has a large first number; every photo needs `turn` quarter turns."""
    animal = np.zeros((1, dimension), np.float32)
    animal[0, 0] = 10
    turns = np.zeros((4, dimension), np.float32)
    bias = np.zeros(4, np.float32)
    bias[turn] = 9
    return Screening(((animal, np.zeros(1, np.float32)),), ((turns, bias),), threshold, 0.9)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    network = Network(CONFIG)
    header = CheckpointHeader(CONFIG.to_dict(), Preprocessing(32, 32, crop="box"), {"name": "tiny"})
    save_checkpoint(tmp_path / "c.safetensors", network.state_dict(), header)
    return tmp_path / "c.safetensors"


def with_head(checkpoint: Path, head: Screening) -> Path:
    path = checkpoint.with_name("with-head.safetensors")
    path.write_bytes(with_screening(checkpoint, head.described(), head.tensors()))
    return path


def test_a_head_comes_back_and_changes_neither_fingerprint_nor_vectors(checkpoint: Path) -> None:
    path = with_head(checkpoint, head_of(8))
    assert Screening.load(checkpoint) is None
    loaded = Screening.load(path)
    assert loaded is not None
    assert (loaded.animal_threshold, loaded.turn_probability) == (0.4, 0.9)
    vectors = np.eye(8, dtype=np.float32)[:2]
    np.testing.assert_allclose(loaded.animal_scores(vectors), [1 / (1 + np.exp(-10)), 0.5])

    assert fingerprint_of(path) == fingerprint_of(checkpoint)
    assert fingerprint_of(path) != hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_header(path) == read_header(checkpoint)
    assert load_weights(path).keys() == load_weights(checkpoint).keys()
    image = Image.new("RGB", (40, 30), (200, 30, 90))
    before, after = (Embedder.load(one, device="cpu") for one in (checkpoint, path))
    assert (before.screening is None, after.screening is None) == (True, False)
    np.testing.assert_array_equal(before.embed([image]), after.embed([image]))


def test_a_second_head_takes_the_place_of_the_first(checkpoint: Path) -> None:
    first = with_head(checkpoint, head_of(8))
    first.write_bytes(with_screening(first, head_of(8, threshold=0.7).described(), {}))
    with pytest.raises(BadCheckpoint, match="damaged screening head"):
        Screening.load(first)
    second = with_head(first, head_of(8, threshold=0.7))
    loaded = Screening.load(second)
    assert loaded is not None and loaded.animal_threshold == 0.7
    assert fingerprint_of(second) == fingerprint_of(checkpoint)


def test_a_head_for_other_vectors_is_refused(checkpoint: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"9 numbers, but makes vectors of 8"):
        Embedder.load(with_head(checkpoint, head_of(9)), device="cpu")


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photo_is_turned_only_where_it_then_reads_as_upright(
    checkpoint: Path, turns: int
) -> None:
    image = Image.fromarray(np.random.default_rng(5).integers(0, 256, (24, 40, 3), np.uint8))
    embedder = Embedder.load(checkpoint, device="cpu")
    box = Box(0.1, 0.2, 0.6, 0.9)
    upright = embedder.embed([image], [box])
    lying, own = rotate_image(image, 4 - turns), rotate_box(box, 4 - turns)

    embedder.screening = _ReadsPixels(upright, turns)
    found = embedder.embed_upright([lying, image], [own, box])
    assert found.quarter_turns.tolist() == [turns, 0]
    np.testing.assert_allclose(found.vectors, np.concatenate([upright, upright]), atol=1e-6)
    assert found.boxes[0] == pytest.approx(own)

    embedder.screening = head_of(8, turn=turns)  # it finds every photo turned, after a turn too
    stubborn = embedder.embed_upright([image], [box])
    assert stubborn.quarter_turns.tolist() == [0]
    np.testing.assert_array_equal(stubborn.vectors, upright)


class _ReadsPixels(Screening):
    """Takes every photo for turned whose vector isn't the one known as upright."""

    __slots__ = ("turns", "upright")

    def __init__(self, upright: np.ndarray, turns: int) -> None:
        object.__setattr__(self, "upright", upright)
        object.__setattr__(self, "turns", turns)
        object.__setattr__(self, "turn_probability", 0.5)
        object.__setattr__(self, "animal_threshold", 0.5)

    def turn_probabilities(self, vectors: np.ndarray) -> np.ndarray:
        turns = np.where((vectors @ self.upright[0]) > 1 - 1e-5, 0, self.turns)
        return np.eye(4)[turns]

    def animal_scores(self, vectors: np.ndarray) -> np.ndarray:
        return np.ones(len(vectors))


def test_four_quarter_turns_are_none(rng: np.random.Generator) -> None:
    box = Box(0.1, 0.2, 0.4, 0.9)
    assert rotate_box(box, 1) == pytest.approx((0.2, 0.6, 0.9, 0.9))
    assert rotate_box(rotate_box(box, 3), 1) == pytest.approx(box)
    image = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8))
    assert rotate_image(image, 1).size == (4, 6)
    assert rotate_image(image, 4) is image
    assert rotate_image(image, 1).getpixel((0, 0)) == image.getpixel((5, 0))  # what was top right
