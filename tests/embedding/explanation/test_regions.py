"""embedding/explanation/regions.py: heat that adds up to the very distance, and lies where the
likeness is.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedding.eager.eager_runtime import EagerRuntime
from embedding.embedder import Embedder
from embedding.explanation.regions import Heat, heat_maps, region_vectors
from embedding.networks.config import Pooling
from embedding.networks.ensemble import Ensemble, members_of
from embedding.networks.network import Network, NetworkConfig
from embedding.networks.pooling import Vlad
from embedding.photos.preprocessing import Preprocessing

INPUT = Preprocessing(96, 64)


def network_of(pooling: Pooling = "gem", dimension: int = 8, seed: int = 5) -> Network:
    """An untrained network whose neck moves and scales what it gets, as a trained one's does."""
    torch.manual_seed(seed)
    network = Network(NetworkConfig("test_resnet", dimension, pooling)).eval()
    if isinstance(network.neck, torch.nn.BatchNorm1d) and network.neck.running_mean is not None:
        network.neck.running_mean.normal_(0, 0.05)
        torch.nn.init.normal_(network.neck.bias)
        torch.nn.init.uniform_(network.neck.weight, 0.5, 2)
    return network


def embedder_of(network: Network | Ensemble) -> Embedder:
    return Embedder(network, INPUT, "", device="cpu")


@pytest.fixture
def pair(rng: np.random.Generator) -> np.ndarray:
    """Two photos' pixels, (2, 64, 96, 3)."""
    return rng.integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("pooling", "dimension"), [("gem", 8), ("average", 8), ("vlad", 8), ("gem", 0), ("average", 0)]
)
def test_regions_add_up_to_the_embedding(
    pooling: Pooling, dimension: int, rng: np.random.Generator
) -> None:
    network = network_of(pooling, dimension)
    pixels = rng.integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    runtime = EagerRuntime(network, INPUT, device="cpu")
    (views,) = runtime.views(pixels)
    regions = region_vectors(views.config, views.tensors, views.seen)
    assert regions.shape == (3, 2, 3, network.dimension)  # a cell is 32 px
    (expected,) = runtime.member_views(pixels)
    np.testing.assert_allclose(regions.sum((1, 2)), expected, rtol=1e-4, atol=1e-5)


def test_vlad_s_cells_add_up_to_it(rng: np.random.Generator) -> None:
    from embedding.explanation.regions import _vlad_cells

    torch.manual_seed(4)
    pool, maps = Vlad(5, 3, 4), rng.normal(size=(2, 5, 3, 4)).astype(np.float32)
    tensors = {f"pool.{name}": value.numpy() for name, value in pool.state_dict().items()}
    parts = _vlad_cells(tensors, maps.astype(np.float64)).reshape(2, 12, -1)
    assert parts.shape == (2, 12, 18)
    expected = pool(torch.from_numpy(maps)).detach().numpy()
    np.testing.assert_allclose(parts.sum(1), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("pooling", "dimension"), [("gem", 8), ("vlad", 8), ("average", 0)])
def test_heat_adds_up_to_the_cosine_of_the_embeddings(
    pooling: Pooling, dimension: int, pair: np.ndarray
) -> None:
    embedder = embedder_of(network_of(pooling, dimension))
    heat = heat_maps(embedder, *pair)
    one, other = embedder.embed_pixels(pair).astype(float)
    assert heat.query.shape == heat.reference.shape == (2, 3)
    assert heat.query.sum() == pytest.approx(one @ other, abs=1e-5)
    assert heat.reference.sum() == pytest.approx(one @ other, abs=1e-5)
    assert heat.distance == pytest.approx(1 - one @ other, abs=1e-5)


def test_a_photo_and_itself_are_at_distance_0_with_the_same_heat(pair: np.ndarray) -> None:
    heat = heat_maps(embedder_of(network_of()), pair[0], pair[0])
    assert heat.distance == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(heat.query, heat.reference, atol=1e-9)


