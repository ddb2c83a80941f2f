"""Plots and tables of runs and evaluations, drawn without a screen.

matplotlib's only door.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl

from embedding.checkpoint import write_atomically


@contextmanager
def figure(
    path: Path,
    columns: int = 1,
    rows: int = 1,
    *,
    width_inches: float = 6.0,
    height_inches: float = 4.0,
) -> Generator[list[Any]]:
    """Yield rows x columns axes, row by row, and write them to a PNG atomically."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(
        {"font.size": 12, "axes.grid": True, "grid.alpha": 0.3, "lines.linewidth": 2}
    ):
        drawn = Figure(figsize=(width_inches * columns, height_inches * rows), layout="constrained")
        axes: Any = drawn.subplots(rows, columns, squeeze=False)
        yield list(axes.flat)
        data = io.BytesIO()
        FigureCanvasAgg(drawn).print_png(data)
    write_atomically(path, data.getvalue())


def metrics_csv(history: Sequence[Mapping[str, float]]) -> str:
    """Write one row an epoch; a column that an epoch lacks is empty."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


_OF_INDIVIDUALS = {
    "known_top1": "known, top-1",
    "disjoint_top1": "disjoint, top-1",
    "disjoint_map5": "disjoint, MAP@5",
    "auroc": "known/new, AUROC",
}
_OF_CLASSES = {"known_top1": "accuracy (by the nearest photo)"}


def draw_curves(
    history: Sequence[Mapping[str, float]], path: Path, name: str, *, is_of_classes: bool = False
) -> None:
    """Draw the loss over epochs and, where epochs were validated, the validation metrics.

    `is_of_classes`: what is found is a kind, so that the share found is an accuracy.
    """
    measured = [row for row in history if "score" in row]
    with figure(path, columns=2 if measured else 1) as axes:
        _plot(axes[0], history, "loss", color="#1f4e79")
        axes[0].set(
            title=f"{name}: training loss",
            xlabel="epoch",
            ylabel="loss (mean over the epoch's steps)",
        )
        if measured:
            _draw_validation(axes[1], measured, _OF_CLASSES if is_of_classes else _OF_INDIVIDUALS)
        for each in axes:
            each.set_xlim(0.5, history[-1]["epoch"] + 0.5)
            each.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # no half epochs


def _draw_validation(
    axes: Any, measured: Sequence[Mapping[str, float]], labels: Mapping[str, str]
) -> None:
    for column, label in labels.items():
        rows = [row for row in measured if column in row]
        if rows:
            _plot(axes, rows, column, label=label)
    axes.set(title="validation", xlabel="epoch", ylabel="share (1 is best)", ylim=(0, 1))
    if axes.lines:
        axes.legend(loc="best", fontsize=10)


def _plot(axes: Any, rows: Sequence[Mapping[str, float]], column: str, **style: Any) -> None:
    marker = "o" if len(rows) == 1 else None  # a line of one point can't be seen
    axes.plot([row["epoch"] for row in rows], [row[column] for row in rows], marker=marker, **style)
