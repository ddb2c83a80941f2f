"""What a sweep leaves to read: trials.csv with every trial, best.toml for `flukeprint train`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from embedding.checkpoint import write_atomically
from training.recipes.choices import Recipe
from training.tuning.sweep.space import Space
from training.tuning.sweep.study import TrialResult, best_of
from training.tuning.sweep.trial import recipe_toml

TABLE = "trials.csv"
BEST_RECIPE = "best.toml"


def write_report(
    out: Path,
    results: Sequence[TrialResult],
    space: Space,
    recipe_of: Callable[[dict[str, str]], Recipe],
    metric: str,
) -> None:
    """Write trials.csv and, where a trial is complete, best.toml."""
    write_atomically(out / TABLE, trials_csv(results, space, metric).encode())
    best = best_of(results)
    if best is not None:
        count = sum(each.standing in ("complete", "pruned") for each in results)
        heading = (
            f"# Trial {best.number} of a sweep, the best of {count}: {metric} "
            f"{best.value:.4f} on validation photos.\n"
        )
        write_atomically(
            out / BEST_RECIPE, (heading + recipe_toml(recipe_of(best.values))).encode()
        )


def trials_csv(results: Sequence[TrialResult], space: Space, metric: str) -> str:
    """Write one row a trial: number, standing, best figure, epochs, seconds, values, error."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [dimension.name for dimension in space]
    writer.writerow(["trial", "standing", metric, "epochs", "seconds", *names, "error"])
    for each in results:
        value = "" if each.value is None else repr(each.value)
        values = [each.values.get(name, "") for name in names]
        writer.writerow(
            [
                each.number,
                each.standing,
                value,
                max(each.curve, default=0),
                each.seconds,
                *values,
                each.error,
            ]
        )
    return text.getvalue()


def trials_table(results: Sequence[TrialResult], space: Space, metric: str, *, most: int) -> Table:
    """The best trials first; then pruned, failed and running ones."""
    order = {"complete": 0, "pruned": 1, "failed": 2, "running": 3}
    ranked = sorted(
        results, key=lambda each: (order[each.standing], -(each.value or 0.0), each.number)
    )
    table = Table(caption=f"{len(ranked) - most} more in {TABLE}" if len(ranked) > most else None)
    for name in (
        "trial",
        "standing",
        metric,
        "epochs",
        "s",
        *(dimension.name for dimension in space),
    ):
        table.add_column(name, justify="left" if name == "standing" else "right")
    for each in ranked[:most]:
        value = "" if each.value is None else f"{each.value:.4f}"
        values = [Text(shortened(each.values.get(dimension.name, ""))) for dimension in space]
        seconds = f"{each.seconds:.0f}"
        table.add_row(
            str(each.number),
            each.standing,
            value,
            str(max(each.curve, default=0)),
            seconds,
            *values,
        )
    return table


def shortened(text: str) -> str:
    """A number's text with four digits; any other text as it is."""
    try:
        return f"{float(text):.4g}" if "." in text or "e" in text else text
    except ValueError:
        return text
