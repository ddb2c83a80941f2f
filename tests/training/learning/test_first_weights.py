"""training/learning/first_weights.py: first weights from timm, a file, a checkpoint, the shipped
default, or chance.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import timm
import torch
from safetensors.torch import save_file

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    BadCheckpoint,
    CheckpointHeader,
    load_weights,
    save_checkpoint,
)
from embedding.networks.backbone import BadNetwork
from embedding.networks.network import Network, NetworkConfig
from embedding.networks.pooling import CENTRES_FITTED, Vlad
from embedding.photos.preprocessing import Preprocessing
from training.ensembles.combine import combine
from training.learning import first_weights
from training.learning.first_weights import start_network
from training.recipes.choices import NetworkChoices
from training.recipes.reading import read_recipe


def choices(weights: str, **others: Any) -> NetworkChoices:
    return NetworkChoices(
        **{"backbone": "test_resnet", "embedding_dim": 8, "weights": weights, **others}
    )


def checkpoint(path: Path, backbone: str = "test_resnet", dim: int = 8) -> Network:
    """Save a network of seed 6 as a checkpoint; returns it with the file's rounding."""
    torch.manual_seed(6)
    network = Network(NetworkConfig(backbone, embedding_dim=dim))
    save_checkpoint(
        path,
        network.state_dict(),
        CheckpointHeader(network.config.to_dict(), Preprocessing(32, 32), {"name": "x"}),
    )
    return network.half().float()


def same(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    other = right.state_dict()
    return all(torch.equal(value, other[name]) for name, value in left.state_dict().items())


def test_random_weights_hang_on_the_seed() -> None:
    torch.manual_seed(1)
    first = start_network(choices("random"))
    torch.manual_seed(1)
    assert same(first, start_network(choices("random")))
    assert not same(first, start_network(choices("random")))


def test_pretrained_weights_are_asked_of_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    create, asked = timm.create_model, list[bool]()

    def recorded(name: str, *, pretrained: bool, **options: Any) -> Any:
        asked.append(pretrained)
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", recorded)
    start_network(choices("pretrained"))
    start_network(choices("random"))
    assert asked == [True, False]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_backbone_weights(suffix: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    weights = timm.create_model("test_resnet", num_classes=3).state_dict()
    path = tmp_path / f"w{suffix}"
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    loaded = start_network(choices(str(path))).backbone.state_dict()
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded)


def test_a_checkpoint_gives_all_its_weights(tmp_path: Path) -> None:
    saved = checkpoint(tmp_path / "c.safetensors")
    assert same(start_network(choices(str(tmp_path / "c.safetensors"))), saved)


def test_default_is_the_shipped_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = checkpoint(tmp_path / "shipped.safetensors")
    monkeypatch.setattr(first_weights, "DEFAULT_CHECKPOINT", tmp_path / "shipped.safetensors")
    assert same(start_network(choices("default")), saved)


def test_of_a_checkpoint_with_another_dimension_the_backbone_and_pooling_are_taken(
    tmp_path: Path,
) -> None:
    saved = checkpoint(tmp_path / "c.safetensors", dim=12)
    network = start_network(choices(str(tmp_path / "c.safetensors")))
    assert same(network.backbone, saved.backbone) and same(network.pool, saved.pool)
    assert network.dimension == 8 and network.project.weight.shape[0] == 8


def test_of_axes_chosen_for_two_looks_the_backbone_and_pooling_are_taken(tmp_path: Path) -> None:
    torch.manual_seed(6)
    saved = Network(NetworkConfig("test_resnet", 8, mirror_fusion="separate", odd_dims=3))
    path = tmp_path / "c.safetensors"
    header = CheckpointHeader(saved.config.to_dict(), Preprocessing(32, 32), {"name": "x"})
    save_checkpoint(path, saved.state_dict(), header)
    network = start_network(choices(str(path)))
    assert same(network.backbone, saved.half().float().backbone)
    assert not torch.equal(network.project.weight, saved.project.weight)  # pyright: ignore[reportArgumentType]


def test_a_checkpoint_of_another_backbone_is_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "c.safetensors", "test_efficientnet")
    with pytest.raises(
        BadNetwork, match=r"holds a test_efficientnet, the recipe wants test_resnet \(\d+ tensors"
    ):
        start_network(choices(str(tmp_path / "c.safetensors")))


