"""`flukeprint train-detector`: a checkpoint gets a detector, and its graphs get it too."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    CheckpointHeader,
    fingerprint_of,
    read_detector,
    save_checkpoint,
)
from embedding.embedder import Embedder
from embedding.errors import FlukeprintError
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import from_array, save_jpeg
from embedding.photos.preprocessing import Preprocessing
from flukeprint import build_app


def invoke(*words: object) -> Any:
    result = CliRunner().invoke(build_app(), ["train-detector", *map(str, words)])
    if isinstance(result.exception, FlukeprintError):
        raise result.exception
    return result


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    config = NetworkConfig("test_resnet", embedding_dim=8)
    path = tmp_path / "small.safetensors"
    header = CheckpointHeader(config.to_dict(), Preprocessing(48, 32), {})
    save_checkpoint(path, Network(config).state_dict(), header)
    return path


@pytest.fixture
def scenes(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    """A label file with boxes, and the folder of its photos."""
    folder = tmp_path / "set" / "photos"
    folder.mkdir(parents=True)
    rows = [("image", "label", "box")]
    for number in range(4):
        pixels = rng.integers(0, 90, (60, 90, 3), dtype=np.uint8)
        pixels[20:40, 30:60] = 220
        save_jpeg(from_array(pixels), folder / f"{number}.jpg")
        rows.append((f"{number}.jpg", f"a{number}", "0.333 0.333 0.667 0.667"))
    with (tmp_path / "boxes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path / "boxes.csv", folder


def test_a_detector_is_trained_and_added(checkpoint: Path, scenes: tuple[Path, Path]) -> None:
    before, out = fingerprint_of(checkpoint), checkpoint.with_name("out.safetensors")
    told = ("--csv", scenes[0], "--photos", scenes[1], "--scenes", scenes[0])
    more = ("--scene-photos", scenes[1], "--others", scenes[1], "--steps", 2, "--batch", 2)
    done = invoke(*told, *more, "--checkpoint", checkpoint, "--out", out)
    assert done.exit_code == 0, done.output
    assert fingerprint_of(out) == before and before[:12] in done.stdout
    trained, shipped = read_detector(out), read_detector(DEFAULT_CHECKPOINT)
    assert trained is not None and shipped is not None
    assert trained[0] == {"seed": 0, "steps": 2}
    assert not np.array_equal(trained[1]["last.bias"], shipped[1]["last.bias"])
    np.testing.assert_array_equal(trained[1]["fine.0.weight"], shipped[1]["fine.0.weight"])
    assert not list(out.parent.glob("*.detector-state"))
    image = from_array(np.full((30, 40, 3), 90, np.uint8))
    assert isinstance(Embedder.load(out, device="cpu").find_animals([image])[0], tuple)


def test_without_steps_another_s_detector_is_taken(
    checkpoint: Path, scenes: tuple[Path, Path]
) -> None:
    done = invoke(
        "--photos", scenes[1], "--steps", 0, "--checkpoint", checkpoint, "--out", checkpoint
    )
    assert done.exit_code == 0, done.output
    taken, shipped = read_detector(checkpoint), read_detector(DEFAULT_CHECKPOINT)
    assert taken is not None and shipped is not None
    for name, value in shipped[1].items():
        np.testing.assert_array_equal(taken[1][name], value)


def test_what_cannot_be_begun_with_is_refused(checkpoint: Path, scenes: tuple[Path, Path]) -> None:
    told = ("--photos", scenes[1], "--checkpoint", checkpoint, "--out", checkpoint)
    with pytest.raises(FlukeprintError, match="has no detector to begin with"):
        invoke(*told, "--weights", checkpoint)
    with pytest.raises(FlukeprintError, match="must be SPECIES=left,top,right,bottom"):
        invoke(*told, "--box", "seal=1,2")
    assert read_detector(checkpoint) is None
