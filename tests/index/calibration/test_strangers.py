"""index/calibration/rate_bounds.py: kinds of stranger, and rates promised for the harder."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.fitting import calibrate
from index.calibration.rate_bounds import StrangerKind, bound_rates, upper_bounds
from tests.index.calibration.test_calibration import herd, unit


def kind(distances: list[float], animals: list[int] | None = None, **more: bool) -> StrangerKind:
    rows = np.array(distances)[:, None]
    return StrangerKind(rows, np.array(animals or range(len(distances))), **more)


@pytest.mark.parametrize("strangers", [49, 50, 200])
def test_few_new_whale_photos_are_counted_with_the_individuals(
    rng: np.random.Generator, strangers: int
) -> None:
    vectors, individuals = herd(rng, 20, 4)
    others = unit(rng.normal(size=(strangers, 16)))
    calibration = calibrate(
        np.concatenate([vectors, others]), [*individuals, *([None] * strangers)]
    )
    few = "a few " if strangers < 50 else ""
    assert calibration.unknown_source == f"held-out individuals and {few}new_whale photos"
    assert calibration.unknown_trials == 80 + strangers
    assert calibration.unknown_animals == 20
    assert calibration.known_trials == 80


@pytest.mark.parametrize("strangers", [49, 50, 500])
@pytest.mark.parametrize("fpir", [0.05, 0.1, 0.3])
def test_mild_strangers_do_not_loosen_what_is_promised_for_animals_that_are_lacking(
    rng: np.random.Generator, strangers: int, fpir: float
) -> None:
    vectors, individuals = herd(rng, 60, 4)
    alone = calibrate(vectors, individuals)
    mild = np.full((strangers, 16), -1.0, np.float32) + rng.normal(
        scale=0.1, size=(strangers, 16)
    ).astype(np.float32)
    both = calibrate(np.concatenate([vectors, unit(mild)]), [*individuals, *([None] * strangers)])
    assert both.threshold_at_fpir(fpir) <= alone.threshold_at_fpir(fpir) + 1e-9


def test_hard_strangers_tighten_what_is_promised(rng: np.random.Generator) -> None:
    mild, hard = np.linspace(0.5, 1, 200), np.linspace(0.1, 0.6, 200)
    alone = bound_rates([kind(mild.tolist())])
    both = bound_rates([kind(mild.tolist()), kind(hard.tolist(), is_held_out=False)])
    assert np.interp(0.5, alone.distances, alone.rates) < 0.05
    assert np.interp(0.3, both.distances, both.rates) > 0.35


def test_animals_are_counted_and_not_photos() -> None:
    # Ten photos each of twelve animals: one animal's photos pass together.
    photos = kind([0.1] * 10 + [0.5] * 110, [at // 10 for at in range(120)])
    assert photos.animal_count == 12
    assert photos.passing(np.array([0.1, 0.2, 0.6])).tolist() == pytest.approx([0, 1, 12])
    # Of twelve one is held out, so that eleven were compared with: a twelfth more would pass.
    expected = upper_bounds(np.array([0.0, 1.0]), 12) * 12 / 11
    assert photos.bounds(np.array([0.1, 0.2])) == pytest.approx(expected)


def test_half_of_an_animals_photos_count_as_half_an_animal() -> None:
    photos = kind([0.1, 0.5, 0.5, 0.5], [0, 0, 1, 1])
    assert photos.passing(np.array([0.2])).tolist() == [0.5]


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_many_strangers_keep_a_rate_on_average_and_use_it(
    rng: np.random.Generator, rate: float
) -> None:
    """Distances are uniform, so that a threshold is its own rate."""
    real = list[float]()
    for _ in range(1000):
        bounds = bound_rates([kind(rng.uniform(size=400).tolist(), is_held_out=False)])
        at = int(np.searchsorted(bounds.rates, rate, side="right")) - 1
        real.append(bounds.distances[at])
    assert 0.95 * rate < np.mean(real) < 1.05 * rate
    assert np.mean(np.array(real) > rate) > 0.35  # a bound of .75 would leave .25


def test_animals_with_several_photos_use_a_low_rate_too(rng: np.random.Generator) -> None:
    """At .01 of 300 animals three decide, and photos of one animal are nearly as far as others."""
    real = list[float]()
    for _ in range(1000):
        photos = rng.choice([1, 2, 3, 6], 300, p=[0.4, 0.3, 0.2, 0.1])
        animals = np.repeat(np.arange(300), photos)
        bounds = bound_rates(
            [kind(rng.uniform(size=len(animals)).tolist(), animals.tolist(), is_held_out=False)]
        )
        at = int(np.searchsorted(bounds.rates, 0.01, side="right")) - 1
        real.append(bounds.distances[at])
    assert 0.9 * 0.01 < np.mean(real) < 1.05 * 0.01


def test_the_bound_goes_over_to_the_mean_from_100_strangers_to_300() -> None:
    found = [
        kind(np.linspace(0.2, 1, count).tolist(), is_held_out=False).bounds(np.array([0.1]))[0]
        for count in (100, 200, 300)
    ]
    small = [float(upper_bounds(np.array([0.0]), count)[0]) for count in (100, 200)]
    assert found == pytest.approx([small[0], (small[1] + 1 / 201) / 2, 1 / 301])


def test_so_few_new_whales_that_none_came_near_do_not_forbid_a_low_rate() -> None:
    individuals = kind(np.linspace(0.2, 1, 1000).tolist())
    few = kind(np.linspace(0.5, 1, 60).tolist(), is_held_out=False)
    alone, both = bound_rates([individuals]), bound_rates([individuals, few])
    assert both.rates[0] <= alone.rates[0]
    at = np.searchsorted(both.distances, 0.5) + 5
    assert both.rates[at] >= upper_bounds(np.array([0.0]), 60)[0]


@pytest.mark.parametrize(("passing", "count"), [(0, 5), (0, 12), (3, 40), (20, 40), (40, 40)])
def test_the_bound_is_the_rate_that_a_quarter_of_catalogues_would_not_keep(
    rng: np.random.Generator, passing: int, count: int
) -> None:
    rate = float(upper_bounds(np.array([float(passing)]), count)[0])
    if passing == count:
        assert rate == 1.0
        return
    drawn = rng.binomial(count, rate, size=200_000)
    assert (drawn <= passing).mean() == pytest.approx(0.25, abs=0.01)
