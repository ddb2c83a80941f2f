"""Runs as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from training.tuning.runs.compare import RunComparison
from training.tuning.runs.runs import RunFolder, Seeds

SHOWN = ("score", "known_top1", "known_map5", "disjoint_top1", "disjoint_map5", "auroc")


def shown_metrics(runs: Sequence[RunFolder], requested: Sequence[str]) -> list[str]:
    """Choose the metrics to show: those requested, else the usual ones, else the first five."""
    if requested:
        return list(requested)
    known = list(dict.fromkeys(name for run in runs for name in run.metrics))
    usual = [name for name in SHOWN if name in known]
    return usual if len(usual) > 1 else known[:5]


def runs_table(runs: Sequence[RunFolder], metrics: Sequence[str]) -> Table:
    """A line a run; what is not known of it is blank."""
    table = Table()
    table.add_column("run")
    table.add_column("recipe")
    for name in ("digest", "seed", "epochs", *metrics, "time", "commit", "finished"):
        table.add_column(name, justify="right")
    for run in runs:
        record = run.record
        best = "" if run.best_epoch is None else f"{run.best_epoch}/{len(run.history)}"
        table.add_row(
            Text(str(run.path)),
            Text(str(run.recipe.get("name", ""))),
            run.digest[:8],
            str(run.seed),
            best,
            *(figure_text(run.metrics.get(name)) for name in metrics),
            time_text(run.seconds),
            "" if record is None else short_commit(record.commit),
            _finished(run),
        )
    return table


def _finished(run: RunFolder) -> str:
    if not run.is_finished:
        return "no"
    return (
        "yes"
        if run.record is None or not run.record.finished
        else run.record.finished[:16].replace("T", " ")
    )


def seeds_table(groups: Sequence[Seeds], metrics: Sequence[str]) -> Table:
    """A line for each recipe with several seeds: mean ± sample deviation, and the ends."""
    table = Table(
        title="over seeds: mean ± standard deviation (lowest to highest)", title_justify="left"
    )
    table.add_column("recipe")
    for name in ("digest", "seeds", *metrics):
        table.add_column(name, justify="right")
    for group in groups:
        table.add_row(
            Text(group.name),
            group.digest[:8],
            ", ".join(map(str, group.seeds)),
            *(_spread_text(group, name) for name in metrics),
        )
    return table


def _spread_text(group: Seeds, name: str) -> str:
    found = group.spreads.get(name)
    if found is None:
        return ""
    return f"{found.mean:.4f} ± {found.deviation:.4f}\n({found.lowest:.4f} to {found.highest:.4f})"


def choices_table(comparison: RunComparison, labels: tuple[str, str]) -> Table:
    """The choices that differ."""
    table = Table(title="choices that differ", title_justify="left")
    for name in ("choice", *labels):
        table.add_column(name, overflow="fold")
    for key, one, other in comparison.choices:
        table.add_row(Text(key), Text(_choice_text(one)), Text(_choice_text(other)))
    return table


def metrics_table(comparison: RunComparison, labels: tuple[str, str]) -> Table:
    """Both runs' metrics at their best epochs."""
    table = Table(title="metrics at the best epoch", title_justify="left")
    table.add_column("metric")
    for name in (*labels, "difference"):
        table.add_column(name, justify="right")
    for metric in comparison.metrics:
        difference = (
            ""
            if metric.difference is None
            else f"{metric.difference:+.4f}"
            if metric.difference
            else "0"
        )
        table.add_row(
            Text(metric.name), figure_text(metric.first), figure_text(metric.second), difference
        )
    return table


def verdicts(comparison: RunComparison) -> list[str]:
    """Whether the second run is the first over again, in plain lines."""
    parted = ""
    if comparison.parts_at is not None:
        parted = f" from epoch {comparison.parts_at} on ({', '.join(comparison.parted)})"
    return [
        f"photos and their roles: {_verdict(comparison.has_same_photos)}",
        "figures of every epoch, to the last digit: "
        f"{_verdict(comparison.has_same_metrics)}{parted}",
        f"checkpoint's fingerprint: {_verdict(comparison.has_same_fingerprint)}",
    ]


def _verdict(is_same: bool | None) -> str:
    return (
        "unknown (a run lacks it)" if is_same is None else "identical" if is_same else "different"
    )


def run_dict(run: RunFolder) -> dict[str, Any]:
    """A run as --json prints it."""
    record = run.record
    return {
        "run": str(run.path),
        "recipe": run.recipe.get("name", ""),
        "digest": run.digest,
        "seed": run.seed,
        "epochs": len(run.history),
        "best_epoch": run.best_epoch,
        "metrics": run.metrics,
        "seconds": run.seconds,
        "is_finished": run.is_finished,
        "commit": None if record is None else record.commit,
        "started": None if record is None else record.started,
        "finished": None if record is None else record.finished or None,
        "machine": None if record is None else record.machine,
        "versions": None if record is None else record.versions,
        "fingerprint": None if record is None else record.fingerprint or None,
    }


def figure_text(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def time_text(seconds: float | None) -> str:
    """Seconds as 0:00:42, hours first."""
    if seconds is None:
        return ""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def short_commit(commit: str) -> str:
    """Eight digits, and the "+" of a changed checkout."""
    return commit[:8] + ("+" if commit.endswith("+") else "")


def _choice_text(value: Any) -> str:
    return "" if value is None else str(value)
