"""Where and when individuals were met, for searches. Part of SQLAlchemy's door."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.curation.text_search import fold_text
from index.storage.schema import CATALOGUED, EncounterRow, PhotoRow


class Meetings(NamedTuple):
    """The regions and places of one individual's photos, folded, and their years."""

    places: set[str]
    years: set[str]

    def has(self, word: str) -> bool:
        """Whether a folded word is one of the years, or part of a region or place."""
        # A year is typed whole: most of them have the digits 2 and 0.
        return word in self.years or any(word in place for place in self.places)


NO_MEETINGS: Mapping[int, Meetings] = MappingProxyType({})


def read_meetings(session: Session, *, has_places: bool) -> dict[int, Meetings]:
    """Each individual's meetings by its key; with places, which are private, where `has_places`.

    Reads all catalogued photos.
    """
    year = func.substr(PhotoRow.taken_at, 1, 4)
    places = (EncounterRow.region, EncounterRow.place) if has_places else (EncounterRow.region,)
    query = (
        select(PhotoRow.individual_id, year, *places)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(PhotoRow.state == CATALOGUED, PhotoRow.individual_id.is_not(None))
        .distinct()
    )
    found: dict[int, Meetings] = {}
    rows: list[tuple[Any, ...]] = [tuple(row) for row in session.execute(query)]
    for row in rows:
        own = found.setdefault(row[0], Meetings(set(), set()))
        own.places.update(fold_text(place) for place in row[2:] if place)
        if row[1]:
            own.years.add(row[1])
    return found
