"""A model's summary as tables."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from training.tuning.model.speed import SpeedReport
from training.tuning.model.summary import Part, Summary


def facts_table(summary: Summary) -> Table:
    """One line a fact."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, fact in _facts(summary).items():
        table.add_row(name, Text(fact))
    return table


def _facts(summary: Summary) -> dict[str, str]:
    made = summary.preprocessing
    size = (
        f"{summary.file_bytes:,} bytes"
        if summary.file_bytes is not None
        else f"{summary.about_bytes:,} bytes, about"
    )
    found: dict[str, str] = {"model": summary.name}
    if summary.fingerprint:
        found["fingerprint"] = summary.fingerprint[:12]
    found |= {
        "input": f"{made['width_px']} x {made['height_px']} px RGB, crop {made['crop']}, fit "
        f"{made['fit']}",
        "mean, deviation": f"{_numbers(made['mean'])}, {_numbers(made['std'])} on the scale 0 to 1",
        "output": f"{summary.dimension} numbers of unit length",
        "parameters": f"{summary.parameters:,}",
        "checkpoint": f"{size} (fp16)",
    }
    for cost in summary.costs:
        who = f"a photo of {cost.species}" if cost.species else "a photo"
        members = f" by member {', '.join(map(str, cost.members))}" if cost.species else ""
        found[who] = (
            f"{cost.gflops:.3f} GFLOPs{members}, mirror image{_with_locator(summary)} included"
        )
    return found


def _with_locator(summary: Summary) -> str:
    return " and locator" if any(part.name == "locator" for part in summary.parts) else ""


def _numbers(values: Any) -> str:
    numbers = list(dict.fromkeys(values))
    return f"{numbers[0]:g}" if len(numbers) == 1 else "/".join(f"{number:g}" for number in values)


def part_table(part: Part) -> Table:
    """A network's layers."""
    title = (
        f"{part.name}: {part.backbone}, {part.width_px} x {part.height_px} px -> "
        f"{part.dimension} numbers"
    )
    table = Table(title=Text(title), title_justify="left")
    table.add_column("layer")
    table.add_column("kind")
    for name in ("output (c, h, w)", "parameters", "MFLOPs"):
        table.add_column(name, justify="right")
    for layer in part.layers:
        shape = " x ".join(map(str, layer.shape))
        name = "  " * layer.depth + layer.name.rpartition(".")[2]
        table.add_row(
            Text(name), layer.kind, shape, f"{layer.parameters:,}", f"{1000 * layer.gflops:.2f}"
        )
    table.add_section()
    table.add_row(
        "all", "", str(part.dimension), f"{part.parameters:,}", f"{1000 * part.gflops:.2f}"
    )
    return table


def speed_table(measured: SpeedReport) -> Table:
    """Measured speeds."""
    threads = (
        f", {measured.threads} thread{'' if measured.threads == 1 else 's'}"
        if measured.device == "cpu"
        else ""
    )
    busy = ""
    if measured.load is not None and measured.load > measured.cores:
        busy = (
            f"\nThe machine is busy (load {measured.load} on {measured.cores} cores): idle, "
            "it is faster."
        )
    table = Table(title=f"measured here: {measured.device}{threads}{busy}", title_justify="left")
    if any(speed.species for speed in measured.speeds):
        table.add_column("photos of")
    for name in ("batch", "photos/s", "ms a photo", "rounds"):
        table.add_column(name, justify="right")
    for speed in measured.speeds:
        species = [speed.species] if speed.species else []
        rate = speed.photos_per_second
        table.add_row(
            *species, str(speed.batch), f"{rate:.1f}", f"{1000 / rate:.2f}", str(speed.rounds)
        )
    return table
