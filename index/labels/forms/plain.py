"""Tables with a row a photo and a column a fact, whatever the columns are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from index.labels.fields import (
    list_some,
    optional_fact,
    optional_text,
    other_word_for_nobody,
    parse_box,
    parse_box_orientation,
    parse_content_hash,
    parse_individual,
    parse_photo_name,
    parse_sex,
    parse_time,
)
from index.labels.forms.columns import ColumnUse
from index.labels.labelled_photo import BadLabels, LabelledPhoto
from index.labels.nobody import means_missing
from index.messages import photos_text

# What is read besides the fields that a person may name.
_BBOX, _HASH, _ORIENTATION = "box in pixels", "content_hash", "box_orientation"


@dataclass(slots=True)
class PlainForm:
    """Where each field stands, and how such a table is meant.

    `no_individual`: what an empty cell of the individual is: an error, nobody, or a row to leave
    out. `is_strict`: a time that is none is an error, and not no time.
    """

    positions: Mapping[str, int]
    no_individual: Literal["refuse", "nobody", "leave out"] = "refuse"
    is_strict: bool = True
    _unnamed: list[str] = field(default_factory=list[str])

    def uses(self, header: Sequence[str]) -> tuple[ColumnUse, ...]:
        """What each column became."""
        field_at = {at: name for name, at in self.positions.items()}
        return tuple(ColumnUse(name, field_at.get(at)) for at, name in enumerate(header))

    def warnings(self) -> list[str]:
        """What is to be told of the rows that were read."""
        if not self._unnamed:
            return []
        return [
            f"left out, as their rows name no individual: {photos_text(len(self._unnamed))}, "
            f"{list_some(self._unnamed)}"
        ]

    def photos(self, where: str, row: Sequence[str], folder: Path) -> list[LabelledPhoto]:
        """The photo of a row; none where it is left out. Raises BadLabels."""
        cells = {
            name: row[at].strip() if at < len(row) else "" for name, at in self.positions.items()
        }
        name = parse_photo_name(cells["photo"], where)
        label = cells["individual"]
        nobody = other_word_for_nobody(label)
        if self.no_individual == "leave out" and means_missing(label):
            self._unnamed.append(name)
            return []
        if self.no_individual == "nobody" and not label:
            individual, nobody = None, ""
        else:
            individual = parse_individual(label, f"{where}, photo {name}")
        bbox = optional_text(cells.get(_BBOX, ""))
        return [
            LabelledPhoto(
                name=name,
                path=folder / name,
                individual=individual,
                species=optional_fact(cells.get("species", "")),
                encounter=optional_fact(cells.get("encounter", "")),
                taken_at=self._time(cells.get("date", ""), where),
                box=parse_box(optional_text(cells.get("box", "")) or "", where),
                region=optional_fact(cells.get("region", "")),
                nobody=nobody,
                content_hash=parse_content_hash(cells.get(_HASH, "")),
                box_orientation=parse_box_orientation(cells.get(_ORIENTATION, ""), where),
                place=optional_fact(cells.get("place", "")),
                viewpoint=optional_fact(cells.get("side", "")),
                sex=parse_sex(cells.get("sex", "")),
                box_px=None if bbox is None else _parse_bbox(bbox, where),
            )
        ]

    def _time(self, text: str, where: str) -> str | None:
        try:
            return parse_time(optional_fact(text) or "", where)
        except BadLabels:
            if self.is_strict:
                raise
            return None


def is_wildlife_header(cells: Sequence[str]) -> bool:
    """Whether a row is the header of a table of wildlife-datasets: path and identity."""
    return {"path", "identity"} <= {cell.lower() for cell in cells}


def wildlife_form(header: Sequence[str]) -> PlainForm:
    """The form of wildlife-datasets: `image_id,identity,path`, and `date`, `species`, `bbox` ...

    A row without an identity is of a test set, and says nothing: it is left out.
    """
    names = [name.lower() for name in header]
    spellings = {
        "photo": ("path",),
        "individual": ("identity",),
        "date": ("date", "taken_at"),
        "species": ("species",),
        "side": ("orientation", "position", "viewpoint"),
        "encounter": ("encounter",),
        "region": ("region",),
        "place": ("place",),
        "sex": ("sex",),
        _BBOX: ("bbox",),
        _HASH: (_HASH,),
        _ORIENTATION: (_ORIENTATION,),
    }
    found = {
        name: names.index(spelling)
        for name, known in spellings.items()
        for spelling in known[::-1]
        if spelling in names
    }
    return PlainForm(found, no_individual="leave out", is_strict=False)


def _parse_bbox(text: str, where: str) -> tuple[float, float, float, float]:
    """Left, top, width and height in pixels: `[10.0, 20.0, 300.0, 200.0]`."""
    numbers = re.findall(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", text)
    if len(numbers) != 4:
        raise BadLabels(
            f"{where}: the bbox {text!r} must be four numbers, left, top, width and height in "
            "pixels"
        )
    left, top, width, height = map(float, numbers)
    return left, top, width, height
