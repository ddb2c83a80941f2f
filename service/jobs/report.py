"""An import's report, read page by page from the CSV that the job has left."""

from __future__ import annotations

import csv
from pathlib import Path

from service.schemas.jobs import ImportReport, ReportRow


def report_page(path: Path, *, status: str | None, limit: int, after: int) -> ImportReport:
    """Read up to `limit` rows behind the `after`-th, of one status where one is given."""
    rows: list[ReportRow] = []
    last = after
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            if number <= after or (status is not None and row["status"] != status):
                continue
            if len(rows) == limit:
                return ImportReport(rows=rows, next_cursor=str(last))
            known = {name: row[name] or None for name in ReportRow.model_fields if name != "reason"}
            rows.append(ReportRow.model_validate({**known, "reason": row["reason"]}))
            last = number
    return ImportReport(rows=rows, next_cursor=None)
