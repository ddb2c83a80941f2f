"""training/learning/vlad_centres.py: vlad pooling begins where photos' patterns are, once, and the
same for the same seed.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedding.networks.network import Network, NetworkConfig
from embedding.networks.pooling import CENTRES_FITTED, Vlad
from embedding.photos.preprocessing import Preprocessing
from training.learning.vlad_centres import fit_vlad

INPUT = Preprocessing(64, 48)


def network_of(pooling: str = "vlad") -> Network:
    torch.manual_seed(1)
    return Network(NetworkConfig("test_resnet", 6, pooling, stride=8, clusters=5, cell_dim=4))  # type: ignore[arg-type]


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    """Twelve photos, each of blocks of its own colours: (12, 48, 64, 3)."""
    blocks = rng.integers(0, 256, (12, 6, 8, 3), dtype=np.uint8)
    return blocks.repeat(8, axis=1).repeat(8, axis=2)


def begun(pixels: np.ndarray, seed: int = 0) -> Network:
    network = network_of()
    torch.manual_seed(2)
    fit_vlad(network, pixels, np.arange(len(pixels)), INPUT, seed)
    return network


def spread(network: Network, pixels: np.ndarray) -> float:
    """The mean squared distance of cells to the centre nearest to each."""
    assert isinstance(network.pool, Vlad)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        cells = network.pool.cells(network.eval().feature_maps(images)).flatten(0, 1)
        return float(torch.cdist(cells, network.pool.centers).min(1).values.square().mean())


def test_centres_lie_among_the_photos_cells(pixels: np.ndarray) -> None:
    network = begun(pixels)
    assert isinstance(network.pool, Vlad)
    near = spread(network, pixels)
    torch.nn.init.normal_(network.pool.centers, std=0.5)
    assert near < 0.7 * spread(network, pixels)


def test_the_embedding_spreads_over_all_its_numbers(pixels: np.ndarray) -> None:
    network = begun(pixels).eval()
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        deviations = network.project(network.pool(network.feature_maps(images))).std(0)
    assert float(deviations.min()) > 0.2 * float(deviations.max())


def test_one_seed_gives_one_beginning_and_another_another(pixels: np.ndarray) -> None:
    first, again, other = (begun(pixels, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["pool.centers"], other["pool.centers"])


def test_what_has_begun_is_left_as_it_is(pixels: np.ndarray) -> None:
    network = begun(pixels)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fit_vlad(network, pixels, np.arange(3), INPUT, seed=9)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_centres_from_elsewhere_stay_where_only_the_linear_layer_begins(pixels: np.ndarray) -> None:
    network = begun(pixels)
    assert isinstance(network.pool, Vlad)
    before = {name: value.clone() for name, value in network.pool.state_dict().items()}
    torch.nn.init.normal_(network.project.weight)  # pyright: ignore[reportArgumentType]
    network.pool.is_fitted.fill_(CENTRES_FITTED)
    fit_vlad(network, pixels, np.arange(len(pixels)), INPUT, seed=9)
    assert all(
        torch.equal(before[name], value) for name, value in network.pool.state_dict().items()
    )
    assert network.pool.is_fitted == 1.0
    again = begun(pixels)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        ours, theirs = (each.eval()(images) for each in (network, again))
    assert torch.allclose(
        ours.norm(dim=1), theirs.norm(dim=1), rtol=0.1
    )  # noise has no such lengths


def test_other_poolings_have_nothing_to_begin(pixels: np.ndarray) -> None:
    network = network_of("gem")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fit_vlad(network, pixels, np.arange(len(pixels)), INPUT, seed=0)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_no_more_is_read_than_the_rows_it_needs(
    pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.learning.vlad_centres.PHOTOS_TO_CLUSTER", 4)
    read: list[int] = []

    class Watched:
        def __getitem__(self, rows: np.ndarray) -> np.ndarray:
            read.extend(rows.tolist())
            return pixels[rows]

    fit_vlad(network_of(), Watched(), np.arange(2, 10), INPUT, seed=0)  # type: ignore[arg-type]
    assert len(read) == 4 and set(read) <= set(range(2, 10))
