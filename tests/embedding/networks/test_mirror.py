"""embedding/networks/mirror.py: two looks added, or kept apart, whole or by chosen axes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from embedding.embedder import Embedder
from embedding.explanation.regions import heat_maps
from embedding.networks.backbone import BadNetwork
from embedding.networks.ensemble import Ensemble
from embedding.networks.mirror import Mirror, embedded_dim, join_sides
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing


@pytest.fixture
def looks() -> tuple[torch.Tensor, torch.Tensor]:
    """Two looks (5, 4) at five photos, of unit length."""
    drawn = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(3))
    seen, mirrored = functional.normalize(drawn, dim=2)
    return seen, mirrored


def test_looks_kept_apart_compare_photos_with_photos_and_mirror_images_with_mirror_images(
    looks: tuple[torch.Tensor, torch.Tensor],
) -> None:
    seen, mirrored = looks
    together = join_sides(seen, mirrored, "apart", None)
    assert together.shape == (5, embedded_dim(4, "apart", None)) == (5, 8)
    torch.testing.assert_close(together @ together.T, 2 * (seen @ seen.T + mirrored @ mirrored.T))
    # The sum alone counts photos with mirror images as well.
    added = join_sides(seen, mirrored, "added", None)
    crossed = seen @ mirrored.T + mirrored @ seen.T
    torch.testing.assert_close(added @ added.T, seen @ seen.T + mirrored @ mirrored.T + crossed)


def test_added_looks_are_the_mirror_image_s_too_and_those_kept_apart_are_not(
    looks: tuple[torch.Tensor, torch.Tensor],
) -> None:
    seen, mirrored = looks
    assert torch.equal(
        join_sides(seen, mirrored, "added", None), join_sides(mirrored, seen, "added", None)
    )
    one, other = (
        join_sides(seen, mirrored, "apart", None),
        join_sides(mirrored, seen, "apart", None),
    )
    torch.testing.assert_close(one[:, :4], other[:, :4])  # the even half
    torch.testing.assert_close(one[:, 4:], -other[:, 4:])  # the odd half


@pytest.mark.parametrize("odd_dims", [0, 1, 4])
def test_chosen_axes_are_even_first_and_odd_last(
    looks: tuple[torch.Tensor, torch.Tensor], odd_dims: int
) -> None:
    seen, mirrored = looks
    together = join_sides(seen, mirrored, "apart", odd_dims)
    even = 4 - odd_dims
    assert together.shape == (5, embedded_dim(4, "apart", odd_dims)) == (5, 4)
    torch.testing.assert_close(together[:, :even], (seen + mirrored)[:, :even])
    torch.testing.assert_close(together[:, even:], (seen - mirrored)[:, even:])


def network_of(seed: int, *, mirror: Mirror = "horizontal", odd_dims: int | None = None) -> Network:
    torch.manual_seed(seed)
    config = NetworkConfig("test_resnet", 8, mirror=mirror, sides="apart", odd_dims=odd_dims)
    network = Network(config).eval()
    torch.nn.init.normal_(network.neck.bias)  # pyright: ignore[reportArgumentType]
    return network


def test_a_network_s_embeddings_keep_them_apart() -> None:
    network = network_of(1)
    images = torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        both = network.both_sides(images)
        straight, mirrored = network(images), network(images.flip(3))
    assert (network.look_dim, network.dimension) == (8, 16) == (straight.shape[1], both.shape[1])
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
        parts = ensemble.both_sides(images).split(width, dim=1)
        for member, part in zip(members, parts, strict=True):
            straight, mirrored = (
                functional.normalize(look) for look in (member(images), member.mirrored(images))
            )
            torch.testing.assert_close(
                part, member.joined(straight, mirrored) / 2**0.5, rtol=1e-4, atol=1e-5
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


def test_a_description_says_how_looks_are_joined_only_where_it_is_not_as_ever() -> None:
    assert not {"sides", "odd_dims"} & set(NetworkConfig("test_resnet", 8).to_dict())
    config = NetworkConfig("test_resnet", 8, sides="apart", odd_dims=3)
    assert NetworkConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            NetworkConfig("test_resnet", 8, sides="apart", odd_dims=9),
            'odd_dims 9 with sides "apart"; allowed are 0 to 8',
        ),
        (NetworkConfig("test_resnet", 8, sides="apart", odd_dims=2.5), "odd_dims 2.5"),  # pyright: ignore[reportArgumentType]
        (NetworkConfig("test_resnet", 8, sides="apart", odd_dims="3"), "odd_dims '3'"),  # pyright: ignore[reportArgumentType]
        (NetworkConfig("test_resnet", 8, odd_dims=2), 'odd_dims 2 with sides "added"'),
        (NetworkConfig("test_resnet", 8, sides="beside"), "sides 'beside'; allowed are"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_can_t_be_joined_is_refused(config: NetworkConfig, said: str) -> None:
    with pytest.raises(BadNetwork, match=said):
        Network(config)
