"""An import's report, before and after it: every file, what happens to it, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from index.exchange.importing.plan import ImportPlan, ImportRow, Status
from index.labels.csv_text import csv_text
from index.messages import BadOut, photos_text
from index.storage.originals import write_whole

_SAID: dict[Status, str] = {
    "added": "added",
    "changed": "changed",
    "unchanged": "unchanged",
    "skipped": "skipped as duplicates",
    "refused": "refused",
    "unreadable": "that can't be read",
    "no_file": "named by a label but absent",
    "no_label": "without a label",
    "left_out": "left out",
}


def summary(plan: ImportPlan, *, is_dry_run: bool) -> str:
    """Say in one paragraph what an import did, or would do."""
    counts = plan.counts
    counts_text = ", ".join(
        f"{counts[status]:,} {words}" for status, words in _SAID.items() if counts.get(status)
    )
    across = [
        row
        for row in plan.rows
        if row.status == "skipped" and row.individual != row.like_individual
    ]
    mislabelled = (
        f" {photos_text(len(across))} of the duplicates {'has' if len(across) == 1 else 'have'} "
        "another label than what "
        f"{'it is' if len(across) == 1 else 'they are'} like: one of the two is wrong."
        if across
        else ""
    )
    files = f"{len(plan.rows):,} file{'' if len(plan.rows) == 1 else 's'} and labels"
    dry = " Nothing was changed: this was a dry run." if is_dry_run else ""
    return f"{files}: {counts_text or 'nothing to do'}.{mislabelled}{dry}"


def report_json(plan: ImportPlan, **more: Any) -> dict[str, Any]:
    """Plain values: `more` of the import as a whole, the counts, and a row a file."""
    return {
        **more,
        "counts": plan.counts,
        "warnings": list(plan.warnings),
        "columns": [use._asdict() for use in plan.columns],
        "files": [asdict(row) for row in plan.rows],
    }


def report_csv(rows: Sequence[ImportRow]) -> str:
    """A table with a row a file."""
    return csv_text([field.name for field in fields(ImportRow)], map(asdict, rows))


def write_report(plan: ImportPlan, path: Path, **more: Any) -> None:
    """Write the report as CSV or, where the name ends in .json, as JSON. Raises BadOut."""
    is_json = path.suffix.lower() == ".json"
    text = (
        json.dumps(report_json(plan, **more), indent=2) + "\n" if is_json else report_csv(plan.rows)
    )
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise BadOut(
            f"the report {path} can't be written: {error.strerror}; give another --report"
        ) from error
