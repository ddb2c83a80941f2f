"""embedding/networks/fused_batch_norm.py: the same numbers with fewer layers, and never where
something else reads a convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from timm.layers.std_conv import StdConv2d
from torch import Tensor, nn

from embedding.checkpoint import CheckpointHeader, save_checkpoint
from embedding.embedder import Embedder
from embedding.networks.aligner import Aligner
from embedding.networks.fused_batch_norm import fuse_batch_norms
from embedding.networks.locator import EarlierLocator, Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing


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


def pixels(px: int = 64) -> Tensor:
    return torch.rand(2, 3, px, px, generator=torch.Generator().manual_seed(5))


def seen(network: nn.Module, px: int = 64) -> Tensor:
    with torch.no_grad():
        return network(pixels(px))


def fold(network: nn.Module, px: int = 64) -> int:
    return fuse_batch_norms(
        network, torch.rand(1, 3, px, px, generator=torch.Generator().manual_seed(6))
    )


@pytest.mark.parametrize(
    ("config", "left"),
    [
        (
            NetworkConfig(
                "mobilenetv2_100", 8, backbone_options=(("bn_eps", 1e-3), ("pad_type", "same"))
            ),
            0,
        ),
        (NetworkConfig("mobilenetv2_100", 8, "vlad", clusters=4, cell_dim=3, stride=16), 0),
        (NetworkConfig("tf_efficientnet_lite0", 8, stride=16), 0),
        (NetworkConfig("test_efficientnet", 8), 0),
        (NetworkConfig("resnet18", 8), 0),
        (NetworkConfig("test_resnet", 8), 0),
        (
            NetworkConfig("resnetv2_50", 8),
            17,
        ),  # they come before convolutions, and some after what was added up
    ],
)
def test_networks_see_the_same_without_their_batch_norms(config: NetworkConfig, left: int) -> None:
    network = lived_in(Network(config))
    before, had = seen(network), norms_left(network)
    assert fold(network) == had - left
    assert norms_left(network) == left
    assert torch.allclose(seen(network), before, rtol=0.0, atol=1e-4 * float(before.abs().max()))


@pytest.mark.parametrize("finder", [Locator, EarlierLocator, Aligner])
def test_what_finds_places_sees_the_same(
    finder: Callable[[], Locator | EarlierLocator | Aligner],
) -> None:
    torch.manual_seed(3)
    network = finder()
    lived_in(network)
    before = seen(network, network.px)
    assert fold(network, network.px) >= 4
    assert norms_left(network) == 0
    assert torch.allclose(seen(network, network.px), before, atol=1e-5)


class Block(nn.Module):
    """A convolution and a normalisation, called as `order` says."""

    def __init__(
        self, order: Callable[[Block, Tensor], Tensor], conv: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.conv, self.norm, self._order = conv or nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), order
        self.alias, self.stem = self.norm, nn.Sequential(self.conv, self.norm)

    def forward(self, x: Tensor) -> Tensor:
        return self._order(self, x)


@pytest.mark.parametrize(
    ("order", "is_folded"),
    [
        (lambda block, x: block.norm(block.conv(x)), True),
        (lambda block, x: block.alias(block.conv(x)), True),
        (lambda block, x: block.norm(block.conv(x)) if x.sum() > 0 else x, True),
        (lambda block, x: block.conv(block.norm(x)), False),
        (lambda block, x: block.norm(y := block.conv(x)) + y, False),
        (lambda block, x: block.norm(block.conv(x).relu()), False),
        (lambda block, x: block.norm(block.conv(x).relu_()), False),
        (lambda block, x: block.norm(block.conv(block.conv(x))), False),
        (lambda block, x: block.norm(block.norm(block.conv(x))), False),
        (lambda block, x: block.stem(x) + block.stem[0](x), False),
    ],
)
def test_only_a_convolution_that_its_normalisation_alone_reads_is_folded(
    order: Callable[[Block, Tensor], Tensor], is_folded: bool
) -> None:
    block = lived_in(Block(order))
    before, modules = seen(block), dict(block.named_modules(remove_duplicate=False))
    assert fold(block) == is_folded
    assert torch.allclose(seen(block), before, atol=1e-5)
    if not is_folded:
        assert dict(block.named_modules(remove_duplicate=False)) == modules


@pytest.mark.parametrize(
    "conv",
    [
        pytest.param(lambda: StdConv2d(3, 3, 1), id="standardised"),
        pytest.param(
            lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 1)), id="parametrised"
        ),
    ],
)
def test_a_convolution_that_changes_its_weights_before_use_stays(
    conv: Callable[[], nn.Module],
) -> None:
    block = lived_in(Block(lambda block, x: block.norm(block.conv(x)), conv()))
    assert fold(block) == 0
    assert norms_left(block) == 1


def test_a_normalisation_by_the_batch_itself_stays() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False))
    assert fold(network) == 0


def test_a_checkpoint_is_loaded_beside_one_that_is_asked(tmp_path: Path) -> None:
    """As in a service whose model is exchanged while it answers."""
    torch.manual_seed(1)
    network = Network(NetworkConfig("test_efficientnet", 8))
    header = CheckpointHeader(network.config.to_dict(), Preprocessing(32, 32), {"name": "x"})
    save_checkpoint(tmp_path / "c.safetensors", network.state_dict(), header)
    asked = Embedder.load(tmp_path / "c.safetensors")
    assert norms_left(asked.network) == 0
    shown = np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), np.uint8)
    expected = asked.embed_pixels(shown)
    with ThreadPoolExecutor(3) as pool:
        loaded = [pool.submit(Embedder.load, tmp_path / "c.safetensors") for _ in range(8)]
        answers = [pool.submit(asked.embed_pixels, shown) for _ in range(40)]
        assert all(np.allclose(answer.result(), expected, atol=1e-5) for answer in answers)
        assert all(norms_left(one.result().network) == 0 for one in loaded)
        assert all(
            np.allclose(one.result().embed_pixels(shown), expected, atol=1e-5) for one in loaded
        )
