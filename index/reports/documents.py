"""The report of a kind, as a file with its name and media type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from index.reports.capture_histories import (
    Occasions,
    capture_histories,
    histories_csv,
    mark_inp,
)
from index.reports.darwin_core import darwin_core_zip
from index.reports.page import season_page
from index.reports.tables import season_csv
from index.sightings.disclosure import Places
from index.sightings.reading import Sightings
from index.sightings.season import season_of
from index.sightings.selection import Selection

ReportKind = Literal["html", "csv", "darwin-core", "mark", "histories"]
REPORT_KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
DEFAULT_TITLE = "Season report"
_CSV = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How a report is made: what it selects, how much of places it tells, and what it is called.

    `occasions` are for capture histories, `created` is ISO 8601.
    """

    selection: Selection
    created: str
    places: Places = "regions"
    occasions: Occasions = "year"
    title: str = DEFAULT_TITLE


@dataclass(frozen=True, slots=True)
class Report:
    """A file: its name without folders, its media type, its bytes, and its sightings' number."""

    name: str
    media_type: str
    data: bytes
    sightings: int


def make_report(kind: ReportKind, read: Sightings, options: ReportOptions) -> Report:
    """Make a report of a kind. Raises BadReport for what can't be made of this selection."""
    season = season_of(read, options.selection)
    count, places = len(season.sightings), options.places
    title, created = options.title, options.created
    if kind == "html":
        page = season_page(season, places, title=title, created=created)
        return Report("season.html", "text/html; charset=utf-8", page.encode(), count)
    if kind == "csv":
        # Without a byte order mark spreadsheets take UTF-8 for their own alphabet.
        table = "\ufeff" + season_csv(season, places)
        return Report("season.csv", _CSV, table.encode(), count)
    if kind == "darwin-core":
        archive = darwin_core_zip(season, read.lives, places, title=title, created=created)
        return Report("darwin-core.zip", "application/zip", archive, count)
    histories = capture_histories(season.sightings, options.occasions)
    if kind == "mark":
        text = mark_inp(histories)
        return Report("histories.inp", "text/plain; charset=utf-8", text.encode(), count)
    return Report("histories.csv", _CSV, histories_csv(histories).encode(), count)
