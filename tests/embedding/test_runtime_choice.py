"""embedding/runtime_choice.py: which library computes, and clear words where it can't be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embedding import runtime_choice
from embedding.checkpoint import CheckpointHeader, fingerprint_of, save_checkpoint
from embedding.embedder import Embedder
from embedding.graphs.files import BadGraphs, folder_of
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing
from embedding.runtime import BadRuntime

CONFIG = NetworkConfig("test_resnet", embedding_dim=8)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkpoint without graphs."""
    path = tmp_path / "bare.safetensors"
    header = CheckpointHeader(CONFIG.to_dict(), Preprocessing(32, 32), {})
    save_checkpoint(path, Network(CONFIG).state_dict(), header)
    return path


def test_a_checkpoint_without_graphs_is_computed_by_pytorch(bare: Path) -> None:
    assert Embedder.load(bare, device="cpu").runtime.name == "torch"


@pytest.mark.parametrize("choice", [{"runtime": "openvino"}, {"precision": "bf16"}])
def test_graphs_that_are_not_there_are_asked_for_in_vain(
    choice: dict[str, str], bare: Path
) -> None:
    with pytest.raises(BadGraphs, match=r"has no graphs .*`flukeprint export .*bare\.safetensors`"):
        Embedder.load(bare, **choice)  # pyright: ignore[reportArgumentType]


def test_where_pytorch_is_missing_the_extra_is_named(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("embedding.eager.eager_runtime", "embedding.eager.stored_networks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BadRuntime, match=r"torch isn't installed.*flukeprint\[torch\]"):
        Embedder.load(bare)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"runtime": "tpu"}, "runtime 'tpu'; allowed are auto, openvino, torch"),
        ({"precision": "int8"}, "precision 'int8'; allowed are float32, bf16"),
        ({"precision": "bf16", "runtime": "torch"}, "computes in float32 alone"),
        ({"runtime": "openvino", "device": "cuda"}, "computes on the processor alone"),
    ],
)
def test_choices_that_can_not_be_had_are_refused(
    choice: dict[str, str], said: str, bare: Path
) -> None:
    with pytest.raises(BadRuntime, match=said):
        Embedder.load(bare, **choice)  # pyright: ignore[reportArgumentType]


def test_a_gpu_takes_precedence_over_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(runtime_choice, "has_gpu", lambda: True)
    monkeypatch.setattr(runtime_choice, "_torch_has_gpu", lambda: True)
    monkeypatch.setattr(runtime_choice, "_graphs", lambda *_: asked.append("graphs"))
    monkeypatch.setattr(runtime_choice, "_eager", lambda *_: asked.append("eager"))
    path = runtime_choice.folder_of(Path("x"))
    from embedding.checkpoint import DEFAULT_CHECKPOINT, read_header

    header = read_header(DEFAULT_CHECKPOINT)
    for choice in (
        runtime_choice.RuntimeChoice(),
        runtime_choice.RuntimeChoice(device="cuda"),
        runtime_choice.RuntimeChoice(device="cpu"),
        runtime_choice.RuntimeChoice("openvino"),
        runtime_choice.RuntimeChoice("torch"),
    ):
        runtime_choice.load_runtime(DEFAULT_CHECKPOINT, header, "", choice)
    assert asked == ["eager", "eager", "graphs", "graphs", "eager"] and path.name == "x.graphs"


def test_precision_is_part_of_the_fingerprint(bare: Path) -> None:
    own, rounded = fingerprint_of(bare), fingerprint_of(bare, "bf16")
    assert own != rounded and own[:12] != rounded[:12] and len(rounded) == 64
    assert fingerprint_of(bare, "float32") == own


def test_the_graphs_of_a_checkpoint_lie_beside_it() -> None:
    assert folder_of(Path("a/whales.safetensors")) == Path("a/whales.graphs")
