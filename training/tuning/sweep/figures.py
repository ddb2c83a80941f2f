"""Pictures of a sweep: its history, what decided, and the figure over each thing varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.plots import figure
from training.tuning.sweep.report import shortened
from training.tuning.sweep.space import Dimension, Space
from training.tuning.sweep.study import TrialResult

_BLUE, _GREY, _RED = "#1f4e79", "#8a8a8a", "#b03a2e"


def draw_sweep(
    out: Path,
    results: Sequence[TrialResult],
    space: Space,
    importance: Mapping[str, float],
    *,
    name: str,
    metric: str,
) -> None:
    """Draw history.png, slices.png and, where it can be computed, importance.png."""
    if any(each.value is not None for each in results):
        draw_history(out / "history.png", results, name, metric)
        draw_slices(out / "slices.png", results, space, name, metric)
    if importance:
        draw_importance(
            out / "importance.png",
            importance,
            sum(e.standing == "complete" for e in results),
            name,
            metric,
        )


def draw_history(path: Path, results: Sequence[TrialResult], name: str, metric: str) -> None:
    """Draw every trial's figure with the best so far, and next to it the trials' curves."""
    with figure(path, columns=2, height_inches=4.5) as (history, curves):
        complete = _points(history, results)
        if complete:
            best = np.maximum.accumulate([each.value or 0.0 for each in complete])
            ends = [*(each.number for each in complete), max(each.number for each in results)]
            history.step(ends, [*best, best[-1]], where="post", color=_BLUE, label="best so far")
        history.set(
            title=f"{name}: sweep", xlabel="trial", ylabel=f"{metric} (best validated epoch)"
        )
        history.xaxis.get_major_locator().set_params(integer=True)
        history.legend(fontsize=10)
        highest = max(complete, key=lambda each: each.value or 0.0, default=None)
        for each in results:
            style = _curve_style(each, is_best=each is highest)
            curves.plot(
                list(each.curve), list(each.curve.values()), marker="o", markersize=3, **style
            )
        curves.set(title="each trial's validation", xlabel="epoch", ylabel=metric)
        curves.xaxis.get_major_locator().set_params(integer=True)
        if curves.get_legend_handles_labels()[0]:
            curves.legend(fontsize=10)


def _points(axes: Any, results: Sequence[TrialResult]) -> list[TrialResult]:
    """Draw the trials by how they stand; returns the complete ones."""
    complete = [each for each in results if each.standing == "complete"]
    pruned = [each for each in results if each.standing == "pruned" and each.value is not None]
    failed = [each for each in results if each.standing == "failed"]
    axes.plot(
        [e.number for e in complete],
        [e.value for e in complete],
        "o",
        color=_BLUE,
        label="complete",
    )
    if pruned:
        numbers, values = [e.number for e in pruned], [e.value for e in pruned]
        axes.plot(numbers, values, "v", color=_GREY, label="pruned (its figure by then)")
    for at, each in enumerate(failed):
        axes.axvline(
            each.number, color=_RED, linestyle=":", linewidth=1.5, label=None if at else "failed"
        )
    return complete


def _curve_style(result: TrialResult, *, is_best: bool) -> dict[str, Any]:
    if is_best:
        return {
            "color": _BLUE,
            "linewidth": 3,
            "zorder": 3,
            "label": f"the best, trial {result.number}",
        }
    return {
        "color": _GREY,
        "linewidth": 1,
        "alpha": 0.7,
        "linestyle": "-" if result.standing == "complete" else ":",
    }


def draw_importance(
    path: Path, importance: Mapping[str, float], trials: int, name: str, metric: str
) -> None:
    """Draw what decided the figure, as bars; the title says of how many trials."""
    names = sorted(importance, key=lambda each: importance[each])
    with figure(path, width_inches=8, height_inches=1.6 + 0.55 * len(names)) as (axes,):
        axes.barh(
            [_broken(each) for each in names], [importance[each] for each in names], color=_BLUE
        )
        axes.set(
            title=f"{name}: what decided {metric} ({trials} trials)",
            xlabel="share of the variance explained (fANOVA; sums to 1)",
        )
        axes.set_xlim(0, 1)


def draw_slices(
    path: Path, results: Sequence[TrialResult], space: Space, name: str, metric: str
) -> None:
    """Draw the figure over every dimension's values."""
    shown = [each for each in results if each.value is not None]
    columns = min(3, len(space))
    rows = -(-len(space) // columns)
    with figure(path, columns, rows, width_inches=5, height_inches=4) as axes:
        for at, (axis, dimension) in enumerate(zip(axes, space, strict=False)):
            _draw_slice(axis, shown, dimension)
            axis.set(
                ylabel=f"{metric} ({name})" if at % columns == 0 else "", xlabel=_label(dimension)
            )
        for axis in axes[len(space) :]:
            axis.set_axis_off()
        axes[0].legend(fontsize=10)


def _draw_slice(axes: Any, shown: Sequence[TrialResult], dimension: Dimension) -> None:
    for standing, marker, colour in (("complete", "o", _BLUE), ("pruned", "v", _GREY)):
        group = [each for each in shown if each.standing == standing]
        if group:
            at = [_position(dimension, each.values[dimension.name]) for each in group]
            axes.plot(at, [each.value for each in group], marker, color=colour, label=standing)
    if dimension.kind == "choice":
        axes.set_xticks(
            range(len(dimension.choices)), [shortened(text) for text in dimension.choices]
        )
        axes.set_xlim(-0.5, len(dimension.choices) - 0.5)
    elif dimension.kind == "log":
        axes.set_xscale("log")


def _position(dimension: Dimension, value: str) -> float:
    return float(dimension.choices.index(value)) if dimension.kind == "choice" else float(value)


def _label(dimension: Dimension) -> str:
    return _broken(dimension.name)


def _broken(name: str) -> str:
    """Several keys, each in a line of its own."""
    return name.replace(",", "\n= ")
