"""training/learning/first_weights.py: where a locator's first weights come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from embedding.checkpoint import (
    LOCATOR_PREFIX,
    CheckpointHeader,
    save_checkpoint,
)
from embedding.networks.backbone import BadNetwork
from embedding.networks.coordinate_regressor import REGRESSOR_BACKBONE, REGRESSOR_OPTIONS
from embedding.networks.locator import AnyLocator, EarlierLocator, Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing
from training.learning import first_weights
from training.learning.first_weights import start_locator


def same(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    other = right.state_dict()
    return all(torch.equal(value, other[name]) for name, value in left.state_dict().items())


def with_locator(path: Path, locator: AnyLocator | None) -> Path:
    network = Network(NetworkConfig("test_resnet", 8))
    weights = network.state_dict()
    if locator is not None:
        weights |= {LOCATOR_PREFIX + name: value for name, value in locator.state_dict().items()}
    header = CheckpointHeader(
        network.config.to_dict(), Preprocessing(32, 32), {"name": "x"}, locator is not None
    )
    save_checkpoint(path, weights, header)
    return path


def test_a_locator_begins_with_a_checkpoint_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    kept = Locator()
    path = with_locator(tmp_path / "c.safetensors", kept)
    kept = kept.half().float()
    assert same(start_locator(str(path)), kept)
    monkeypatch.setattr(first_weights, "DEFAULT_CHECKPOINT", path)
    assert same(start_locator("default"), kept)


def test_a_locator_begins_with_first_layers_that_are_in_a_file(tmp_path: Path) -> None:
    torch.manual_seed(4)
    whole = timm.create_model(REGRESSOR_BACKBONE, num_classes=7, **dict(REGRESSOR_OPTIONS))
    torch.save(whole.state_dict(), tmp_path / "imagenet.pth")
    found = start_locator(str(tmp_path / "imagenet.pth"))
    assert torch.equal(found.features[0].weight, whole.conv_stem.weight)
    assert not same(found.features, start_locator("random").features)


@pytest.mark.parametrize("locator", [None, EarlierLocator()])
def test_a_checkpoint_without_such_a_locator_is_refused(
    locator: AnyLocator | None, tmp_path: Path
) -> None:
    path = with_locator(tmp_path / "c.safetensors", locator)
    with pytest.raises(
        BadNetwork, match=r"^locator\.weights = .* has no such locator\. Allowed are"
    ):
        start_locator(str(path))


def test_a_locator_s_weights_that_do_not_fit_or_cannot_be_fetched_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "other.pth")
    with pytest.raises(
        BadNetwork, match=r"^locator\.weights = .*other\.pth does not fit mobilenetv2_100"
    ):
        start_locator(str(tmp_path / "other.pth"))

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(
        BadNetwork,
        match=r'^locator\.weights = .* could not be fetched\. Without network give "default"',
    ):
        start_locator("pretrained")


def test_a_locator_s_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadNetwork, match=r"^locator\.weights = .*absent\.pth.*no such file"):
        start_locator(str(tmp_path / "absent.pth"))