def test_an_absent_file_is_refused_with_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        BadNetwork, match=r"no such file\. Allowed are \"pretrained\", \"default\", \"random\""
    ):
        start_network(choices("pretraind"))
    monkeypatch.setattr(first_weights, "DEFAULT_CHECKPOINT", tmp_path / "absent")
    with pytest.raises(BadNetwork, match=r'"default"'):
        start_network(choices("default"))


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "c.safetensors")
    data = (tmp_path / "c.safetensors").read_bytes()
    for length in (len(data) // 2, 100, 0):
        (tmp_path / "c.safetensors").write_bytes(data[:length])
        with pytest.raises((BadNetwork, BadCheckpoint), match=r"c\.safetensors"):
            start_network(choices(str(tmp_path / "c.safetensors")))


def test_dropout_is_the_recipe_s_and_no_part_of_the_checkpoint() -> None:
    network = start_network(choices("random", dropout=0.4))
    assert network.dropout.p == 0.4
    assert "dropout" not in network.config.to_dict()


def test_of_an_ensemble_the_member_of_the_recipe_s_backbone_is_taken(tmp_path: Path) -> None:
    other = checkpoint(tmp_path / "a.safetensors", "test_efficientnet")
    network = checkpoint(tmp_path / "b.safetensors")
    combine(
        [tmp_path / "a.safetensors", tmp_path / "b.safetensors"],
        tmp_path / "both.safetensors",
        "both",
    )
    assert same(start_network(choices(str(tmp_path / "both.safetensors"))), network)
    assert other.config.backbone != network.config.backbone


@pytest.mark.parametrize(
    ("clusters", "dim", "is_taken"), [(4, 8, True), (5, 8, False), (4, 6, False)]
)
def test_another_s_vlad_pooling_is_taken_whole_or_not_at_all(
    clusters: int, dim: int, is_taken: bool, tmp_path: Path
) -> None:
    torch.manual_seed(6)
    saved = Network(NetworkConfig("test_resnet", 8, "vlad", clusters=4, cell_dim=3))
    assert isinstance(saved.pool, Vlad)
    saved.pool.is_fitted.fill_(1.0)
    header = CheckpointHeader(saved.config.to_dict(), Preprocessing(32, 32), {"name": "x"})
    save_checkpoint(tmp_path / "vlad.safetensors", saved.state_dict(), header)
    wanted = choices(
        str(tmp_path / "vlad.safetensors"),
        pooling="vlad",
        clusters=clusters,
        cell_dim=3,
        embedding_dim=dim,
    )
    begun = start_network(wanted)
    assert isinstance(begun.pool, Vlad)
    assert bool(begun.pool.is_fitted) is is_taken  # else clusters are looked for
    assert same(begun.backbone, saved.half().float().backbone)


@pytest.mark.parametrize(("member", "fitted"), [(0, 0.0), (3, CENTRES_FITTED)])
def test_a_member_asked_for_keeps_its_centres_where_its_linear_layer_begins_anew(
    member: int, fitted: float
) -> None:
    """Heads that begin from the first member, flukes', look for their own: other photos have other
    places.
    """
    network = start_network(
        replace(read_recipe("right-whale").network, weights="default", member=member)
    )
    shipped = load_weights(DEFAULT_CHECKPOINT)
    taken = f"members.{max(member - 1, 0)}."
    assert isinstance(network.pool, Vlad)
    assert network.pool.is_fitted == fitted
    assert torch.equal(network.pool.centers, shipped[f"{taken}pool.centers"]) is bool(member)
    assert torch.equal(
        cast(Any, network.backbone).conv_stem.weight, shipped[f"{taken}backbone.conv_stem.weight"]
    )
    assert network.project.weight.shape != shipped[f"{taken}project.weight"].shape


def test_of_an_ensemble_the_member_asked_for_is_taken(tmp_path: Path) -> None:
    """Two members of one backbone, whose weights are those of seeds 6 and 7."""
    first = checkpoint(tmp_path / "first.safetensors")
    torch.manual_seed(7)
    other = Network(NetworkConfig("test_resnet", embedding_dim=8))
    header = CheckpointHeader(other.config.to_dict(), Preprocessing(32, 32), {"name": "y"})
    save_checkpoint(tmp_path / "second.safetensors", other.state_dict(), header)
    both = tmp_path / "both.safetensors"
    combine([tmp_path / "first.safetensors", tmp_path / "second.safetensors"], both, "both")
    assert same(first, start_network(choices(str(both))))
    assert same(first, start_network(choices(str(both), member=1)))
    assert same(other.half().float(), start_network(choices(str(both), member=2)))
    with pytest.raises(BadNetwork, match=r"network.member = 3, but .* has 2 members"):
        start_network(choices(str(both), member=3))
    assert same(first, start_network(choices(str(tmp_path / "first.safetensors"), member=2))), (
        "no ensemble"
    )


def test_a_whole_backbone_does_not_begin_from_one_that_stops_early() -> None:
    wanted = replace(read_recipe("multi-species").network, weights="default")
    with pytest.raises(
        BadNetwork,
        match=r"Give the recipe that backbone, which stops early \(network.stride = 16\)",
    ):
        start_network(wanted)


def test_the_recipe_for_kinds_starts_from_the_shipped_checkpoint() -> None:
    wanted = read_recipe("classify").network
    network = start_network(wanted)
    shipped = load_weights(DEFAULT_CHECKPOINT)
    own = network.backbone.state_dict()
    assert len(own) > 200
    for name, value in own.items():
        assert torch.equal(value, shipped[f"members.{wanted.member - 1}.backbone.{name}"]), name
