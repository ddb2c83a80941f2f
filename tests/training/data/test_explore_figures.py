"""training/data/explore_figures.py: axes that can be read, whatever the numbers are."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from training.data import explore_figures
from training.data.explore_figures import draw_labels, whole_ticks
from training.plots import figure


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.8, 11, [1, 2, 5, 10]),
        (0.8, 260, [1, 2, 5, 10, 20, 50, 100, 200]),
        (0.8, 2_900, [1, 10, 100, 1000]),
        (20, 10_000, [100, 1000, 10_000]),
        (2, 4, [2, 3, 4]),
        (4.8, 11.7, [6, 8, 10]),
        (9.6, 19.5, [10, 12, 14, 16, 18]),
        (20, 50, [20, 30, 40, 50]),
        (0.8, 2, [1, 2]),
    ],
)
def test_ticks_of_a_logarithmic_axis(low: float, high: float, ticks: list[int]) -> None:
    assert whole_ticks(low, high) == ticks


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of what is drawn."""
    axes_drawn: list[Any] = []

    @contextmanager
    def kept(*arguments: Any, **options: Any) -> Generator[list[Any]]:
        with figure(*arguments, **options) as axes:
            axes_drawn.extend(axes)
            yield axes

    monkeypatch.setattr(explore_figures, "figure", kept)
    return axes_drawn


@pytest.mark.parametrize(
    ("least", "most"), [(1, 1), (3, 3), (3, 4), (6, 9), (12, 15), (25, 39), (1, 700), (60, 4000)]
)
def test_every_logarithmic_axis_of_labels_has_ticks_in_view(
    least: int, most: int, drawn: list[Any], tmp_path: Path
) -> None:
    counts = {f"w_{at}": most - at % (1 + most - least) for at in range(40)}
    draw_labels(counts, tmp_path / "labels.png")
    histogram, ranks = drawn
    for axis in (histogram.yaxis, ranks.xaxis, ranks.yaxis):
        low, high = axis.get_view_interval()
        shown = [label.get_text() for label in axis.get_ticklabels()]
        ticks = list(axis.get_ticklocs())
        assert [f"{tick:,.0f}" for tick in ticks] == shown
        assert 2 <= len(ticks) <= 8 and all(low <= tick <= high for tick in ticks)
