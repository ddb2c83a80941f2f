"""Pictures of a training on kinds: ROC and precision-recall curves, confusion matrix,
reliability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.classification.classifier import Scores
from training.classification.fitting import Kinds
from training.classification.metrics import BINS, measure, precision_recall_points, roc_points
from training.plots import figure

_MOST_DRAWN = 8  # curves in one picture; of more kinds those with the smallest AUC
_MOST_COUNTED = 16  # kinds whose cells have room for a number
_BLUE, _GREY = "#1f4e79", "0.6"


def draw_curves_of_kinds(
    probabilities: Scores, kinds: Kinds, names: Sequence[str], path: Path
) -> None:
    """Draw the ROC and precision-recall curve of each kind against all others; of two kinds, of the
    second.
    """
    measured = {each.name: each for each in measure(probabilities, kinds, names).kinds}
    drawn = [name for name in names if measured[name].auc is not None]
    if len(names) == 2:
        drawn = drawn[-1:]
    hardest = sorted(drawn, key=lambda name: measured[name].auc or 0.0)[:_MOST_DRAWN]
    is_all = len(hardest) == len(drawn)
    with figure(path, columns=2, width_inches=6.5, height_inches=5.5) as (roc, precision_recall):
        for name in [name for name in drawn if name in hardest]:
            at, told = list(names).index(name), measured[name]
            own = probabilities[:, at], kinds == at
            roc.plot(*roc_points(*own), label=f"{name}: AUC {told.auc:.3f}")
            recall, precision = precision_recall_points(*own)
            precision_recall.step(
                recall,
                precision,
                where="post",
                label=f"{name}: average precision {told.average_precision:.3f}",
            )
        roc.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="chance")
        which = "" if is_all else f" (the {_MOST_DRAWN} hardest of {len(drawn)} classes)"
        _finish(roc, f"ROC{which}", "false-positive rate", "true-positive rate", "lower right")
        _finish(
            precision_recall, f"precision and recall{which}", "recall", "precision", "lower left"
        )


def _finish(axes: Any, title: str, x: str, y: str, legend: str) -> None:
    axes.set(
        title=title,
        xlabel=f"{x} (share)",
        ylabel=f"{y} (share)",
        xlim=(-0.01, 1.01),
        ylim=(0, 1.02),
    )
    axes.legend(loc=legend, fontsize=10)


def draw_confusion(confusion: NDArray[np.int64], names: Sequence[str], path: Path) -> None:
    """Draw the counts (c, c), true kinds down, answers across, coloured by each row's shares."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = min(12.0, max(5.5, 2.5 + 0.7 * len(names)))
    with figure(path, width_inches=side + 1.0, height_inches=side) as (axes,):
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
        axes.grid(visible=False)
        size = 11 if len(names) <= _MOST_COUNTED else max(4, 180 // len(names))
        places = range(len(names))
        axes.set_xticks(places, names, rotation=45, ha="right", fontsize=size)
        axes.set_yticks(places, names, fontsize=size)
        axes.set(
            title=f"confusion matrix, {int(confusion.sum())} test photos",
            xlabel="answer",
            ylabel="true class",
        )
        if len(names) <= _MOST_COUNTED:
            for row, column in np.ndindex(*confusion.shape):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(
                    column, row, str(confusion[row, column]), ha="center", va="center", color=colour
                )


def draw_reliability(bins: Sequence[Mapping[str, float]], error: float, path: Path) -> None:
    """Draw the share right against the stated probability in tenths, and how many photos each
    holds.
    """
    stated = [each["stated"] for each in bins]
    with figure(path, columns=2, width_inches=5.5, height_inches=5.0) as (shares, counts):
        shares.plot(
            [0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="perfectly calibrated"
        )
        shares.plot(stated, [each["right"] for each in bins], "o-", color=_BLUE, label="measured")
        shares.set(
            title=f"reliability, ECE {error:.3f}",
            xlabel="stated probability (mean of the bin)",
            ylabel="share that is right",
            xlim=(0, 1.02),
            ylim=(0, 1.02),
        )
        shares.legend(loc="upper left", fontsize=10)
        places = [min(int(each * BINS), BINS - 1) / BINS for each in stated]
        counts.bar(
            places, [each["photos"] for each in bins], width=0.9 / BINS, align="edge", color=_BLUE
        )
        counts.set(
            title="how often", xlabel="stated probability", ylabel="test photos", xlim=(0, 1)
        )
