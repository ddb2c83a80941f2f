"""A small checkpoint with everything that a graph may hold, and its graphs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.checkpoint import LOCATOR_PREFIX, CheckpointHeader, save_checkpoint
from embedding.exporting.export import export_graphs
from embedding.graphs.files import folder_of
from embedding.networks.ensemble import network_of
from embedding.networks.locator import Locator
from embedding.photos.photo import from_array
from embedding.photos.preprocessing import Preprocessing

INPUT = Preprocessing(96, 64, crop="box", box_margin=0.0)
MEMBERS = [
    {
        "backbone": "test_resnet",
        "embedding_dim": 8,
        "pooling": "vlad",
        "stride": 16,
        "clusters": 4,
        "cell_dim": 6,
        "mirror_fusion": "separate",
        "odd_dims": 3,
        "input_px": [64, 48],
    },
    {"backbone": "test_resnet", "embedding_dim": 8, "mirror": "vertical"},
    {
        "backbone": "test_resnet",
        "embedding_dim": 6,
        "pooling": "average",
        "aligned_px": [96, 64],
        "mirror_fusion": "separate",
    },
]
GATE = {"looks": 1, "shares": {"one": [0.5, 0.5, 0.0], "other": [0.0, 0.0, 1.0]}}


@pytest.fixture(scope="session")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of an untrained ensemble, with its graphs beside it."""
    torch.manual_seed(11)
    described = {"members": MEMBERS, "gate": GATE}
    network, locator = network_of(described), Locator()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
    weights = dict(network.state_dict())
    # Both species at once: every member has a share of every photo.
    weights["gate.weight"] = torch.randn_like(weights["gate.weight"]) * 0.1
    weights |= {LOCATOR_PREFIX + name: value for name, value in locator.state_dict().items()}
    path = tmp_path_factory.mktemp("exported") / "small.safetensors"
    save_checkpoint(path, weights, CheckpointHeader(described, INPUT, {}, has_locator=True))
    rng = np.random.default_rng(5)
    photos = [from_array(rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)) for _ in range(3)]
    done = export_graphs(path, photos)
    assert done.least_cosine > 0.99999 and done.folder == folder_of(path)
    return path


@pytest.fixture
def exported(exported_once: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint and its graphs that the test may damage."""
    path = tmp_path / exported_once.name
    shutil.copy(exported_once, path)
    shutil.copytree(folder_of(exported_once), folder_of(path))
    return path


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    """Sixteen photos as the preprocessing makes them."""
    coarse = rng.integers(0, 256, (16, 8, 12, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)
