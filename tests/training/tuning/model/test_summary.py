"""training/tuning/model/summary.py: parameters, shapes and operations that can be counted by hand;
what members cost.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from embedding.checkpoint import CheckpointHeader, save_checkpoint
from embedding.embedder import Embedder
from embedding.networks.coordinate_regressor import REGRESSOR_BACKBONE
from embedding.networks.ensemble import Ensemble, GateConfig
from embedding.networks.locator import LOCATOR_PX, AnyLocator, EarlierLocator, Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing
from training.recipes.reading import read_recipe
from training.tuning.model.summary import checkpoint_model, recipe_model, summarise

SMALL = NetworkConfig(backbone="test_resnet", embedding_dim=16)
HALF = NetworkConfig(backbone="test_resnet", embedding_dim=8)


def embedder(network: Network | Ensemble, locator: AnyLocator | None = None) -> Embedder:
    return Embedder(network, Preprocessing(32, 32), "", locator=locator, device="cpu")


def test_the_locator_is_counted_as_by_hand() -> None:
    torch.manual_seed(0)
    told = summarise("small", embedder(Network(SMALL), EarlierLocator()), depth=2)
    locator = told.parts[-1]
    # Convolutions of 3 x 3 with stride 2 on 64 px, then two linear layers; two operations a
    # multiply-add.
    widths, sides = [3, 24, 48, 96, 128], [32, 16, 8, 4]
    convolved = sum(
        2 * 9 * a * b * s * s for a, b, s in zip(widths, widths[1:], sides, strict=False)
    )
    assert locator.gflops * 1e9 == pytest.approx(convolved + 2 * (128 * 16 * 128 + 128 * 4))
    assert locator.parameters == sum(9 * a * b + 2 * b for a, b in itertools.pairwise(widths)) + (
        128 * 16 * 128 + 128 + 128 * 4 + 4
    )
    first = next(layer for layer in locator.layers if layer.name == "features.0")
    assert (first.shape, first.parameters, first.kind) == ((24, 32, 32), 9 * 3 * 24, "Conv2d")
    assert first.gflops * 1e9 == pytest.approx(2 * 9 * 3 * 24 * 32 * 32)


def test_a_locator_is_told_of_as_what_it_is_made_of() -> None:
    locator = Locator()
    part = summarise("small", embedder(Network(SMALL), locator), depth=2).parts[-1]
    assert (part.backbone, part.width_px, part.parameters) == (
        REGRESSOR_BACKBONE,
        LOCATOR_PX,
        sum(value.numel() for value in locator.parameters()),
    )


def test_a_networks_parts_add_up_though_its_backbone_is_never_called_itself() -> None:
    torch.manual_seed(0)
    (part,) = summarise("small", embedder(Network(SMALL))).parts
    top = [layer for layer in part.layers if layer.depth == 0]
    assert [layer.name for layer in top] == ["backbone", "pool", "project", "neck"]
    assert sum(layer.parameters for layer in top) == part.parameters
    assert sum(layer.gflops for layer in top) == pytest.approx(part.gflops)
    backbone, project = top[0], top[2]
    assert backbone.gflops > 0.9 * part.gflops and len(backbone.shape) == 3
    assert project.gflops * 1e9 == 2 * backbone.shape[0] * 16
    assert max(layer.depth for layer in part.layers) == 2
    assert [
        layer.depth for layer in summarise("", embedder(Network(SMALL)), depth=1).parts[0].layers
    ] == [0] * 4


def test_a_photo_costs_both_its_sides_through_the_members_that_look() -> None:
    torch.manual_seed(0)
    gate = GateConfig({"fluke": (0.5, 0.5, 0.0), "head": (0.0, 0.0, 1.0)}, views=1)
    members = [Network(SMALL), Network(HALF), Network(SMALL)]
    told = summarise("three", embedder(Ensemble(members, sizes=[None, (16, 16), None], gate=gate)))
    one, two, three = (part.gflops for part in told.parts)
    assert two < 0.5 * one  # a quarter of the pixels
    assert [(cost.species, cost.members) for cost in told.costs] == [
        ("fluke", (1, 2)),
        ("head", (3,)),
    ]
    assert told.costs[0].gflops == pytest.approx(2 * (one + two))
    assert told.costs[1].gflops == pytest.approx(
        one + 2 * three
    )  # the first looks once, to say whose it is
    assert told.dimension == 40
    plain = summarise("two", embedder(Ensemble(members[:2])))
    assert [(cost.species, cost.members) for cost in plain.costs] == [("", (1, 2))]


def test_a_checkpoint_is_told_by_its_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network(SMALL)
    header = CheckpointHeader(network.config.to_dict(), Preprocessing(40, 24), {"name": "mine"})
    fingerprint = save_checkpoint(tmp_path / "a.safetensors", network.state_dict(), header)
    name, found = checkpoint_model(tmp_path / "a.safetensors", "cpu")
    told = summarise(name, found, (tmp_path / "a.safetensors").stat().st_size)
    assert (told.name, told.fingerprint) == ("mine", fingerprint)
    assert (told.parts[0].width_px, told.parts[0].height_px) == (40, 24)
    assert (
        told.file_bytes is not None and 0 < told.file_bytes - told.about_bytes < 30_000
    )  # the header


def test_a_recipe_is_what_it_would_train_and_needs_no_weights() -> None:
    recipe = read_recipe(
        "tiny", ["network.backbone=test_resnet", "network.weights=pretrained", "input.width_px=48"]
    )
    told = summarise("tiny", recipe_model(recipe, "cpu"))
    assert (told.preprocessing["width_px"], told.dimension, told.file_bytes) == (48, 32, None)
    with_locator = recipe_model(
        read_recipe("tiny", ["network.backbone=test_resnet", "locator.epochs=3"]), "cpu"
    )
    assert with_locator.locator is not None
