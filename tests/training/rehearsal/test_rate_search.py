"""training/rehearsal/rate_search.py: the steepest fall of curves whose steepest point is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from index.labels.reader import LabelledPhoto
from training.recipes.choices import BadRecipe
from training.recipes.reading import read_recipe
from training.rehearsal.rate_search import (
    HIGHEST,
    LOWEST,
    find_rate,
    search_result,
    smoothed,
    write_rate_search,
)

RATES = np.geomspace(1e-6, 1.0, 200)
FAST = ("network.backbone=test_resnet", "network.embedding_dim=16", "batches.individuals=6")


def falling(middle: float, noise: float = 0.0) -> np.ndarray:
    """A loss that falls from 3 to 1 around a rate, and rises from 0.3 on."""
    rng = np.random.default_rng(5)
    decades = np.log10(RATES / middle)
    return (
        1
        + 2 / (1 + np.exp(4 * decades))
        + 40 * np.maximum(0, np.log10(RATES / 0.3))
        + rng.normal(0, noise, 200)
    )


@pytest.mark.parametrize("middle", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_steepest_fall_is_suggested(middle: float, noise: float) -> None:
    sweep = search_result(RATES.tolist(), falling(middle, noise).tolist())
    assert sweep.suggestion is not None
    assert middle / 2 <= sweep.suggestion <= middle * 2
    assert sweep.suggestion < sweep.of_least_loss < 0.6


def test_the_noise_of_the_first_steps_is_no_fall() -> None:
    losses = falling(1e-3, 0.1)
    losses[:3] = [6.0, 5.0, 4.0]
    suggestion = search_result(RATES.tolist(), losses.tolist()).suggestion
    assert suggestion is not None and 5e-4 <= suggestion <= 2e-3


@pytest.mark.parametrize("losses", [np.full(200, 2.0), np.linspace(2, 5, 200)])
def test_no_rate_is_suggested_where_nothing_falls(losses: np.ndarray) -> None:
    assert search_result(RATES.tolist(), losses.tolist()).suggestion is None


def test_losses_that_are_no_numbers_are_left_out() -> None:
    losses = [*falling(1e-3)[:150].tolist(), float("nan")]
    sweep = search_result(RATES[:151].tolist(), losses)
    assert len(sweep.losses) == 150 and sweep.suggestion is not None
    assert search_result([0.1], [float("nan")]).suggestion is None


def test_the_smoothed_loss_is_the_bias_corrected_average() -> None:
    assert smoothed([7.0, 7.0, 7.0]).tolist() == pytest.approx([7.0, 7.0, 7.0])
    assert smoothed([1.0, 3.0])[1] == pytest.approx((0.95 * 0.05 * 1 + 0.05 * 3) / (1 - 0.95**2))


def test_picture_and_table_are_written(tmp_path: Path) -> None:
    sweep = search_result(RATES.tolist(), falling(1e-3, 0.1).tolist())
    table = write_rate_search(sweep, tmp_path / "rates.png", "tiny")
    assert table == tmp_path / "rates.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (
        len(rows) == 200 and float(rows[0]["rate"]) == LOWEST and float(rows[-1]["rate"]) == HIGHEST
    )
    assert float(rows[9]["loss"]) == pytest.approx(sweep.losses[9], rel=1e-5)
    assert (tmp_path / "rates.png").read_bytes()[:4] == b"\x89PNG"


def test_a_sweep_leaves_no_run_and_repeats_itself(
    whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    recipe = read_recipe("tiny", FAST)
    first, second = (
        find_rate(recipe, whales, cache=tmp_path / "cache", steps=12) for _ in range(2)
    )
    assert first.losses.tolist() == second.losses.tolist() and len(first.losses) <= 12
    assert first.rates[0] == pytest.approx(LOWEST)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_rate_of_nothing_has_no_multiples(whales: list[LabelledPhoto]) -> None:
    with pytest.raises(BadRecipe, match=r"optimiser\.rate = 0\.0 has no multiples"):
        find_rate(read_recipe("tiny", [*FAST, "optimiser.rate=0.0"]), whales)
