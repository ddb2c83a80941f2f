"""embedding/networks/aligner.py: a body part is cut out upright, and what was found there goes back
to where it is.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from embedding.eager.eager_runtime import EagerRuntime
from embedding.explanation.regions import in_photo, region_vectors
from embedding.networks.aligner import ALIGNER_PX, Aligner, aligned, jittered
from embedding.networks.backbone import BadNetwork
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing

ALIGNED = NetworkConfig("test_resnet", 8, "vlad", aligned_px=(96, 64))


def placed(
    *,
    across: float = 0.5,
    down: float = 0.25,
    at: tuple[float, float] = (0.0, 0.0),
    turned: float = 0.0,
) -> torch.Tensor:
    """One placement (1, 2, 3): a body part of half the photo's width and a quarter of its
    height.
    """
    cos, sin = math.cos(turned), math.sin(turned)
    return torch.tensor([[[across * cos, -down * sin, at[0]], [across * sin, down * cos, at[1]]]])


def a_photo_with_a_bar(place: torch.Tensor, *, height: int = 240, width: int = 240) -> torch.Tensor:
    """(1, 3, h, w): white inside the placement's corners, black beyond them, and red in the body
    part's left half.
    """
    down, across = torch.meshgrid(
        (torch.arange(height) + 0.5) / height * 2 - 1,
        (torch.arange(width) + 0.5) / width * 2 - 1,
        indexing="ij",
    )
    beyond = torch.stack([across - place[0, 0, 2], down - place[0, 1, 2]], -1)
    inside = beyond @ torch.linalg.inv(place[0, :, :2]).T
    is_in = (inside.abs() <= 1).all(-1)
    photo = is_in.float().repeat(3, 1, 1)
    photo[1:, inside[..., 0] < 0] = 0.0
    return photo[None]


@pytest.mark.parametrize("turned", [0.0, 0.4, -0.7])
def test_a_tilted_body_part_is_turned_upright(turned: float) -> None:
    place = placed(at=(0.2, -0.1), turned=turned)
    cut = aligned(a_photo_with_a_bar(place), place, 100, 50)
    assert cut.shape == (1, 3, 50, 100)
    inside = cut[0, :, 6:44, 10:90]  # the margin is .08 on each side
    assert inside[0].min() > 0.9
    assert inside[1, :, :38].max() < 0.1  # red is on the left still
    assert inside[1, :, 42:].min() > 0.9
    assert cut[0, :, :2].max() < 0.1
    assert cut[0, :, :, :4].max() < 0.1


def test_what_lies_outside_the_photo_repeats_its_edge() -> None:
    photo = torch.full((1, 3, 60, 60), 0.7)
    torch.testing.assert_close(
        aligned(photo, placed(at=(1.0, 0.9)), 40, 20), torch.full((1, 3, 20, 40), 0.7)
    )


def test_regions_go_back_to_their_places_and_keep_their_sum(rng: np.random.Generator) -> None:
    regions = rng.normal(size=(1, 4, 6, 5))
    back = in_photo(regions, placed(across=0.25, down=0.25, at=(0.6, -0.6)).numpy())
    np.testing.assert_allclose(back.sum((1, 2)), regions.sum((1, 2)))
    assert np.abs(back[:, :2, 3:]).sum() == pytest.approx(
        np.abs(back).sum()
    )  # all in the upper right quarter
    far = in_photo(regions, placed(at=(5.0, 5.0)).numpy())
    np.testing.assert_allclose(
        far[0, 3, 5], regions.sum((1, 2))[0]
    )  # nothing is lost beyond the edge


def test_jitter_is_small_and_drawn_from_the_seed() -> None:
    places = placed().repeat(200, 1, 1)
    torch.manual_seed(3)
    first = jittered(places, 0.06)
    torch.manual_seed(3)
    torch.testing.assert_close(jittered(places, 0.06), first)
    assert 0.05 < (first - places).std() < 0.07


def test_an_aligner_takes_any_size_and_begins_in_the_middle() -> None:
    aligner = Aligner().eval()
    assert isinstance(aligner, Aligner)
    for height, width in ((ALIGNER_PX, ALIGNER_PX), (80, 200)):
        found = aligner(torch.zeros(2, 3, height, width))
        assert found.shape == (2, 2, 3)
        torch.testing.assert_close(
            found[0], torch.tensor([[0.6, 0, 0], [0, 0.5, 0]]), atol=0.2, rtol=0
        )


def test_a_networks_description_holds_the_size_only_where_there_is_an_aligner() -> None:
    assert NetworkConfig.from_dict(ALIGNED.to_dict()) == ALIGNED
    assert "aligned_px" not in NetworkConfig("test_resnet").to_dict()
    with pytest.raises(BadNetwork, match=r"aligned_px .*8.*allowed are 32 to 4096"):
        Network(NetworkConfig("test_resnet", aligned_px=(96, 8)))
    with pytest.raises(BadNetwork, match='mirror "vertical"'):
        Network(NetworkConfig("test_resnet", mirror="vertical", aligned_px=(96, 64)))
    for damaged in (None, 7, [64], [64, 32, 3], ["64", "32"]):
        with pytest.raises(BadNetwork, match="two whole numbers"):
            NetworkConfig.from_dict({"backbone": "test_resnet", "aligned_px": damaged})


def test_the_aligner_does_not_learn_with_the_network() -> None:
    torch.manual_seed(0)
    network = Network(ALIGNED).train()
    assert network.aligner is not None
    before = {name: value.clone() for name, value in network.aligner.state_dict().items()}
    images = torch.randn(4, 3, 64, 96)
    network(images).square().sum().backward()
    assert not network.aligner.training
    assert network.pool.training
    assert all(weight.grad is None for weight in network.aligner.parameters())
    assert any(weight.grad is not None for weight in network.backbone.parameters())
    after = network.aligner.state_dict()
    assert all(
        torch.equal(before[name], after[name]) for name in before
    )  # nor its batch statistics


def test_placements_are_a_little_off_only_while_learning() -> None:
    torch.manual_seed(0)
    network, images = Network(ALIGNED, jitter=0.06), torch.randn(2, 3, 80, 80)
    network.eval()
    torch.testing.assert_close(network.aligned(images), network.aligned(images))
    network.train()
    assert not torch.equal(network.aligned(images), network.aligned(images))
    assert network.aligned(images).shape == (2, 3, 64, 96)
    network.jitter = 0.0
    torch.testing.assert_close(network.aligned(images), network.aligned(images))


def test_half_precision_moves_no_place() -> None:
    photo = torch.rand(1, 3, 50, 400)
    place = placed(across=0.97, down=0.9, turned=0.01)
    with torch.autocast("cpu", torch.bfloat16):
        cut = aligned(photo, place, 288, 32)
    torch.testing.assert_close(cut, aligned(photo, place, 288, 32), rtol=0, atol=0)


def test_regions_of_an_aligned_network_add_up_to_its_embedding() -> None:
    torch.manual_seed(1)
    network = Network(ALIGNED).eval()
    pixels = torch.randint(0, 256, (2, 100, 120, 3), dtype=torch.uint8).numpy()
    assert network.aligner is not None
    with torch.no_grad():
        network.aligner.last.weight.zero_()  # the body part is always in the upper right quarter
        network.aligner.last.bias.copy_(placed(across=0.25, down=0.25, at=(0.6, -0.6)).flatten())
    runtime = EagerRuntime(network, Preprocessing(120, 100), device="cpu")
    (views,) = runtime.views(pixels)
    regions = region_vectors(views.config, views.tensors, views.seen)
    (expected,) = runtime.member_views(pixels)
    np.testing.assert_allclose(regions.sum((1, 2)), expected, rtol=1e-4, atol=1e-5)
    heat = np.abs(regions).sum((0, 3))
    assert heat.shape == (2, 3)
    assert heat[0, 2] == pytest.approx(heat.sum())
