"""embedding/networks/mirror.py: two views added, or separate, whole or by chosen axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    CheckpointHeader,
    current_network_keys,
    read_header,
    save_checkpoint,
)
from embedding.embedder import Embedder
from embedding.explanation.regions import heat_maps
from embedding.networks.backbone import BadNetwork
from embedding.networks.config import Mirror
from embedding.networks.ensemble import Ensemble
from embedding.networks.mirror import fuse_views, fused_dim
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing


@pytest.fixture
def views() -> tuple[torch.Tensor, torch.Tensor]:
    """Two views (5, 4) of five photos, of unit length."""
    drawn = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(3))
    seen, mirrored = functional.normalize(drawn, dim=2)
    return seen, mirrored


def test_looks_kept_apart_compare_photos_with_photos_and_mirror_images_with_mirror_images(
    views: tuple[torch.Tensor, torch.Tensor],
) -> None:
    seen, mirrored = views
    together = fuse_views(seen, mirrored, "separate", None)
    assert together.shape == (5, fused_dim(4, "separate", None)) == (5, 8)
    torch.testing.assert_close(together @ together.T, 2 * (seen @ seen.T + mirrored @ mirrored.T))
    # The sum alone counts photos with mirror images as well.
    added = fuse_views(seen, mirrored, "sum", None)
    crossed = seen @ mirrored.T + mirrored @ seen.T
    torch.testing.assert_close(added @ added.T, seen @ seen.T + mirrored @ mirrored.T + crossed)


def test_added_looks_are_the_mirror_image_s_too_and_those_kept_apart_are_not(
    views: tuple[torch.Tensor, torch.Tensor],
) -> None:
    seen, mirrored = views
    assert torch.equal(
        fuse_views(seen, mirrored, "sum", None), fuse_views(mirrored, seen, "sum", None)
    )
    one, other = (
        fuse_views(seen, mirrored, "separate", None),
        fuse_views(mirrored, seen, "separate", None),
    )
    torch.testing.assert_close(one[:, :4], other[:, :4])  # the even half
    torch.testing.assert_close(one[:, 4:], -other[:, 4:])  # the odd half


@pytest.mark.parametrize("odd_dims", [0, 1, 4])
def test_chosen_axes_are_even_first_and_odd_last(
    views: tuple[torch.Tensor, torch.Tensor], odd_dims: int
) -> None:
    seen, mirrored = views
    together = fuse_views(seen, mirrored, "separate", odd_dims)
    even = 4 - odd_dims
    assert together.shape == (5, fused_dim(4, "separate", odd_dims)) == (5, 4)
    torch.testing.assert_close(together[:, :even], (seen + mirrored)[:, :even])
    torch.testing.assert_close(together[:, even:], (seen - mirrored)[:, even:])


def network_of(seed: int, *, mirror: Mirror = "horizontal", odd_dims: int | None = None) -> Network:
    torch.manual_seed(seed)
    config = NetworkConfig(
        "test_resnet", 8, mirror=mirror, mirror_fusion="separate", odd_dims=odd_dims
    )
    network = Network(config).eval()
    torch.nn.init.normal_(network.neck.bias)  # pyright: ignore[reportArgumentType]
    return network


def test_a_network_s_embeddings_keep_them_apart() -> None:
    network = network_of(1)
    images = torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        both = network.both_views(images)
        straight, mirrored = network(images), network(images.flip(3))
    assert (network.view_dim, network.dimension) == (8, 16) == (straight.shape[1], both.shape[1])
    apart = 2 * (straight @ straight.T + mirrored @ mirrored.T)
    torch.testing.assert_close(both @ both.T, apart, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("odd_dims", [None, 3])
def test_an_ensemble_s_parts_and_its_heat_keep_them_apart_too(odd_dims: int | None) -> None:
    members = [
        network_of(1, odd_dims=odd_dims),
        network_of(2, mirror="vertical", odd_dims=odd_dims),
    ]
    ensemble = Ensemble(members).eval()
    width = 16 if odd_dims is None else 8
    assert ensemble.dimension == 2 * width
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        parts = ensemble.both_views(images).split(width, dim=1)
        for member, part in zip(members, parts, strict=True):
            straight, mirrored = (
                functional.normalize(view) for view in (member(images), member.mirrored(images))
            )
            torch.testing.assert_close(
                part, member.fused(straight, mirrored) / 2**0.5, rtol=1e-4, atol=1e-5
            )
        assert ensemble(images).shape == (2, 16)
    for network in (*members, ensemble):
        embedder = Embedder(network, Preprocessing(96, 64), "", device="cpu")
        pixels = (
            torch.randint(0, 256, (2, 64, 96, 3), generator=torch.Generator().manual_seed(6))
            .byte()
            .numpy()
        )
        one, other = embedder.embed_pixels(pixels).astype(float)
        heat = heat_maps(embedder, *pixels)
        assert len(one) == embedder.dimension == network.dimension
        assert heat.query.sum() == pytest.approx(one @ other, abs=1e-5)
        assert heat.reference.sum() == pytest.approx(one @ other, abs=1e-5)


def test_earlier_checkpoints_say_sides() -> None:
    assert current_network_keys({"backbone": "x", "sides": "apart"}) == {
        "backbone": "x",
        "mirror_fusion": "separate",
    }
    members = {"members": [{"sides": "added"}, {"odd_dims": 3}]}
    assert current_network_keys(members) == {"members": [{"mirror_fusion": "sum"}, {"odd_dims": 3}]}


def test_a_checkpoint_whose_header_says_sides_gives_the_same_embeddings(tmp_path: Path) -> None:
    network = network_of(1, odd_dims=3)
    earlier = network.config.to_dict()
    assert earlier.pop("mirror_fusion") == "separate"
    paths = [tmp_path / "earlier.safetensors", tmp_path / "now.safetensors"]
    for path, described in zip(
        paths, ({**earlier, "sides": "apart"}, network.config.to_dict()), strict=True
    ):
        header = CheckpointHeader(described, Preprocessing(96, 64), {})
        save_checkpoint(path, network.state_dict(), header)
    assert b"sides" in paths[0].read_bytes()[:4000]
    assert [NetworkConfig.from_dict(read_header(path).network) for path in paths] == [
        network.config
    ] * 2
    pixels = np.full((1, 64, 96, 3), 40, np.uint8)
    one, other = (Embedder.load(path, device="cpu").embed_pixels(pixels) for path in paths)
    assert np.array_equal(one, other)


def test_the_shipped_checkpoint_is_read_by_today_s_keys() -> None:
    members = read_header(DEFAULT_CHECKPOINT).network["members"]
    assert "separate" in [member.get("mirror_fusion") for member in members]
    assert not any("sides" in member for member in members)


def test_a_description_says_how_looks_are_joined_only_where_it_is_not_as_ever() -> None:
    assert not {"mirror_fusion", "odd_dims"} & set(NetworkConfig("test_resnet", 8).to_dict())
    config = NetworkConfig("test_resnet", 8, mirror_fusion="separate", odd_dims=3)
    assert NetworkConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            NetworkConfig("test_resnet", 8, mirror_fusion="separate", odd_dims=9),
            'odd_dims 9 with mirror_fusion "separate"; allowed are 0 to 8',
        ),
        (NetworkConfig("test_resnet", 8, mirror_fusion="separate", odd_dims=2.5), "odd_dims 2.5"),  # pyright: ignore[reportArgumentType]
        (NetworkConfig("test_resnet", 8, mirror_fusion="separate", odd_dims="3"), "odd_dims '3'"),  # pyright: ignore[reportArgumentType]
        (NetworkConfig("test_resnet", 8, odd_dims=2), 'odd_dims 2 with mirror_fusion "sum"'),
        (
            NetworkConfig("test_resnet", 8, mirror_fusion="beside"),
            "mirror_fusion 'beside'; allowed are",
        ),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_can_t_be_joined_is_refused(config: NetworkConfig, said: str) -> None:
    with pytest.raises(BadNetwork, match=said):
        Network(config)
