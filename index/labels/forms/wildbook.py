"""Wildbook's bulk-import table: a row an encounter of one animal, with one or several photos.

The columns are those of Wildbook's documentation, section "Fields Available" of
https://wildbook.docs.wildme.org/data/bulk-import-beta.html; docs/formats.md lists what is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from index.labels.fields import (
    optional_fact,
    optional_text,
    other_word_for_nobody,
    parse_individual,
    parse_photo_name,
    parse_sex,
    parse_time,
)
from index.labels.forms.columns import ColumnUse
from index.labels.labelled_photo import BadLabels, LabelledPhoto

_PHOTO = re.compile(r"encounter\.mediaasset\.?(\d+)")
# By what it becomes: the columns that say it, the first that a row fills in counts.
_COLUMNS = {
    "individual": ("markedindividual.individualid", "encounter.individualid"),
    "encounter": (
        *("encounter.sightingid", "sighting.sightingid"),
        *("encounter.occurrenceid", "occurrence.occurrenceid", "encounter.othercatalognumbers"),
    ),
    "region": ("encounter.locationid",),
    "sex": ("encounter.sex",),
}
_PLACE = ("encounter.verbatimlocality", "encounter.decimallatitude", "encounter.decimallongitude")
_SPECIES = ("encounter.genus", "encounter.specificepithet")
_MILLISECONDS = "encounter.dateinmilliseconds"
_DATE = {
    "encounter.year": (1, 9999),
    "encounter.month": (1, 12),
    "encounter.day": (1, 31),
    "encounter.hour": (0, 24),
    "encounter.minutes": (0, 60),
}


def is_wildbook_header(cells: Sequence[str]) -> bool:
    """Whether a row is the header of Wildbook's bulk import: it has a column of photos."""
    return any(_PHOTO.fullmatch(cell.strip().lower()) for cell in cells)


class WildbookForm:
    """The columns of one table, and its rows read with them."""

    def __init__(self, header: Sequence[str]) -> None:
        self._names = [name.lower() for name in header]
        twice = next((name for name in header if self._names.count(name.lower()) > 1), None)
        if twice:
            raise BadLabels(f"the column {twice} is there twice; keep one")
        photos = [(_PHOTO.fullmatch(name), at) for at, name in enumerate(self._names)]
        self._photos = [
            at for _, at in sorted((int(found[1]), at) for found, at in photos if found)
        ]
        self._without_photo = 0
        self._unknown: Counter[str] = Counter()  # animals that nobody knows, by encounter
        self.uses = tuple(
            ColumnUse(column, self._became(name))
            for column, name in zip(header, self._names, strict=True)
        )

    def warnings(self) -> list[str]:
        """What is to be told of the rows that were read."""
        told: list[str] = []
        if self._without_photo:
            rows = f"{self._without_photo:,} row{'' if self._without_photo == 1 else 's'}"
            told.append(f"left out, as they name no photo: {rows}")
        several = [name for name, count in self._unknown.items() if count > 1]
        if several:
            told.append(
                f"animals that nobody knows and that were seen together, in {len(several):,} "
                f"encounter{'' if len(several) == 1 else 's'}, get an encounter each, such as "
                f"{several[0]!r} and {several[0] + ' (2)'!r}"
            )
        return told

    def photos(self, where: str, row: Sequence[str], folder: Path) -> list[LabelledPhoto]:
        """The photos of a row, all of its one animal. Raises BadLabels."""
        cells = {
            name: row[at].strip() if at < len(row) else "" for at, name in enumerate(self._names)
        }
        texts = (optional_text(cells[self._names[at]]) for at in self._photos)
        names = [parse_photo_name(text, where) for text in texts if text]
        if not names:
            self._without_photo += 1
            return []
        label = self._individual(cells, where)
        individual = parse_individual(label, where) if label else None
        stated = _first(cells, _COLUMNS["encounter"])
        encounter = stated or names[0]
        if individual is None:
            self._unknown[encounter] += 1
            count = self._unknown[encounter]
            encounter += f" ({count})" if count > 1 else ""
        taken_at = _date(cells, where)
        return [
            LabelledPhoto(
                name=name,
                path=folder / name,
                individual=individual,
                species=" ".join(filter(None, (_first(cells, (one,)) for one in _SPECIES))) or None,
                encounter=encounter,
                taken_at=taken_at,
                region=_first(cells, _COLUMNS["region"]),
                nobody=other_word_for_nobody(label) if label else "",
                place=_place(cells, where),
                sex=parse_sex(_first(cells, _COLUMNS["sex"]) or ""),
                is_encounter_made=stated is None,
            )
            for name in names
        ]

    def _became(self, name: str) -> str | None:
        if _PHOTO.fullmatch(name):
            return "photo"
        if name in _PLACE:
            return "place"
        if name in _SPECIES:
            return "species"
        if name in _DATE or name == _MILLISECONDS:
            return "date"
        return next((field for field, columns in _COLUMNS.items() if name in columns), None)

    def _individual(self, cells: dict[str, str], where: str) -> str:
        """The animal's name; empty where nobody knows it, as Wildbook's unassigned encounters."""
        labels = {cells[name] for name in _COLUMNS["individual"] if cells.get(name)}
        if len(labels) > 1:
            raise BadLabels(
                f"{where}: MarkedIndividual.individualID and Encounter.individualID differ, "
                f"{' and '.join(sorted(labels))}; keep the right one"
            )
        return labels.pop() if labels else ""


