"""Whom a search finds: by names, notes, and where and when they were met.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.curation.text_search import fold_text
from index.storage.schema import CATALOGUED, EncounterRow, IndividualRow, PhotoRow


def search_ids(
    session: Session, search: str, *, species: str | None, after: str, has_places: bool = False
) -> list[str]:
    """The ids after one, sorted, of whom a search finds.

    Each of its words is part of a name (also a former one, or that of who was merged into it), of
    the notes, of a region, or of a year in which it was seen; of a place only where `has_places`.
    Compared here, as databases fold few letters or none.
    """
    row = IndividualRow
    query = select(
        row.id, row.merged_into, row.name, row.display_name, row.other_names, row.notes, row.species
    )
    texts: defaultdict[int, list[str | None]] = defaultdict(list)
    listed: dict[int, str] = {}
    for key, merged_into, name, display_name, other_names, notes, of_species in session.execute(
        query
    ):
        texts[merged_into or key] += [name, display_name, *(other_names or ())]
        if merged_into is None:
            texts[key].append(notes)
            if name > after and species in (None, of_species):
                listed[key] = name
    years: defaultdict[int, set[str]] = defaultdict(set)
    for key, year, *where in _meetings(session, has_places=has_places):
        texts[key] += where
        years[key].add(year)
    words = fold_text(search).split()
    return sorted(
        name for key, name in listed.items() if _has_all(words, texts[key], years.get(key, set()))
    )


def _has_all(words: list[str], texts: list[str | None], years: set[str]) -> bool:
    folded = {fold_text(text) for text in texts if text}
    # A year is typed whole: most of them have the digits 2 and 0.
    return all(word in years or any(word in text for text in folded) for word in words)


def _meetings(session: Session, *, has_places: bool) -> list[tuple[Any, ...]]:
    """Each individual's key with a year, region and place of its catalogued photos."""
    year = func.substr(PhotoRow.taken_at, 1, 4)
    places = (EncounterRow.region, EncounterRow.place) if has_places else (EncounterRow.region,)
    query = (
        select(PhotoRow.individual_id, year, *places)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(PhotoRow.state == CATALOGUED, PhotoRow.individual_id.is_not(None))
        .distinct()
    )
    return [tuple(row) for row in session.execute(query)]
