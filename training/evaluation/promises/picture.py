"""promises.png: reliability diagrams, and promised against measured rates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.plots import figure

Figures = dict[str, Any]

_COLOURS = ("#1f4e79", "#b8541f", "#2f7d4f", "#7a4fa3")
_LARGEST_DOT = 400  # points squared, of a bin with all the weight
_SMALLEST_RATE = 1e-3  # a share of 0 is drawn here, on a scale of powers


def draw_reliability(figures: Figures, path: Path, name: str) -> None:
    """Draw two rows: a reliability diagram for each share of new animals, then bursts and rates."""
    with figure(path, columns=4, rows=2, width_inches=5, height_inches=4.6) as axes:
        for panel, row in zip(axes[:4], figures["shares"], strict=False):
            _draw_bins(panel, row["set"]["bins"], "share set", _COLOURS[0])
            if row["unset"] != row["set"]:
                _draw_bins(panel, row["unset"]["bins"], "share unset", _COLOURS[1])
            _label_reliability(panel, f"{name}: {row['share']:.0%} new")
        bursts, absent, new_whales, small = axes[4:]
        for key, label, colour in (
            ("facts", "encounters known", _COLOURS[0]),
            ("blind", "encounters unknown", _COLOURS[1]),
        ):
            if figures["bursts"]:
                _draw_bins(bursts, figures["bursts"][key]["bins"], label, colour)
        _label_reliability(bursts, "three frames of everything")
        for panel, kind, title in (
            (absent, "absent", "absent individuals"),
            (new_whales, "new_whales", "new_whale photos"),
        ):
            _draw_rates(panel, figures["rates"], kind)
            _label_rates(panel, title)
        _draw_rates(small, figures["small"], "measured")
        _label_rates(small, "small catalogues, mean of draws")


def _draw_bins(axes: Any, bins: Sequence[Figures], label: str, colour: str) -> None:
    """Draw stated probability against share right; a dot is as large as its bin is heavy."""
    stated, right = [one["stated"] for one in bins], [one["right"] for one in bins]
    axes.plot(stated, right, color=colour, linewidth=1, label=label)
    axes.scatter(stated, right, s=[_LARGEST_DOT * one["weight"] for one in bins], color=colour)


def _label_reliability(axes: Any, title: str) -> None:
    axes.plot([0, 1], [0, 1], color="#888888", linestyle=":", linewidth=1, label="as stated")
    axes.set(
        title=title,
        xlabel="stated probability",
        ylabel="share right",
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
    )
    axes.legend(loc="upper left", fontsize=9)


def _draw_rates(axes: Any, rows: Sequence[Figures], kind: str) -> None:
    """Draw a line for each size of catalogue, through the rates that it promised."""
    sizes = sorted({row["individuals"] for row in rows})
    for size, colour in zip(sizes, _COLOURS, strict=False):
        own = [row for row in rows if row["individuals"] == size and row[kind] is not None]
        if own:
            axes.plot(
                [row["promised"] for row in own],
                [max(_SMALLEST_RATE, row[kind]) for row in own],
                marker="o",
                markersize=5,
                color=colour,
                label=f"{size:,} individuals",
            )


def _label_rates(axes: Any, title: str) -> None:
    ends = (_SMALLEST_RATE, 1)
    axes.plot(ends, ends, color="#888888", linestyle=":", linewidth=1, label="as promised")
    axes.set(
        title=title,
        xlabel="false-positive rate promised",
        ylabel="measured (below the line: stays within)",
        xscale="log",
        yscale="log",
        xlim=(5e-3, 0.5),
        ylim=(_SMALLEST_RATE / 1.3, 1),
    )
    axes.legend(loc="upper left", fontsize=9)
