"""`flukeprint export`: graphs beside the checkpoint, nothing where they differ, clear refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from embedding.checkpoint import CheckpointHeader, save_checkpoint
from embedding.embedder import Embedder
from embedding.errors import FlukeprintError
from embedding.exporting import export as exporting
from embedding.graphs.files import folder_of
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import from_array, save_jpeg
from embedding.photos.preprocessing import Preprocessing
from flukeprint import build_app
from training.commands.export import write_trained_graphs


def invoke(*words: object) -> Any:
    return CliRunner().invoke(build_app(), ["export", *map(str, words)])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small network that never learned anything, without graphs."""
    torch.manual_seed(3)
    config = NetworkConfig("test_resnet", embedding_dim=8)
    path = tmp_path / "small.safetensors"
    header = CheckpointHeader(config.to_dict(), Preprocessing(48, 32), {})
    save_checkpoint(path, Network(config).state_dict(), header)
    return path


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        pixels = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        save_jpeg(from_array(pixels), folder / f"{number}.jpg")
    return folder


def test_a_checkpoint_answers_through_the_graphs_that_are_written(
    checkpoint: Path, photos: Path
) -> None:
    image = from_array(np.full((30, 40, 3), 90, np.uint8))
    before = Embedder.load(checkpoint, device="cpu")
    assert before.runtime.name == "torch"
    done = invoke(checkpoint, "--photos", photos)
    assert done.exit_code == 0, done.output
    assert "least cosine to PyTorch 1.000000 on 3 pictures" in done.stdout
    after = Embedder.load(checkpoint, device="cpu")
    assert (after.runtime.name, after.fingerprint) == ("openvino", before.fingerprint)
    np.testing.assert_allclose(after.embed([image]), before.embed([image]), atol=1e-5)


def test_graphs_that_differ_are_not_written(
    checkpoint: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LEAST_COSINE", 1.1)
    done = invoke(checkpoint, "--photos", photos)
    assert isinstance(done.exception, FlukeprintError), done.output
    assert not folder_of(checkpoint).exists()
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == [
        "photos",
        "small.safetensors",
    ]


def test_weights_may_be_stored_twice_as_large(checkpoint: Path, tmp_path: Path) -> None:
    sizes: list[int] = []
    for kind in ("float16", "float32"):
        out = tmp_path / kind
        done = invoke(checkpoint, "--out", out, "--weights", kind)
        assert done.exit_code == 0, done.output
        sizes.append((out / "weights.bin").stat().st_size)
    assert 1.8 * sizes[0] < sizes[1] < 2.2 * sizes[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("absent.safetensors",), "there is no checkpoint at absent.safetensors"),
        (("--weights", "int8"), "--weights 'int8'; allowed are float16, float32"),
    ],
)
def test_what_can_not_be_exported_is_refused(words: tuple[str, ...], said: str) -> None:
    done = invoke(*words)
    assert isinstance(done.exception, FlukeprintError)
    assert said in str(done.exception)


def test_a_trained_checkpoint_gets_graphs_once_and_other_ones_are_replaced(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_trained_graphs(checkpoint)
    assert Embedder.load(checkpoint, device="cpu").runtime.name == "openvino"
    capsys.readouterr()
    write_trained_graphs(checkpoint)  # of a finished run that was asked to go on
    assert capsys.readouterr() == ("", "")
    config = NetworkConfig("test_resnet", embedding_dim=8)
    header = CheckpointHeader(config.to_dict(), Preprocessing(48, 32), {"name": "another"})
    save_checkpoint(checkpoint, Network(config).state_dict(), header)
    write_trained_graphs(checkpoint)
    assert Embedder.load(checkpoint, device="cpu").runtime.name == "openvino"


def test_graphs_that_can_not_be_written_cost_a_trained_checkpoint_nothing(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = folder_of(checkpoint)
    stale.mkdir()

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no such operator\nand a long story")

    monkeypatch.setattr(exporting, "export_graphs", refuse)
    write_trained_graphs(checkpoint)
    told = capsys.readouterr().err
    assert f"{checkpoint} is complete, but its graphs could not be written (no such oper" in told
    assert f"`flukeprint export {checkpoint}` tries again" in told
    assert Embedder.load(checkpoint, device="cpu").runtime.name == "torch"