def test_heat_follows_the_mirror(pair: np.ndarray) -> None:
    embedder = embedder_of(network_of())
    straight, mirrored = (
        heat_maps(embedder, *pair),
        heat_maps(embedder, pair[0, :, ::-1].copy(), pair[1]),
    )
    np.testing.assert_allclose(mirrored.query, straight.query[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(mirrored.reference, straight.reference, atol=1e-5)


class Brightness(torch.nn.Module):
    """Stands in for a backbone: the mean of each 32 px cell, its channels the colours."""

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d((images + 1) / 2, 32)


def test_the_heat_is_where_the_likeness_is() -> None:
    network = network_of("gem", 0)
    network.backbone = Brightness()
    query, reference = np.zeros((2, 64, 96, 3), np.uint8)
    query[:32, :32] = (255, 0, 0)  # red at the left above, and blue at the right below
    query[32:, 64:] = (0, 0, 255)
    reference[32:, 32:64] = (255, 0, 0)  # red in the middle below
    heat = heat_maps(embedder_of(network), query, reference)
    assert heat.distance == pytest.approx(
        1 - np.sqrt(0.5), abs=1e-3
    )  # one of the query's two colours
    assert np.unravel_index(heat.query.argmax(), (2, 3)) == (0, 0)
    assert np.unravel_index(heat.reference.argmax(), (2, 3)) == (1, 1)
    assert heat.query[1, 2] == pytest.approx(0, abs=1e-3)  # blue is in the query alone
    assert heat.query[0, 0] == pytest.approx(np.sqrt(0.5), abs=1e-3)


class Halved(Brightness):
    """A backbone whose cells are 16 px: a finer map."""

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d((images + 1) / 2, 16)


def test_an_ensemble_s_heat_adds_up_too_on_the_finest_of_its_grids(pair: np.ndarray) -> None:
    members = [network_of(seed=1), network_of("gem", 0)]
    members[1].backbone = Halved()
    members[1].view_dim = members[1].dimension = 3
    embedder = embedder_of(Ensemble(members).eval())
    assert [heat_maps(embedder_of(member), *pair).query.shape for member in members] == [
        (2, 3),
        (4, 6),
    ]
    heat = heat_maps(embedder, *pair)
    one, other = embedder.embed_pixels(pair).astype(float)
    assert heat.query.shape == heat.reference.shape == (4, 6)
    for total in (heat.query.sum(), heat.reference.sum(), 1 - heat.distance):
        assert total == pytest.approx(one @ other, abs=1e-5)
    assert members_of(embedder.network) == members and members_of(members[0]) == [members[0]]


def test_heat_follows_a_mirror_about_the_length_too(pair: np.ndarray) -> None:
    torch.manual_seed(8)
    members = [
        Network(NetworkConfig("test_resnet", 8, "vlad", stride=16, mirror="vertical")).eval(),
        Network(NetworkConfig("test_resnet", 8, mirror="vertical")).eval(),
    ]
    for network in (*members, Ensemble(members)):
        straight, mirrored = (
            heat_maps(embedder_of(network), one, pair[1]) for one in (pair[0], pair[0, ::-1].copy())
        )
        np.testing.assert_allclose(mirrored.query, straight.query[::-1], atol=1e-5)
        np.testing.assert_allclose(mirrored.reference, straight.reference, atol=1e-5)
        one, other = embedder_of(network).embed_pixels(pair).astype(float)
        assert straight.query.sum() == pytest.approx(one @ other, abs=1e-5)


def test_an_ensemble_of_one_is_that_one(pair: np.ndarray) -> None:
    network = network_of()
    straight = (
        pair[:, :, :48],
        pair[:, :, :48][:, :, ::-1],
    )  # photos that are their own mirror images
    photos = np.concatenate(straight, axis=2)
    alone, ensemble = (
        heat_maps(embedder_of(one), *photos) for one in (network, Ensemble([network]))
    )
    np.testing.assert_allclose(ensemble.query, alone.query, atol=1e-6)


def test_grids_that_do_not_divide_each_other_keep_their_sum(pair: np.ndarray) -> None:
    from embedding.explanation.regions import _resampled

    heat = np.arange(6.0).reshape(2, 3)
    finer = _resampled(heat, 3, 4)
    assert finer.shape == (3, 4) and finer.sum() == pytest.approx(15)
    np.testing.assert_allclose(
        finer.sum(1), [2, 5, 8]
    )  # rows of 3 and 12, two thirds of each, and a third of both
    np.testing.assert_allclose(_resampled(heat, 2, 3), heat)


def test_heat_is_a_plain_record(pair: np.ndarray) -> None:
    assert isinstance(heat_maps(embedder_of(network_of()), *pair), Heat)
