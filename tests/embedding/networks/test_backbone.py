"""embedding/networks/backbone.py: timm behind its door, and weights that fit or are refused."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from embedding.networks.backbone import BadNetwork, load_backbone_weights, thin_strides
from embedding.networks.network import Network, NetworkConfig
from tests.embedding.networks.conftest import TINY


def backbone_weights(
    seed: int, name: str = "test_resnet", classes: int = 10
) -> dict[str, torch.Tensor]:
    """A timm state dict, classifier and all, as a user has one lying about."""
    torch.manual_seed(seed)
    return timm.create_model(name, num_classes=classes).state_dict()


def test_pretrained_weights_are_left_to_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    create = timm.create_model

    def recorded(name: str, **options: Any) -> Any:
        asked.append({"name": name, **options})
        return create(name, **{**options, "pretrained": False})

    monkeypatch.setattr(timm, "create_model", recorded)
    Network(TINY, pretrained=True, drop_path=0.2)
    Network(TINY)
    assert asked == [
        {"name": "test_resnet", "pretrained": True, "num_classes": 0, "drop_path_rate": 0.2},
        {"name": "test_resnet", "pretrained": False, "num_classes": 0},
    ]


def test_without_network_the_error_says_what_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> Any:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        BadNetwork, match=r"no route to host.*weights = \"default\".*local file, or \"random\""
    ):
        Network(TINY, pretrained=True)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_dict_is_loaded_without_its_classifier(suffix: str, tmp_path: Path) -> None:
    weights, path = backbone_weights(7), tmp_path / f"weights{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    network = Network(TINY)
    load_backbone_weights(network.backbone, "test_resnet", path)
    loaded = network.backbone.state_dict()
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded)
    assert {"fc.weight", "fc.bias"} == set(weights) - set(loaded)


def test_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    save_file(backbone_weights(1, "test_efficientnet"), tmp_path / "other.safetensors")
    with pytest.raises(BadNetwork, match=r"does not fit test_resnet: \d+ tensors missing"):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / "other.safetensors")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    weights = backbone_weights(1)
    first = next(name for name in weights if weights[name].ndim == 4)
    weights[first] = weights[first][:-1].clone()
    torch.save(weights, tmp_path / "cut.pth")
    with pytest.raises(
        BadNetwork, match=f"0 tensors missing, 1 of another shape; the first is {first}"
    ):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / "cut.pth")


class Malice:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Malice(tmp_path / "ran")}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Malice(tmp_path / "ran")))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(BadNetwork, match="can't be read as weights"):
            load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [1, 2], {"state_dict": {"a": torch.zeros(1)}}, {"conv1.weight": 3}]
)
def test_a_file_that_is_no_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(BadNetwork, match=r"can't be read as weights|does not fit"):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / "odd.pth")


@pytest.mark.parametrize("name", ["text.pth", "text.safetensors", "absent.pth"])
def test_a_file_that_holds_no_weights_is_refused(name: str, tmp_path: Path) -> None:
    if name.startswith("text"):
        (tmp_path / name).write_text("not weights")
    with pytest.raises(BadNetwork, match="can't be read as weights"):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / name)


@pytest.mark.parametrize(
    ("backbone", "options"),
    [("mobilenetv2_100", {"pad_type": "same"}), ("mobilenetv3_small_050", {})],
)
def test_thinned_strides_compute_the_same_numbers(backbone: str, options: dict[str, str]) -> None:
    torch.manual_seed(1)
    network = Network(NetworkConfig(backbone, 8, backbone_options=tuple(options.items()))).eval()
    thinned = copy.deepcopy(network)
    images = torch.randn(2, 3, 64, 51)
    assert thin_strides(thinned) == 4
    assert torch.allclose(thinned(images), network(images), atol=1e-5)
    assert list(thinned.state_dict()) == list(network.state_dict())


def test_a_copy_of_a_thinned_network_has_its_own_weights() -> None:
    network = Network(NetworkConfig("mobilenetv3_small_050", 8)).eval()
    thin_strides(network)
    images = torch.randn(1, 3, 64, 64)
    copied, before = copy.deepcopy(network), network(images)
    with torch.no_grad():
        for weight in network.backbone.parameters():
            weight.zero_()
    assert torch.equal(copied(images), before)
