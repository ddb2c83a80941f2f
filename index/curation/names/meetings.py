"""Whom a word finds by where and when they were met.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.curation.text_search import fold_text
from index.storage.schema import CATALOGUED, MOST_BOUND, EncounterRow, PhotoRow


def individuals_met(session: Session, word: str, *, has_places: bool) -> set[int]:
    """The keys of individuals that were seen in a year, or in a region with the word in its name.

    `word` is folded. A year is typed whole: most of them have the digits 2 and 0. Places count only
    where `has_places`. Their names are compared here, as databases fold few letters or none.
    """
    seen = (
        select(PhotoRow.individual_id)
        .where(PhotoRow.state == CATALOGUED, PhotoRow.individual_id.is_not(None))
        .distinct()
    )
    found = set[int]()
    if re.fullmatch(r"\d{4}", word):
        found.update(session.scalars(seen.where(func.substr(PhotoRow.taken_at, 1, 4) == word)))
    for column in (
        (EncounterRow.region, EncounterRow.place) if has_places else (EncounterRow.region,)
    ):
        texts = session.scalars(select(column).where(column.is_not(None)).distinct())
        fitting = [text for text in texts if word in fold_text(text)]
        for start in range(0, len(fitting), MOST_BOUND):
            found.update(
                session.scalars(
                    seen.join(EncounterRow, EncounterRow.id == PhotoRow.encounter_id).where(
                        column.in_(fitting[start : start + MOST_BOUND])
                    )
                )
            )
    return found