def _first(cells: dict[str, str], names: Sequence[str]) -> str | None:
    texts = (optional_fact(cells.get(name, "")) for name in names)
    return next((text for text in texts if text), None)


def _place(cells: dict[str, str], where: str) -> str | None:
    """A locality, and latitude and longitude behind it: `Stellwagen Bank (42.36, -70.31)`."""
    locality, *texts = (_first(cells, (name,)) for name in _PLACE)
    if not any(texts):
        return locality
    try:
        latitude, longitude = (float(text or "") for text in texts)
    except ValueError:
        latitude, longitude = 100.0, 0.0
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise BadLabels(
            # Without what is given: messages are shown to many, and places are private.
            f"{where}: decimalLatitude and decimalLongitude must be degrees, such as 42.36 and "
            "-70.31, both or none"
        )
    both = f"{latitude!r}, {longitude!r}"
    return f"{locality} ({both})" if locality else both


def _date(cells: dict[str, str], where: str) -> str | None:
    """`2018`, `2018-06`, `2018-06-01` or `2018-06-01T12:30`, as much as a row says."""
    given = _first(cells, (_MILLISECONDS,))
    if given is not None:
        try:
            at = datetime.fromtimestamp(float(given) / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise BadLabels(
                f"{where}: Encounter.dateInMilliseconds {given!r} isn't a number of milliseconds "
                "since 1970, such as 1516685992499"
            ) from None
        return parse_time(at.isoformat(timespec="seconds"), where)
    numbers: list[int] = []
    for name, (least, most) in _DATE.items():
        text = _first(cells, (name,))
        if text is None:
            break
        number = int(text.removesuffix(".0")) if re.fullmatch(r"\d{1,4}(\.0)?", text) else -1
        if not least <= number <= most:
            raise BadLabels(f"{where}: {name} {text!r} isn't a number from {least} to {most}")
        numbers.append(number)
    if not numbers:
        return None
    day = "-".join(f"{number:0{4 if at == 0 else 2}}" for at, number in enumerate(numbers[:3]))
    if len(numbers) < 4:
        return parse_time(day, where)
    # Wildbook's documentation counts hours to 24 and minutes to 60; both are 0 elsewhere.
    hour, minute = numbers[3] % 24, (numbers[4] if len(numbers) > 4 else 0) % 60
    return parse_time(f"{day}T{hour:02}:{minute:02}", where)
