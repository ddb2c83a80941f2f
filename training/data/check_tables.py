"""A check as text for a terminal: what the set holds, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from index.labels.reader import NEW_WHALE
from training.data.check import CheckReport, Facts
from training.data.findings import Case, Finding

_SHOWN = 3


def print_check(report: CheckReport) -> None:
    """Print the whole check on stdout."""
    console = Console()
    console.print(facts_table(report.facts))
    for warning in report.warnings:
        console.print(Text(f"note: {warning}"), soft_wrap=True)
    if report.findings:
        console.print(findings_table(report))
    console.print(Text(summary(report), style="green" if report.is_clean else "red"))


def facts_table(facts: Facts) -> Table:
    """What a set holds, one line a fact."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, text in fact_lines(facts):
        table.add_row(name, Text(text))
    return table


def fact_lines(facts: Facts) -> list[tuple[str, str]]:
    """A set's facts in words."""
    new = f", and {facts['new_whale']:,} photos of {NEW_WHALE}" if facts["new_whale"] else ""
    lines = [
        (
            "labels",
            f"{facts['labels']:,} in {facts['rows']:,} rows, {facts['labels_seen_once']:,} of "
            f"one photo{new}",
        ),
        ("files", f"{facts['files']:,}, {facts['labelled_files']:,} of them with a label"),
    ]
    if facts["not_looked_at"]:
        lines.append(("not looked at", _listed(facts["not_looked_at"])))
    return lines + file_lines(facts)


def file_lines(facts: Facts) -> list[tuple[str, str]]:
    """What files are, in words; nothing where none could be read."""
    if not facts["width_px"]:
        return []
    (narrow, width, wide), (low, height, high) = facts["width_px"], facts["height_px"]
    exif = (
        f"{facts['with_time']:,} with a time, {facts['with_place']:,} with a place, "
        f"{facts['turned']:,} turned"
    )
    alpha = f"; {facts['with_alpha']:,} with transparency" if facts["with_alpha"] else ""
    return [
        ("bytes", f"{facts['bytes'] / 1e6:,.1f} MB"),
        (
            "pixels",
            f"width {narrow:,} to {wide:,} (median {width:,}), height {low:,} to {high:,} "
            f"(median {height:,}); "
            f"{facts['sizes']:,} size{'' if facts['sizes'] == 1 else 's'}",
        ),
        ("format", f"{_listed(facts['formats'])} (modes {_listed(facts['modes'])})"),
        ("colour", _listed(facts["tints"]) + alpha),
        ("EXIF", exif),
    ]


def findings_table(report: CheckReport) -> Table:
    """One row a finding: its count, what to do, and the first examples."""
    table = Table(show_lines=True)
    table.add_column("found", justify="right")
    table.add_column("what", ratio=2)
    table.add_column("what to do, and examples", ratio=3)
    for finding in report.findings:
        style = "red" if finding.is_wrong else "cyan"
        title = Text(finding.title, style=style)
        if not finding.is_wrong:
            title.append(" (no fault)")
        table.add_row(
            f"{len(finding.cases):,}",
            title,
            Text.assemble(finding.advice, "\n", (_examples(finding), "dim")),
        )
    return table


def summary(report: CheckReport) -> str:
    """One line: how much is wrong."""
    wrong = [finding for finding in report.findings if finding.is_wrong]
    if not wrong:
        others = report.facts["not_looked_at"]
        rest = f" with what was looked at; not looked at: {_listed(others)}" if others else ""
        return f"Nothing is wrong{rest}."
    cases = sum(len(finding.cases) for finding in wrong)
    if cases == 1:
        return "1 case is wrong."
    return f"{cases:,} cases of {len(wrong)} kind{'' if len(wrong) == 1 else 's'} are wrong."


def case_line(case: Case) -> str:
    """One case in a line: its photos with their labels, and what is said of it."""
    labels = case.labels or (None,) * len(case.photos)
    if not case.photos:
        return case.detail
    photos = [
        name if label is None else f"{name} ({label})"
        for name, label in zip(case.photos[:_SHOWN], labels[:_SHOWN], strict=True)
    ]
    more = f" and {len(case.photos) - _SHOWN:,} more" if len(case.photos) > _SHOWN else ""
    return " = ".join(photos) + more + (f": {case.detail}" if case.detail else "")


def _examples(finding: Finding) -> str:
    shown = "\n".join(case_line(case) for case in finding.cases[:_SHOWN])
    more = len(finding.cases) - _SHOWN
    return shown + (f"\nand {more:,} more" if more > 0 else "")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
