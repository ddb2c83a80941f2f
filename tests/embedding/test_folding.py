"""embedding/folding.py: the same numbers with fewer layers, and never where something else reads a convolution."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from embedding.folding import fold_batch_norms
from embedding.locator import Locator
from embedding.network import Network, NetworkConfig


def lived_in(network: nn.Module) -> nn.Module:
    """The network with batch statistics and scales such as training leaves, no two alike."""
    torch.manual_seed(4)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)  # pyright: ignore[reportArgumentType]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # pyright: ignore[reportArgumentType]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


def norms_left(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def seen(network: nn.Module, px: int = 64) -> Tensor:
    with torch.no_grad():
        return network(torch.rand(2, 3, px, px, generator=torch.Generator().manual_seed(5)))


@pytest.mark.parametrize(
    ("config", "left"),
    [
        (NetworkConfig("mobilenetv2_100", 8, backbone_options=(("bn_eps", 1e-3), ("pad_type", "same"))), 0),
        (NetworkConfig("mobilenetv2_100", 8, "vlad", clusters=4, cell_dim=3, stride=16), 0),
        (NetworkConfig("tf_efficientnet_lite0", 8, stride=16), 0),
        (NetworkConfig("test_efficientnet", 8), 0),
        (NetworkConfig("resnet18", 8), 0),
        (NetworkConfig("test_resnet", 8), 1),  # one follows pooling
        (NetworkConfig("resnetv2_50", 8), 17),  # they come before convolutions, and some after what was added up
    ],
)
def test_networks_see_the_same_without_their_batch_norms(config: NetworkConfig, left: int) -> None:
    network = lived_in(Network(config))
    before, had = seen(network), norms_left(network)
    assert fold_batch_norms(network) == had - left
    assert norms_left(network) == left
    after = seen(network)
    assert torch.allclose(after, before, rtol=1e-3, atol=1e-4 * float(before.abs().max()))
    assert not torch.equal(before, seen(lived_in(Network(config))))  # it wouldn't pass for any network


def test_the_locator_sees_the_same() -> None:
    locator = lived_in(Locator())
    before = seen(locator, 96)
    assert fold_batch_norms(locator) > 20
    assert norms_left(locator) == 0
    assert torch.allclose(seen(locator, 96), before, atol=1e-5)


class Block(nn.Module):
    """A convolution and a normalisation, called as `order` says."""

    def __init__(self, order: Callable[[Block, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.norm, self.order = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), order

    def forward(self, x: Tensor) -> Tensor:
        return self.order(self, x)


@pytest.mark.parametrize(
    ("order", "is_folded"),
    [
        (lambda block, x: block.norm(block.conv(x)), True),
        (lambda block, x: block.conv(block.norm(x)), False),
        (lambda block, x: block.norm(y := block.conv(x)) + y, False),
        (lambda block, x: block.norm(block.conv(x).relu()), False),
        (lambda block, x: block.norm(block.conv(block.conv(x))), False),
        (lambda block, x: block.norm(block.norm(block.conv(x))), False),
        (lambda block, x: block.norm(block.conv(x)) if x.sum() > 0 else x, False),
    ],
    ids=[
        "in order",
        "other way round",
        "read twice",
        "something between",
        "called twice",
        "normed twice",
        "asks values",
    ],
)
def test_only_a_convolution_that_its_normalisation_alone_reads_is_folded(
    order: Callable[[Block, Tensor], Tensor], is_folded: bool
) -> None:
    block = lived_in(Block(order))
    before = seen(block)
    assert fold_batch_norms(block) == is_folded
    assert torch.allclose(seen(block), before, atol=1e-5)


def test_blocks_of_one_kind_in_another_order_are_told_apart() -> None:
    """Two of one class with the same children, of which a flag says what is done first."""

    class Either(nn.Module):
        def __init__(self, norm_first: bool) -> None:
            super().__init__()
            self.conv, self.norm, self.norm_first = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), norm_first

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.norm(x)) if self.norm_first else self.norm(self.conv(x))

    blocks = [Block(lambda block, x: block.norm(block.conv(x))), Block(lambda block, x: block.conv(block.norm(x)))]
    network = lived_in(nn.Sequential(Either(False), Either(True), Either(False), *blocks))
    before = seen(network)
    assert fold_batch_norms(network) == 3
    assert torch.allclose(seen(network), before, atol=1e-5)
