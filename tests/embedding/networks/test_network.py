"""embedding/networks/network.py: GeM against its formula, timm behind its door, and weights that
fit or are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from embedding.networks.backbone import BadNetwork
from embedding.networks.config import Mirror
from embedding.networks.network import Network, NetworkConfig
from tests.embedding.networks.conftest import TINY


def test_embeddings_have_the_dimension_asked_for() -> None:
    network = Network(TINY).eval()
    assert network(torch.zeros(3, 3, 32, 48)).shape == (3, 8)
    assert network.dimension == 8


def test_no_dimension_leaves_the_pooled_features_as_they_are(rng: np.random.Generator) -> None:
    network = Network(NetworkConfig("test_resnet", embedding_dim=0, pooling="average")).eval()
    images = torch.from_numpy(rng.random((2, 3, 64, 64)).astype(np.float32))
    with torch.no_grad():
        maps = network.feature_maps(images)
        assert network.dimension == maps.shape[1]
        torch.testing.assert_close(network(images), maps.mean((2, 3)))


def test_building_a_network_leaves_its_batch_statistics_untouched() -> None:
    means = [
        value for name, value in Network(TINY).state_dict().items() if name.endswith("running_mean")
    ]
    assert len(means) > 5 and all(not value.any() for value in means)


def test_the_description_survives_its_dictionary() -> None:
    config = NetworkConfig("resnet10t", 64, "average", (("output_stride", 16),))
    assert NetworkConfig.from_dict(config.to_dict()) == config
    with pytest.raises(
        BadNetwork, match=r"\['throat'\]; known are \['aligned_px', 'backbone', 'backbone_options'"
    ):
        NetworkConfig.from_dict({**config.to_dict(), "throat": "long"})


def test_an_unknown_backbone_is_refused_with_those_near_it() -> None:
    with pytest.raises(BadNetwork, match=r"no backbone 'resnet10x'; near it are .*resnet10t"):
        Network(NetworkConfig("resnet10x"))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (NetworkConfig("test_resnet", pooling="max"), "pooling 'max'; allowed are"),  # type: ignore[arg-type]
        (
            NetworkConfig("test_resnet", backbone_options=(("colour", 1),)),
            "could not build test_resnet with",
        ),
        (
            NetworkConfig("test_resnet", backbone_options=(("output_stride", 7),)),
            "could not build test_resnet with",
        ),
        (NetworkConfig("test_resnet", stages=3), r"stages 3; allowed are \[1, 2\]"),
        (NetworkConfig("test_resnet", mirror="diagonal"), "mirror 'diagonal'; allowed are"),  # type: ignore[arg-type]
        (
            NetworkConfig("test_resnet", stride=5),
            r"stride 5; those of test_resnet are \[2, 4, 8, 16, 32\], or 0",
        ),
        (NetworkConfig("test_resnet", stride=8, stages=2), "stride 8 with stages 2"),
        (
            NetworkConfig("test_resnet", pooling="vlad", branches="left_right"),
            "vlad.* takes one whole map",
        ),
        (
            NetworkConfig("test_resnet", pooling="vlad", embedding_dim=0),
            "vlad.* and an embedding_dim",
        ),
        (
            NetworkConfig("test_vit"),
            r"maps of shape \(1, 17, 64\); a convolutional one gives 4 axes",
        ),
        (NetworkConfig("vit_tiny_patch16_224"), "takes no image of 64 x 64 px"),
    ],
)
def test_a_backbone_that_cannot_serve_is_refused(config: NetworkConfig, said: str) -> None:
    with pytest.raises(BadNetwork, match=said):
        Network(config)


@pytest.mark.parametrize(
    ("stages", "branches", "width"),
    [
        (1, "whole", 96),
        (2, "whole", 96 + 192),
        (1, "upper_lower", 3 * 96),
        (2, "left_right", 3 * (96 + 192)),
    ],
)
def test_stages_and_branches_are_pooled_side_by_side(
    stages: int, branches: Any, width: int
) -> None:
    network = Network(NetworkConfig("test_resnet", 0, stages=stages, branches=branches)).eval()
    assert network.dimension == width
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, width)
    assert NetworkConfig.from_dict(network.config.to_dict()) == network.config


def test_a_half_sees_its_half_alone() -> None:
    network = Network(
        NetworkConfig("test_resnet", 0, pooling="average", branches="left_right")
    ).eval()
    maps = torch.zeros(1, 96, 4, 5)
    maps[..., :2] = 1.0
    network.feature_maps = lambda images: maps  # pyright: ignore[reportAttributeAccessIssue]
    whole, left, right = network(torch.zeros(1, 3, 8, 8)).split(96, dim=1)
    # Five columns: the middle one belongs to both halves.
    assert [float(part.mean()) for part in (whole, left, right)] == pytest.approx([2 / 5, 2 / 3, 0])


@pytest.mark.parametrize(
    ("wrong", "said"), [({"stages": 3}, "stages 3"), ({"branches": "x"}, "branches 'x'")]
)
def test_other_stages_and_branches_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadNetwork, match=said):
        Network(NetworkConfig("test_resnet", 8, **wrong))


def test_without_a_neck_the_embedding_is_the_projection() -> None:
    network = Network(NetworkConfig("test_resnet", 8, neck=False)).eval()
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(network(images), network.project(network.pool(network.feature_maps(images))))
    assert not any(name.startswith("neck") for name in network.state_dict())


def test_a_stride_stops_the_backbone_where_its_maps_are_that_much_smaller() -> None:
    torch.manual_seed(6)
    whole = Network(NetworkConfig("mobilenetv3_small_050", 8)).eval()
    cut = Network(NetworkConfig("mobilenetv3_small_050", 8, stride=8)).eval()
    images = torch.randn(1, 3, 64, 96)
    assert whole.feature_maps(images).shape[2:] == (2, 3)
    assert cut.feature_maps(images).shape[2:] == (8, 12)
    sizes = [sum(p.numel() for p in one.backbone.parameters()) for one in (whole, cut)]
    assert sizes[1] < sizes[0] / 10
    shared = cut.backbone.state_dict().keys() & whole.backbone.state_dict().keys()
    assert (
        shared == cut.backbone.state_dict().keys()
    )  # by the same names, so that a whole one's weights fit
    # What the whole one computes on its way is what the cut one ends with.
    cut.backbone.load_state_dict({name: whole.backbone.state_dict()[name] for name in shared})
    between = whole.backbone.forward_intermediates(
        images, indices=[cut.stage], intermediates_only=True
    )[0]
    torch.testing.assert_close(cut.feature_maps(images), between)


@pytest.mark.parametrize(("mirror", "axis"), [("horizontal", 3), ("vertical", 2)])
def test_both_sides_are_the_image_s_and_its_mirror_image_s(mirror: Mirror, axis: int) -> None:
    network, images = (
        Network(NetworkConfig("test_resnet", 8, mirror=mirror)).eval(),
        torch.randn(2, 3, 64, 96),
    )
    with torch.no_grad():
        torch.testing.assert_close(
            network.both_views(images), network(images) + network(images.flip(axis))
        )
