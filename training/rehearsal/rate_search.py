"""Search for a rate of learning: a sweep, and where in it the loss falls the steepest."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedding.checkpoint import write_atomically
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.learning.optimisation import set_rate
from training.plots import figure
from training.recipes.choices import BadRecipe, Recipe
from training.rehearsal.rehearsal import rehearsal
from training.run.phases import enter_epoch
from training.run.run import Run
from training.run.step import take_step

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 200
_KEPT = 0.95  # of the smoothed loss at each step
_DIVERGED = 4.0  # times the least smoothed loss
_LEAST_FALL = 0.05  # of the loss at the start: what falls less is no fall
_SLOPE_DECADES = 0.5  # to each side of a rate: its slope is a line's through all steps within


@dataclass(frozen=True, slots=True)
class RateSearch:
    """The losses (n,) of a sweep over rates (n,), those smoothed, and the rate suggested: None
    where nothing fell.

    `of_least_loss` is the rate at the smoothed loss's minimum, from which on greater rates do harm.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float | None
    of_least_loss: float


def find_rate(
    recipe: Recipe,
    photos: Sequence[LabelledPhoto],
    *,
    cache: Path | None = None,
    steps: int = STEPS,
) -> RateSearch:
    """RateSearch the rate over some steps of the recipe's first epochs, and leave no run behind.

    All groups of weights keep their proportions (head_rate_factor, backbone_rate_factor). Raises
    what preparing raises.
    """
    if recipe.optimiser.rate <= 0:
        raise BadRecipe("optimiser.rate = 0.0 has no multiples to be search_result; give any other")
    with rehearsal(recipe, photos, cache=cache) as run:
        return search_result(*_sweep_rates(run, steps))


def _sweep_rates(run: Run, steps: int) -> tuple[list[float], list[float]]:
    rates: list[float] = np.geomspace(LOWEST, HIGHEST, steps).tolist()
    losses: list[float] = []
    with progress(steps, "sweeping the rate") as advance:
        while len(losses) < steps and not _is_over(losses):
            run.position.step = len(losses) % run.batches_now.steps
            if run.position.step == 0:
                enter_epoch(
                    run, run.network
                )  # the first epoch's, again and again: what is frozen stays so
            set_rate(run.optimiser, rates[len(losses)] / run.recipe.optimiser.rate)
            rows = next(
                run.batches_now.epoch(len(losses) // run.batches_now.steps, run.position.step)
            )
            losses.append(take_step(run, run.network, rows))
            advance(1)
    return rates[: len(losses)], losses


def _is_over(losses: Sequence[float]) -> bool:
    if not losses:
        return False
    smooth = smoothed(losses)
    return not np.isfinite(losses[-1]) or bool(smooth[-1] > _DIVERGED * smooth.min())


def smoothed(losses: Sequence[float]) -> NDArray[np.float64]:
    """The exponential moving average of losses, freed of its beginning at 0."""
    found: list[float] = []
    average = 0.0
    for count, loss in enumerate(losses, start=1):
        average = _KEPT * average + (1 - _KEPT) * loss
        found.append(average / (1 - _KEPT**count))
    return np.array(found, np.float64)


def search_result(rates: Sequence[float], losses: Sequence[float]) -> RateSearch:
    """Find the rate at which the loss falls the steepest, on a log scale, before it is at its least
    when smoothed.
    """
    finite = [at for at, loss in enumerate(losses) if np.isfinite(loss)]
    known = np.array([rates[at] for at in finite])
    plain = np.array([losses[at] for at in finite])
    if not len(known):
        return RateSearch(known, plain, plain, None, float("nan"))
    smooth = smoothed(plain.tolist())
    least = int(smooth.argmin())
    begin = float(np.median(plain[: max(5, len(plain) // 20)]))
    suggestion = None
    if begin - smooth[least] >= _LEAST_FALL * abs(begin):
        slopes = _slopes(np.log10(known), plain)
        suggestion = float(known[int(slopes[: least + 1].argmin())])
    return RateSearch(known, plain, smooth, suggestion, float(known[least]))


def _slopes(decades: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The slope (n,) of a straight line through all points within half a decade; 0 too near the
    first of them.

    Of the plain losses: the smoothed ones come late, and their first few are no smoother than the
    plain.
    """
    found = np.zeros(len(decades))
    for at, decade in enumerate(decades):
        near = np.abs(decades - decade) <= _SLOPE_DECADES
        if decade - decades[0] >= _SLOPE_DECADES and np.count_nonzero(near) > 2:
            x = decades[near] - decades[near].mean()
            found[at] = float((x * values[near]).sum() / (x * x).sum())
    return found


def write_rate_search(sweep: RateSearch, path: Path, name: str) -> Path:
    """Write the sweep's picture (PNG) and, beside it, its numbers as CSV; returns the CSV's
    path.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "rate", "loss", "smoothed"])
    writer.writerows(
        [at + 1, f"{rate:.6g}", f"{loss:.6g}", f"{smooth:.6g}"]
        for at, (rate, loss, smooth) in enumerate(
            zip(sweep.rates, sweep.losses, sweep.smoothed, strict=True)
        )
    )
    table = path.with_suffix(".csv")
    write_atomically(table, text.getvalue().encode())
    _draw(sweep, path, name)
    return table


def _draw(sweep: RateSearch, path: Path, name: str) -> None:
    with figure(path, width_inches=7.5, height_inches=4.5) as (axes,):
        axes.plot(
            sweep.rates, sweep.losses, color="#9db8d2", linewidth=1, label="loss of each step"
        )
        axes.plot(sweep.rates, sweep.smoothed, color="#1f4e79", label="smoothed")
        if sweep.suggestion is not None:
            at = int(np.abs(sweep.rates - sweep.suggestion).argmin())
            said = f"suggested: {sweep.suggestion:.1e}"
            axes.axvline(sweep.suggestion, color="#b5452c", linestyle="--", linewidth=1.5)
            axes.plot(
                [sweep.suggestion],
                [sweep.smoothed[at]],
                "o",
                color="#b5452c",
                markersize=9,
                label=said,
            )
        top = max(
            sweep.smoothed[0],
            float(np.percentile(sweep.losses, 90)),
            1.15 * float(sweep.smoothed.max()),
        )
        low = min(float(sweep.losses.min()), float(sweep.smoothed.min()))
        axes.set(
            title=f"{name}: rate finder",
            xlabel="rate of learning (optimiser.rate, log scale)",
            ylabel="training loss",
            xscale="log",
            ylim=(low - 0.05 * (top - low), top),
        )
        axes.legend(loc="best", fontsize=10)
