from __future__ import annotations

import numpy as np
import pytest

from demo.noise import TILE_PX, blurred, patches, profile, sea_tile


def test_a_profile_is_standardised_and_smooth(rng: np.random.Generator) -> None:
    values = profile(rng, 400, 10)
    assert values.shape == (400,)
    assert values.mean() == pytest.approx(0, abs=1e-4)
    assert values.std() == pytest.approx(1, abs=1e-3)
    assert np.abs(np.diff(values)).max() < 0.25


def test_more_bumps_cross_zero_more_often(rng: np.random.Generator) -> None:
    def crossings(bumps: float) -> int:
        return int(np.count_nonzero(np.diff(np.sign(profile(rng, 1000, bumps)))))

    assert crossings(60) > 3 * crossings(6)


@pytest.mark.parametrize(("rows_px", "columns_px"), [(3, 4), (40, 60), (16, 3.5)])
def test_patches_have_the_asked_shape_and_are_standardised(
    rng: np.random.Generator, rows_px: float, columns_px: float
) -> None:
    values = patches(rng, 90, 140, rows_px=rows_px, columns_px=columns_px)
    assert values.shape == (90, 140)
    assert values.mean() == pytest.approx(0, abs=1e-3)
    assert values.std() == pytest.approx(1, abs=1e-3)


def test_patches_are_longer_along_the_axis_that_asks_for_it(rng: np.random.Generator) -> None:
    values = patches(rng, 200, 200, rows_px=40, columns_px=5)
    assert np.abs(np.diff(values, axis=0)).mean() < 0.4 * np.abs(np.diff(values, axis=1)).mean()


def test_a_blur_keeps_the_sum_and_spreads_a_point() -> None:
    point = np.zeros((21, 21), np.float32)
    point[10, 10] = 1
    spread = blurred(point, 1.0)
    assert spread.sum() == pytest.approx(1, abs=1e-4)
    assert spread[10, 10] == pytest.approx(1 / (2 * np.pi), abs=0.01)


def test_the_sea_repeats_without_a_seam() -> None:
    tile = sea_tile()
    assert tile.shape == (TILE_PX, TILE_PX)
    inside = np.abs(np.diff(tile, axis=0)).mean()
    assert np.abs(tile[0] - tile[-1]).mean() == pytest.approx(inside, rel=0.3)
    assert np.abs(tile[:, 0] - tile[:, -1]).mean() == pytest.approx(inside, rel=0.3)
