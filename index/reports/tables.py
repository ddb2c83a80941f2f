"""A season as a table for spreadsheets: one row a sighting."""

from __future__ import annotations

import re

from index.labels.csv_text import csv_text
from index.sightings.disclosure import Places, disclose
from index.sightings.season import Season

_COLUMNS = (
    "individual",
    "at",
    "encounter",
    "species",
    "sex",
    "region",
    "place",
    "latitude",
    "longitude",
    "uncertainty_m",
    "observer",
    "photos",
    "is_new",
    "days_since_last_season",
    "notes",
)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def season_csv(season: Season, places: Places) -> str:
    """Make the table; `is_new` and the days stand in the row of an individual's first sighting."""
    facts = {one.individual: one for one in season.individuals}
    rows: list[dict[str, object]] = []
    for one in season.sightings:
        where = disclose(one, places)
        row: dict[str, object] = {
            "individual": one.individual or "",
            "at": one.at or "",
            "encounter": one.encounter or "",
            "species": one.species or "",
            "sex": one.sex or "",
            "region": one.region or "",
            "place": where.place or "",
            "latitude": where.position.latitude if where.position else "",
            "longitude": where.position.longitude if where.position else "",
            "uncertainty_m": where.uncertainty_m or "",
            "observer": one.observer or "",
            "photos": len(one.photos),
            "notes": one.notes or "",
        }
        first = facts.pop(one.individual or "", None)
        if first is not None:
            row["is_new"] = "yes" if first.is_new else "no"
            if first.days_between is not None:
                row["days_since_last_season"] = first.days_between
        rows.append({name: safe_cell(value) for name, value in row.items()})
    return csv_text(_COLUMNS, rows)


def safe_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: such a text gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value:
        return value if _NUMBER.fullmatch(value) else f"'{value}"
    return value
