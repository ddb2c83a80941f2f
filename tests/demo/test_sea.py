from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from demo.sea import Weather, paint_sea


def _weather(**changes: object) -> Weather:
    return dataclasses.replace(Weather.from_rng(np.random.default_rng(1)), **changes)


def test_the_same_seed_is_the_same_sea() -> None:
    weather = _weather()
    first = paint_sea(weather, np.random.default_rng(4), 120, 60)
    assert np.array_equal(first, paint_sea(weather, np.random.default_rng(4), 120, 60))
    assert not np.array_equal(first, paint_sea(weather, np.random.default_rng(5), 120, 60))


def test_above_the_horizon_the_rows_are_plain_sky_and_below_it_are_waves(
    rng: np.random.Generator,
) -> None:
    scene = paint_sea(_weather(horizon=0.5, chop=0.9), rng, 200, 100)
    assert scene.shape == (100, 200, 3)
    assert scene[:49].std(axis=1).max() < 1e-5  # float32 rounding
    assert scene[55:].std(axis=1).min() > 0.001


def test_a_horizon_above_the_frame_leaves_only_water(rng: np.random.Generator) -> None:
    scene = paint_sea(_weather(horizon=-0.5, chop=0.9), rng, 200, 100)
    assert scene.std(axis=1).min() > 0.001


def test_more_chop_is_a_rougher_sea() -> None:
    calm, rough = (
        paint_sea(_weather(horizon=-0.5, chop=chop), np.random.default_rng(2), 200, 100)
        for chop in (0.1, 1.0)
    )
    assert rough.std() > 2 * calm.std()


@pytest.mark.parametrize("seed", range(10))
def test_colours_stay_near_what_a_camera_can_take(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = paint_sea(Weather.from_rng(rng), rng, 120, 60)
    assert scene.min() >= 0
    assert scene.max() < 2.2
