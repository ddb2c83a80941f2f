"""Two runs compared: choices, metrics, whether one repeats the other, and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.plots import figure
from training.tuning.runs.runs import NO_METRICS, RunFolder, flatten

_TIMES = ("seconds",)
_COLOURS = ("#1f4e79", "#c55a11")
_MOST_METRICS = 3


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of both runs' best epochs; None where a run hasn't it."""

    name: str
    first: float | None
    second: float | None

    @property
    def difference(self) -> float | None:
        return None if self.first is None or self.second is None else self.second - self.first


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs compared.

    `choices` are those that differ, as (key, first's, second's). `parts_at` is the first epoch
    whose figures differ in any digit, time left out; None where all are the same. `has_same_*` are
    None where a run lacks what is compared.
    """

    choices: tuple[tuple[str, Any, Any], ...]
    metrics: tuple[Metric, ...]
    parts_at: int | None
    parted: tuple[str, ...]
    has_same_metrics: bool | None
    has_same_fingerprint: bool | None
    has_same_photos: bool | None


def compare_runs(first: RunFolder, second: RunFolder) -> RunComparison:
    """Compare two runs."""
    one, other = flatten(first.recipe), flatten(second.recipe)
    keys = [*one, *(key for key in other if key not in one)]
    names = [*first.metrics, *(name for name in second.metrics if name not in first.metrics)]
    parts_at, parted = _divergence(first.history, second.history)
    prints = (first.fingerprint(), second.fingerprint())
    return RunComparison(
        choices=tuple(
            (key, one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)
        ),
        metrics=tuple(
            Metric(name, first.metrics.get(name), second.metrics.get(name)) for name in names
        ),
        parts_at=parts_at,
        parted=parted,
        has_same_metrics=parts_at is None if first.history and second.history else None,
        has_same_fingerprint=prints[0] == prints[1] if all(prints) else None,
        has_same_photos=first.data == second.data if first.data and second.data else None,
    )


def _divergence(
    one: Sequence[dict[str, float]], other: Sequence[dict[str, float]]
) -> tuple[int | None, tuple[str, ...]]:
    """The first epoch at which the figures differ, and which of them."""
    for mine, theirs in zip(one, other, strict=False):
        names = [
            name
            for name in {**mine, **theirs}
            if name not in _TIMES and mine.get(name) != theirs.get(name)
        ]
        if names:
            return int(mine["epoch"]), tuple(names)
    if len(one) != len(other):
        return min(len(one), len(other)) + 1, ("epochs",)
    return None, ()


def draw_comparison(path: Path, first: RunFolder, second: RunFolder) -> None:
    """Draw both runs' losses and the validation figures that both have, side by side."""
    names = [
        name
        for name in first.metrics
        if name in second.metrics
        and name not in NO_METRICS
        and " " not in name  # not each species by itself
    ]
    names = sorted(names, key=lambda name: name != "score")[:_MOST_METRICS]
    labels = run_labels(first, second)
    columns = 2 if names else 1
    with figure(
        path, columns, -(-(1 + len(names)) // 2), width_inches=5.5, height_inches=4
    ) as axes:
        for axis, name in zip(axes, ["loss", *names], strict=False):
            for run, colour, label, style in zip(
                (first, second), _COLOURS, labels, ("-", "--"), strict=True
            ):
                rows = [row for row in run.history if name in row]
                at, values = [row["epoch"] for row in rows], [row[name] for row in rows]
                axis.plot(at, values, style, color=colour, marker="o", markersize=4, label=label)
            axis.set(
                xlabel="epoch",
                ylabel="training loss (mean of the epoch)"
                if name == "loss"
                else f"validation {name}",
            )
            axis.xaxis.get_major_locator().set_params(integer=True)
        axes[0].legend(fontsize=10)
        for axis in axes[1 + len(names) :]:
            axis.set_axis_off()


def run_labels(first: RunFolder, second: RunFolder) -> tuple[str, str]:
    """The runs' names, with as many folders before them as tell them apart."""
    one, other = first.path.resolve().parts, second.path.resolve().parts
    for count in range(1, max(len(one), len(other)) + 1):
        labels = "/".join(one[-count:]), "/".join(other[-count:])
        if labels[0] != labels[1]:
            return labels
    return f"{first.path.name} (A)", f"{second.path.name} (B)"
