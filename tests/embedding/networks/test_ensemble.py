from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from embedding.networks.backbone import BadNetwork
from embedding.networks.ensemble import Ensemble, GateConfig, network_of
from embedding.networks.network import Network, NetworkConfig


def test_an_ensemble_s_cosine_is_the_mean_of_its_members() -> None:
    torch.manual_seed(2)
    members = [Network(NetworkConfig("test_resnet", size)).eval() for size in (6, 10)]
    ensemble, images = Ensemble(members).eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        together = ensemble(images)
        cosines = [
            float(functional.cosine_similarity(*member(images).split(1))) for member in members
        ]
    assert together.shape == (2, 16)
    assert ensemble.dimension == 16
    assert float(together[0] @ together[1]) == pytest.approx(sum(cosines) / 2, abs=1e-5)


def test_a_description_with_members_is_an_ensemble() -> None:
    config = NetworkConfig("test_resnet", 6).to_dict()
    assert isinstance(network_of(config), Network)
    built = network_of({"members": [config, config]})
    assert isinstance(built, Ensemble)
    assert built.dimension == 12


class Colour(Network):
    """Sees nothing but the mean colour: its embedding is that, times a sign of its own."""

    def __init__(self, sign: float) -> None:
        nn.Module.__init__(self)
        self.sign, self.counted = sign, 0
        self.view_dim = self.dimension = 3

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.counted += len(images)
        self.saw = tuple(images.shape[2:])
        return self.sign * images.mean((2, 3))


def test_a_member_with_a_size_of_its_own_looks_at_scaled_pixels() -> None:
    large, small = Colour(1.0), Colour(1.0)
    Ensemble([large, small], sizes=[None, (24, 16)])(torch.rand(2, 3, 32, 48))
    assert (large.saw, small.saw) == ((32, 48), (16, 24))


def red_and_blue(sharpness: float) -> Ensemble:
    shares = {"red": (1.0, 0.0), "blue": (0.25, 0.75)}
    ensemble = Ensemble([Colour(1.0), Colour(-1.0)], gate=GateConfig(shares))
    assert ensemble.gate is not None
    ensemble.gate.weight.copy_(
        sharpness * torch.tensor([[1.0, 0, 0, -1.0, 0, 0], [0, 0, 1.0, 0, 0, -1.0]])
    )
    return ensemble


def test_a_gate_divides_photos_among_members_by_what_they_look_like() -> None:
    photos = torch.zeros(2, 3, 4, 4)
    photos[0, 0], photos[1, 2] = 1.0, 1.0
    embedded = red_and_blue(100.0)(photos)
    assert torch.allclose(embedded[0], torch.tensor([1.0, 0, 0, 0, 0, 0]), atol=1e-6)
    assert torch.allclose(embedded[1], torch.tensor([0, 0, 0.5, 0, 0, -(0.75**0.5)]), atol=1e-6)
    # Half red, half blue: both species' shares, half each.
    mixed = torch.zeros(1, 3, 4, 4)
    mixed[:, 0] = mixed[:, 2] = 1.0
    lengths = red_and_blue(100.0)(mixed).view(2, 3).norm(dim=1) ** 2
    assert torch.allclose(lengths, torch.tensor([0.625, 0.375]), atol=1e-6)


def test_a_gate_is_described_and_built_again() -> None:
    config = NetworkConfig("test_resnet", 6).to_dict()
    gate = GateConfig({"a": (1.0, 0.0), "b": (0.5, 0.5)})
    built = network_of(
        {"members": [config, {**config, "input_px": [20, 10]}], "gate": gate.to_dict()}
    )
    assert isinstance(built, Ensemble)
    assert built.gate is not None
    assert (built.sizes, built.gate.config) == ((None, (20, 10)), gate)
    assert tuple(built.state_dict()["gate.weight"].shape) == (2, 12)


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.4], [1.5, -0.5]])
def test_shares_that_are_none_are_refused(shares: list[float]) -> None:
    config: dict[str, Any] = NetworkConfig("test_resnet", 6).to_dict()
    with pytest.raises(
        BadNetwork, match=r"the gate gives a the shares .*; allowed are 2 that sum to 1"
    ):
        network_of({"members": [config, config], "gate": {"shares": {"a": shares}}})


def test_each_member_makes_mirror_images_its_own_way_and_the_straight_ones_say_whose_they_are() -> (
    None
):
    torch.manual_seed(7)
    configs = [NetworkConfig("test_resnet", 6), NetworkConfig("test_resnet", 4, mirror="vertical")]
    members = [Network(config).eval() for config in configs]
    ensemble = Ensemble(members, gate=GateConfig({"a": (1.0, 0.0), "b": (0.25, 0.75)})).eval()
    assert ensemble.gate is not None
    ensemble.gate.weight.normal_()
    images = torch.randn(3, 3, 64, 96)
    with torch.no_grad():
        lengths = ensemble.shares(images).sqrt()
        both = ensemble.both_views(images)
        for member, axis, at, part in zip(
            members, (3, 2), (0, 1), both.split([6, 4], dim=1), strict=True
        ):
            sides = functional.normalize(member(images)) + functional.normalize(
                member(images.flip(axis))
            )
            torch.testing.assert_close(part, sides * lengths[:, at, None], atol=1e-5, rtol=1e-4)


def test_members_look_at_their_own_photos_alone_and_the_gate_goes_by_the_first() -> None:
    shares = {"red": (1.0, 0.0), "blue": (0.0, 1.0)}
    first, second = Colour(1.0), Colour(-1.0)
    ensemble = Ensemble([first, second], gate=GateConfig(shares, views=1))
    assert ensemble.gate is not None
    ensemble.gate.weight.copy_(100.0 * torch.tensor([[1.0, 0, 0], [0, 0, 1.0]]))
    photos = torch.zeros(3, 3, 4, 4)
    photos[0, 0], photos[1, 2], photos[2, 0] = 1.0, 1.0, 0.5
    embedded = ensemble(photos)
    assert torch.allclose(
        embedded, torch.tensor([[1.0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, -1.0], [1.0, 0, 0, 0, 0, 0]])
    )
    assert second.counted == 1  # the blue one; the first has to look at all, as the gate goes by it
    assert first.counted == 3


def test_a_share_too_small_to_matter_is_another_s() -> None:
    ensemble = red_and_blue(4.0)
    photos = torch.zeros(1, 3, 4, 4)
    photos[0, 0] = (
        1.0  # e^8 times as red as blue: 0.03 % of it blue, of which the second has three quarters
    )
    assert ensemble.shares(photos).tolist() == [[1.0, 0.0]]


def test_a_gate_that_goes_by_more_members_than_there_are_is_refused() -> None:
    config = NetworkConfig("test_resnet", 6).to_dict()
    with pytest.raises(BadNetwork, match="goes by 3 members; allowed are 1 to 2, or 0 for all"):
        network_of({"members": [config, config], "gate": {"shares": {"a": [0.5, 0.5]}, "looks": 3}})
