"""The detector: its cells, its place in a checkpoint, and its graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.checkpoint import (
    BadCheckpoint,
    CheckpointHeader,
    fingerprint_of,
    load_weights,
    read_detector,
    save_checkpoint,
    with_detector,
    with_screening,
)
from embedding.eager.stored_networks import load_detector
from embedding.embedder import Embedder
from embedding.exporting.export import export_detector, export_graphs
from embedding.graphs.files import folder_of
from embedding.networks.detection.detector import (
    CELLS,
    DETECTOR_PX,
    Detector,
    cell_middles,
    weights_of,
)
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Image, from_array
from embedding.photos.preprocessing import Preprocessing

CONFIG = NetworkConfig("test_resnet", embedding_dim=8)


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.manual_seed(5)
    detector = Detector().eval()
    torch.nn.init.normal_(detector.last.weight, std=0.3)
    return detector


@pytest.fixture
def images(rng: np.random.Generator) -> list[Image]:
    return [from_array(rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)) for _ in range(3)]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    network = Network(CONFIG)
    header = CheckpointHeader(CONFIG.to_dict(), Preprocessing(32, 32), {"name": "tiny"})
    save_checkpoint(tmp_path / "c.safetensors", network.state_dict(), header)
    return tmp_path / "c.safetensors"


def test_each_cell_has_a_score_and_a_box_in_the_photo(detector: Detector) -> None:
    cells = detector(torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(0)))
    assert cells.shape == (2, CELLS**2, 5)
    assert bool(((cells >= 0) & (cells <= 1)).all())
    _, boxes = detector.logits_and_boxes(torch.zeros(1, 3, DETECTOR_PX, DETECTOR_PX))
    middles = cell_middles()
    assert middles[CELLS + 2].tolist() == pytest.approx([2.5 / CELLS, 1.5 / CELLS])
    assert bool((boxes[0, :, :2] < middles).all()) and bool((boxes[0, :, 2:] > middles).all())


def test_it_comes_back_from_a_checkpoint_and_changes_no_fingerprint(
    checkpoint: Path, detector: Detector, images: list[Image]
) -> None:
    path = checkpoint.with_name("d.safetensors")
    path.write_bytes(with_detector(checkpoint, {"steps": 3}, weights_of(detector)))
    loaded = load_detector(path)
    assert loaded is not None and load_detector(checkpoint) is None
    for name, value in weights_of(loaded).items():
        np.testing.assert_array_equal(value, weights_of(detector)[name].astype(np.float16))
    assert fingerprint_of(path) == fingerprint_of(checkpoint)
    assert load_weights(path).keys() == load_weights(checkpoint).keys()
    before, after = (Embedder.load(one, device="cpu") for one in (checkpoint, path))
    np.testing.assert_array_equal(before.embed(images), after.embed(images))


def test_a_screening_head_and_a_detector_stay_when_the_other_is_added_again(
    checkpoint: Path, detector: Detector
) -> None:
    path = checkpoint.with_name("d.safetensors")
    head = {"animal.0.weight": np.ones((1, 8), np.float32)}
    path.write_bytes(with_screening(checkpoint, {"a": 1}, head))
    path.write_bytes(with_detector(path, {"steps": 1}, weights_of(detector)))
    once = path.read_bytes()
    path.write_bytes(with_screening(path, {"a": 1}, head))
    path.write_bytes(with_detector(path, {"steps": 1}, weights_of(detector)))
    assert path.read_bytes() == once and fingerprint_of(path) == fingerprint_of(checkpoint)
    read = read_detector(path)
    assert read is not None and read[0] == {"steps": 1}


def test_numbers_that_fp16_cannot_hold_are_refused(checkpoint: Path) -> None:
    with pytest.raises(BadCheckpoint, match="can't be stored as fp16"):
        with_detector(checkpoint, {}, {"last.bias": np.float32([1e6])})


def test_a_detector_that_is_none_is_named(checkpoint: Path) -> None:
    path = checkpoint.with_name("d.safetensors")
    path.write_bytes(with_detector(checkpoint, {}, {"last.bias": np.zeros(5, np.float32)}))
    with pytest.raises(BadCheckpoint, match="don't fit"):
        load_detector(path)


def test_its_graph_answers_as_pytorch_and_leaves_the_members_as_they_are(
    checkpoint: Path, detector: Detector, images: list[Image]
) -> None:
    assert not export_detector(checkpoint, images)  # there are no graphs to add it to
    export_graphs(checkpoint, images)
    folder = folder_of(checkpoint)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    plain = Embedder.load(checkpoint, runtime="openvino")
    assert plain.runtime.detector_px is None
    assert [[one.score for one in own] for own in plain.find_animals(images)] == [[1.0]] * 3

    checkpoint.write_bytes(with_detector(checkpoint, {}, weights_of(detector)))
    assert export_detector(checkpoint, images)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {
        "detector.onnx",
        "detector.bin",
        "graphs.json",
    }
    told = json.loads(after["graphs.json"])
    assert (told["detector"], told["detector_px"]) == ("detector.onnx", DETECTOR_PX)
    graphs, eager = (Embedder.load(checkpoint, runtime=name) for name in ("openvino", "torch"))
    pixels = np.random.default_rng(1).integers(0, 256, (2, DETECTOR_PX, DETECTOR_PX, 3), np.uint8)
    np.testing.assert_allclose(graphs.runtime.cells(pixels), eager.runtime.cells(pixels), atol=1e-4)
