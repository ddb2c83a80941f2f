from __future__ import annotations

import itertools

import numpy as np
import pytest

from demo.anatomy import HEIGHT_PX, LEFT, PX_PER_UNIT, TOP, WIDTH_PX, Individual


def _pixel(x: float, y: float) -> tuple[int, int]:
    return int((TOP - y) * PX_PER_UNIT), int((x - LEFT) * PX_PER_UNIT)


def test_a_seed_is_a_whale() -> None:
    first, again = Individual.from_seed(7), Individual.from_seed(7)
    for layer, same in zip(first.skin, again.skin, strict=True):
        assert np.array_equal(layer, same)


@pytest.mark.parametrize("seed", range(12))
def test_every_layer_covers_the_grid_between_0_and_1(seed: int) -> None:
    for layer in Individual.from_seed(seed).skin:
        assert layer.shape == (HEIGHT_PX, WIDTH_PX)
        assert layer.dtype == np.float32
        assert layer.min() >= 0
        assert layer.max() <= 1


@pytest.mark.parametrize("seed", range(12))
def test_a_fluke_has_two_lobes_a_notch_and_a_tail_stock(seed: int) -> None:
    cover = Individual.from_seed(seed).skin.cover
    assert cover[_pixel(-0.5, -0.1)] == 1
    assert cover[_pixel(0.5, -0.1)] == 1
    assert cover[_pixel(0.0, -0.5)] == 1
    assert cover[_pixel(0.0, 0.02)] == 0  # the notch is open to the sky
    assert cover[_pixel(-0.7, -0.6)] == cover[_pixel(0.7, -0.6)] == 0
    assert cover[:, 0].max() == cover[:, -1].max() == 0


def test_the_trailing_edge_differs_from_lobe_to_lobe_and_whale_to_whale() -> None:
    heights = [Individual.from_seed(seed).skin.cover[:, 60:240].sum(axis=0) for seed in range(6)]
    mirrored = [
        Individual.from_seed(seed).skin.cover[:, ::-1][:, 60:240].sum(axis=0) for seed in range(6)
    ]
    for one, other in itertools.combinations(heights + mirrored, 2):
        assert np.abs(one - other).max() > 2


def test_whales_range_from_black_to_white() -> None:
    whiteness = [float(np.average(skin.white, weights=skin.cover)) for skin in _skins(40)]
    assert min(whiteness) < 0.15
    assert max(whiteness) > 0.6
    assert np.std(whiteness) > 0.15


def test_no_two_whales_wear_the_same_pattern() -> None:
    worn = [(skin.white * skin.cover)[60:220:4, 40:500:4].ravel() for skin in _skins(40)]
    alike = np.corrcoef(worn)
    assert alike[~np.eye(40, dtype=bool)].max() < 0.93


def _skins(count: int) -> list:
    return [Individual.from_seed(seed).skin for seed in range(count)]
