"""training/combine.py: members of one input become one checkpoint that answers with the mean of theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.checkpoint import LOCATOR_PREFIX, CheckpointHeader, read_header, save_checkpoint
from embedding.embedder import Embedder
from embedding.locator import Locator
from embedding.network import Network, NetworkConfig
from embedding.preprocessing import Preprocessing
from training.combine import BadEnsemble, combine


def member(path: Path, seed: int, *, width_px: int = 32, has_locator: bool = False) -> Path:
    torch.manual_seed(seed)
    network = Network(NetworkConfig("test_resnet", 8))
    weights = dict(network.state_dict())
    if has_locator:
        weights |= {LOCATOR_PREFIX + name: value for name, value in Locator().state_dict().items()}
    card = {"name": f"seed {seed}", "photos": 5}
    header = CheckpointHeader(network.config.to_dict(), Preprocessing(width_px, 32), card, has_locator)
    save_checkpoint(path, weights, header)
    return path


def test_an_ensemble_s_cosines_are_the_mean_of_its_members_(tmp_path: Path) -> None:
    """To the flip: an embedding is made of a photo and its mirror image, whose lengths differ by member."""
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    combine(paths, tmp_path / "both.safetensors", "both")
    pixels = np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3), np.uint8)
    pixels = np.concatenate([pixels, pixels[:, :, ::-1]], axis=2)  # their own mirror images
    pixels = np.ascontiguousarray(pixels[:, :, 16:48])
    apart = [Embedder.load(path).embed_pixels(pixels) for path in paths]
    together = Embedder.load(tmp_path / "both.safetensors").embed_pixels(pixels)
    mean = np.mean([vectors @ vectors.T for vectors in apart], axis=0)
    assert together.shape == (4, 16)
    assert np.allclose(together @ together.T, mean, atol=2e-3)


def test_the_card_keeps_the_members_and_the_first_s_locator_is_taken(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed, has_locator=True) for seed in (1, 2)]
    fingerprint = combine(paths, tmp_path / "both.safetensors", "both")
    header = read_header(tmp_path / "both.safetensors")
    assert header.card["name"] == "both"
    assert [one["name"] for one in header.card["members"]] == ["seed 1", "seed 2"]
    assert header.card["photos"] == 5
    found, first = Embedder.load(tmp_path / "both.safetensors"), Embedder.load(paths[0])
    assert found.fingerprint == fingerprint
    assert found.locator is not None
    assert first.locator is not None
    for name, value in first.locator.state_dict().items():
        assert torch.equal(found.locator.state_dict()[name], value)


def test_other_inputs_are_refused(tmp_path: Path) -> None:
    paths = [member(tmp_path / "a.safetensors", 1), member(tmp_path / "b.safetensors", 2, width_px=48)]
    with pytest.raises(BadEnsemble, match=r"b\.safetensors takes another input"):
        combine(paths, tmp_path / "both.safetensors", "both")
    assert not (tmp_path / "both.safetensors").exists()


def test_one_checkpoint_and_an_ensemble_are_refused(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    with pytest.raises(BadEnsemble, match="two or more"):
        combine(paths[:1], tmp_path / "both.safetensors", "both")
    combine(paths, tmp_path / "both.safetensors", "both")
    with pytest.raises(BadEnsemble, match="an ensemble already"):
        combine([paths[0], tmp_path / "both.safetensors"], tmp_path / "more.safetensors", "more")
