"""Wildbook's bulk-import workbook: a row an encounter of one animal, with all of its photos.

The columns are those of https://wildbook.docs.wildme.org/data/bulk-import-beta.html. A row has one
date: that of the encounter's first photo, to the minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from index.catalogue.catalogue import CataloguePhoto
from index.exchange.exporting.export import BadExport, Export
from index.tables.workbooks import BadWorkbook, write_workbook

TABLE = "wildbook.xlsx"
_DATE = ("year", "month", "day", "hour", "minutes")
_COORDINATES = re.compile(r"(.*?)\s*\(?(-?\d+\.\d+), (-?\d+\.\d+)\)?", re.DOTALL)


def wildbook_export(photos: Sequence[CataloguePhoto], places: Mapping[str, str]) -> Export:
    """Make the workbook. Raises BadExport for a name that no workbook can hold."""
    groups: dict[object, list[CataloguePhoto]] = {}
    for photo in photos:
        alone = photo.name if photo.encounter is None else None
        groups.setdefault((photo.encounter, photo.individual, photo.species, alone), []).append(
            photo
        )
    ordered = sorted(groups.values(), key=lambda group: group[0].name)
    most = max(len(group) for group in ordered)
    rows = [_row(group, places) for group in ordered]
    columns = [f"Encounter.mediaAsset{number}" for number in range(most)]
    columns += [
        name for name in dict.fromkeys(name for row in rows for name in row) if name not in columns
    ]
    try:
        values: Iterable[Sequence[Any]] = ([row.get(name) for name in columns] for row in rows)
        book = write_workbook(columns, values)
    except BadWorkbook as error:
        raise BadExport(str(error)) from None
    return Export({TABLE: book}, {photo.name: photo for photo in photos})


def _row(group: Sequence[CataloguePhoto], places: Mapping[str, str]) -> dict[str, object]:
    first = min(group, key=lambda photo: (photo.taken_at is None, photo.taken_at, photo.name))
    genus, _, epithet = (first.species or "").partition(" ")
    place = next((places[photo.name] for photo in group if photo.name in places), None)
    facts: dict[str, object] = {
        **{f"Encounter.mediaAsset{at}": photo.name for at, photo in enumerate(group)},
        "MarkedIndividual.individualID": first.individual,
        "Encounter.occurrenceID": first.encounter,
        "Encounter.genus": genus,
        "Encounter.specificEpithet": epithet,
        **_date(first.taken_at),
        "Encounter.locationID": first.region,
        "Encounter.sex": first.sex,
        **_place(place),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _date(taken_at: str | None) -> dict[str, object]:
    numbers = re.findall(r"\d+", (taken_at or "")[:16])
    return {f"Encounter.{name}": int(number) for name, number in zip(_DATE, numbers, strict=False)}


def _place(place: str | None) -> dict[str, object]:
    """A locality, and the coordinates that stand behind it in brackets, or alone."""
    found = _COORDINATES.fullmatch(place or "")
    if found is None:
        return {"Encounter.verbatimLocality": place}
    latitude, longitude = float(found[2]), float(found[3])
    if abs(latitude) > 90 or abs(longitude) > 180:
        return {"Encounter.verbatimLocality": place}
    return {
        "Encounter.verbatimLocality": found[1],
        "Encounter.decimalLatitude": latitude,
        "Encounter.decimalLongitude": longitude,
    }
