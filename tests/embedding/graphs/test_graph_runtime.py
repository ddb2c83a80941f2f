"""embedding/graphs/graph_runtime.py: graphs answer as PyTorch does, whatever the number of
photos.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of
from embedding.embedder import Embedder
from embedding.explanation.regions import heat_maps
from embedding.graphs.graph_runtime import GraphRuntime
from embedding.photos.photo import Image, from_array
from embedding.runtime import BadRuntime


@pytest.fixture(scope="session")
def pair(exported_once: Path) -> tuple[Embedder, Embedder]:
    """The same checkpoint through its graphs and through PyTorch."""
    graphs = Embedder.load(exported_once, device="cpu")
    eager = Embedder.load(exported_once, device="cpu", runtime="torch")
    assert (graphs.runtime.name, eager.runtime.name) == ("openvino", "torch")
    return graphs, eager


@pytest.mark.parametrize("count", [1, 3, 16])
def test_embeddings_are_pytorch_s_whatever_the_number_of_photos(
    count: int, pair: tuple[Embedder, Embedder], pixels: np.ndarray
) -> None:
    graphs, eager = pair
    vectors = graphs.embed_pixels(pixels[:count])
    assert vectors.shape == (count, graphs.dimension) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, eager.embed_pixels(pixels[:count]), atol=2e-5)
    for part in graphs.parts:  # every member has its share
        assert (np.linalg.norm(vectors[:, part], axis=1) > 0.1).all()


def test_each_member_has_the_same_columns(pair: tuple[Embedder, Embedder]) -> None:
    graphs, eager = pair
    assert graphs.parts == eager.parts == (slice(0, 8), slice(8, 16), slice(16, 28))
    assert graphs.dimension == eager.dimension == 28


def test_boxes_are_pytorch_s(pair: tuple[Embedder, Embedder], rng: np.random.Generator) -> None:
    photos: list[Image] = [
        from_array(rng.integers(0, 256, (60 + at, 80, 3), dtype=np.uint8)) for at in range(5)
    ]
    graphs, eager = pair
    assert graphs.has_locator
    np.testing.assert_allclose(graphs.find_boxes(photos), eager.find_boxes(photos), atol=1e-5)
    assert graphs.find_boxes([]) == []


def test_heat_is_pytorch_s(pair: tuple[Embedder, Embedder], pixels: np.ndarray) -> None:
    graphs = pair[0]
    assert graphs.has_heat
    found, expected = (heat_maps(each, pixels[0], pixels[1]) for each in pair)
    np.testing.assert_allclose(found.query, expected.query, atol=1e-5)
    np.testing.assert_allclose(found.reference, expected.reference, atol=1e-5)
    one, other = graphs.embed_pixels(pixels[:2]).astype(float)
    assert found.distance == pytest.approx(1 - one @ other, abs=1e-5)
    assert found.distance == pytest.approx(expected.distance, abs=1e-5)


def test_a_member_without_a_share_is_not_computed(exported: Path, pixels: np.ndarray) -> None:
    graphs = Embedder.load(exported, device="cpu")
    runtime = graphs.runtime
    assert isinstance(runtime, GraphRuntime)
    runtime._tensors["gate.bias"] = np.array([30.0, 0.0], np.float32)
    vectors = graphs.embed_pixels(pixels[:2])
    assert sorted(runtime._compiled) == ["member-1.onnx", "member-2.onnx"]
    assert (vectors[:, graphs.parts[2]] == 0).all()


def test_the_network_of_pytorch_is_not_to_be_had_of_graphs(pair: tuple[Embedder, Embedder]) -> None:
    with pytest.raises(BadRuntime, match='load it with runtime "torch"'):
        _ = pair[0].network


def test_the_shipped_graphs_answer_as_pytorch(rng: np.random.Generator) -> None:
    """Every member of the default, whichever species the drawn photos look like."""
    graphs = Embedder.load(device="cpu")
    eager = Embedder.load(device="cpu", runtime="torch")
    assert graphs.runtime.name == "openvino"
    assert graphs.fingerprint == eager.fingerprint == fingerprint_of(DEFAULT_CHECKPOINT)
    coarse = rng.integers(0, 256, (3, 10, 14, 3), dtype=np.uint8)
    pixels = coarse.repeat(16, axis=1).repeat(16, axis=2)
    equal = np.zeros(3, np.float32)  # as like one species as another
    graphs.runtime._tensors["gate.weight"] *= 0  # pyright: ignore[reportAttributeAccessIssue]
    graphs.runtime._tensors["gate.bias"] = equal  # pyright: ignore[reportAttributeAccessIssue]
    eager.network.gate.weight.zero_()
    eager.network.gate.bias.zero_()
    found, expected = graphs.embed_pixels(pixels), eager.embed_pixels(pixels)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    for part in graphs.parts:
        assert (np.linalg.norm(found[:, part], axis=1) > 0.1).all()
    assert ((found.astype(float) * expected).sum(1) > 0.99999).all()
