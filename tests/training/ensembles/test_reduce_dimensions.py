"""training/ensembles/reduce_dimensions.py: the axes that are kept are the longest, and of two looks
those of sums and of differences.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from embedding.networks.mirror import fuse_views
from training.ensembles.reduce_dimensions import BadDimensions, reduce_dimensions

WIDTH = 12


def untouched() -> dict[str, Tensor]:
    """A linear layer and a BNNeck that change nothing: what becomes of them are the axes."""
    return {
        "project.weight": torch.eye(WIDTH),
        "neck.weight": torch.ones(WIDTH),
        "neck.bias": torch.zeros(WIDTH),
        "neck.running_mean": torch.zeros(WIDTH),
        "neck.running_var": torch.ones(WIDTH) - 1e-5,
    }


@pytest.fixture
def looks() -> tuple[Tensor, Tensor]:
    """Unit looks (200, 12) at photos and at their mirror images: alike in 5 directions and opposite
    in 2 others.
    """
    drawn = torch.Generator().manual_seed(7)
    turned = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=drawn))[0]  # pyright: ignore
    even = torch.randn(200, 5, generator=drawn) @ turned[:5]
    odd = 0.8 * torch.randn(200, 2, generator=drawn) @ turned[5:7]
    return functional.normalize(even + odd), functional.normalize(even - odd)


def test_two_looks_keep_the_axes_that_hold_something(looks: tuple[Tensor, Tensor]) -> None:
    seen, mirrored = looks
    weights = untouched()
    assert reduce_dimensions(weights, "", seen, 7, mirrored=mirrored) == 2
    axes = weights["project.weight"]
    assert axes.shape == (7, WIDTH)
    brought_down = functional.normalize(fuse_views(seen @ axes.T, mirrored @ axes.T, "separate", 2))
    whole = functional.normalize(fuse_views(seen, mirrored, "separate", None))
    torch.testing.assert_close(brought_down @ brought_down.T, whole @ whole.T, atol=1e-4, rtol=1e-4)


def test_one_look_keeps_its_longest_axes(looks: tuple[Tensor, Tensor]) -> None:
    seen, _ = looks
    weights = untouched()
    assert reduce_dimensions(weights, "", seen, 7) is None
    brought_down = seen @ weights["project.weight"].T
    torch.testing.assert_close(brought_down @ brought_down.T, seen @ seen.T, atol=1e-4, rtol=1e-4)


def test_what_can_t_be_brought_down_is_refused(looks: tuple[Tensor, Tensor]) -> None:
    seen, mirrored = looks
    with pytest.raises(
        BadDimensions,
        match="13 dimensions of embeddings that have 12, by 200 photos; allowed are 1 to 12",
    ):
        reduce_dimensions(untouched(), "", seen, 13)
    with pytest.raises(
        BadDimensions, match=r"25 dimensions of embeddings that have 24, .* allowed are 1 to 24"
    ):
        reduce_dimensions(untouched(), "", seen, 25, mirrored=mirrored)
    with pytest.raises(
        BadDimensions,
        match=r"members\.0\. has no linear embedding with BNNeck .* without --dimensions",
    ):
        reduce_dimensions({"members.0.project.weight": torch.eye(WIDTH)}, "members.0.", seen, 4)
