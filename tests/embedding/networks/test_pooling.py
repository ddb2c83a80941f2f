"""embedding/networks/pooling.py: GeM and VLAD against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embedding.networks.pooling import GeneralizedMean, Vlad


@pytest.mark.parametrize("p", [1.0, 3.0, 5.5])
def test_gem_is_the_power_mean_of_each_map(p: float, rng: np.random.Generator) -> None:
    maps = rng.random((2, 4, 3, 5)).astype(np.float32)
    naive = [[sum(float(v) ** p for v in one.flat) / one.size for one in photo] for photo in maps]
    pooled = GeneralizedMean(p)(torch.from_numpy(maps)).detach().numpy()
    np.testing.assert_allclose(pooled, np.array(naive) ** (1 / p), rtol=1e-5)


def test_gem_of_nothing_but_zeros_has_a_gradient() -> None:
    maps = torch.zeros(1, 2, 3, 3, requires_grad=True)
    pool = GeneralizedMean()
    pool(maps).sum().backward()
    assert maps.grad is not None and bool(torch.isfinite(maps.grad).all())
    assert pool.p.grad is not None and bool(torch.isfinite(pool.p.grad))


def test_gem_learns_its_power() -> None:
    pool = GeneralizedMean()
    pool(torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))).sum().backward()
    assert pool.p.grad is not None and float(pool.p.grad) > 0  # a higher power never lowers a mean


def test_vlad_is_the_sum_of_differences_from_each_centre_by_softmax(
    rng: np.random.Generator,
) -> None:
    torch.manual_seed(3)
    pool = Vlad(channels=5, clusters=3, cell_dim=4)
    maps = torch.from_numpy(rng.normal(size=(2, 5, 3, 4)).astype(np.float32))
    with torch.no_grad():
        pooled = pool(maps).numpy()
        weight, bias = pool.reduce.weight.numpy()[:, :, 0, 0], pool.reduce.bias.numpy()  # type: ignore[union-attr]
    centers, sharpness = pool.centers.detach().numpy(), pool.sharpness.item()
    for photo, got in zip(maps.numpy(), pooled, strict=True):
        wanted = np.zeros((3, 6))
        for row in range(3):
            for column in range(4):
                channels = photo[:, row, column]
                local = weight @ (channels / np.linalg.norm(channels)) + bias
                cell = np.array([*local, (column / 4 - 0.5) * 1.5, (row / 3 - 0.5) * 1.5])
                nearness = np.exp(-sharpness * ((cell - centers) ** 2).sum(1))
                wanted += (nearness / nearness.sum())[:, None] * (cell - centers)
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        np.testing.assert_allclose(got, wanted.ravel(), atol=1e-4)


def test_vlad_tells_places_apart() -> None:
    torch.manual_seed(5)
    pool, maps = Vlad(2, 4, 3), torch.zeros(2, 2, 2, 6)
    maps[:, 0] = 1.0
    maps[0, 1, 0, 0], maps[1, 1, 0, 5] = 3.0, 3.0  # the same mark, at the left and at the right
    left, right = pool(maps).detach()
    assert float((left - right).norm()) > 0.05
