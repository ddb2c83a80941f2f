"""Imports of a folder, and what became of each file."""

from __future__ import annotations

from pathlib import Path

from index.catalogue.catalogue import Catalogue
from index.catalogue.raw_rows import read_export_rows
from index.exchange.exporting.formats import make_export
from index.exchange.exporting.writing import write_export


def statuses(rows) -> dict[str, str]:
    return {name: row.status for name, row in rows.items()}


def export(
    catalogue: Path, form: str, out: Path, *, has_photos: bool = True, has_places: bool = False
) -> Path:
    with Catalogue.open(catalogue) as opened:
        rows = read_export_rows(opened)
    places = rows.places if has_places else {}
    made = make_export(form, rows.photos, places=places, created="2026-01-02T03:04:05Z")
    assert write_export(made, out, has_photos=has_photos, has_places=has_places).left_out == ()
    return out
