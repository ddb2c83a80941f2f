"""What a service holds of each catalogue photo beside its vector. Part of SQLAlchemy's door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from embedding.photos.photo import Box
from index.catalogue.rows import CataloguePhoto
from index.storage.schema import CATALOGUED, DELETED, EncounterRow, IndividualRow, PhotoRow

_ROWS_AT_ONCE = 2000


class ServedPhoto(NamedTuple):
    """A catalogue photo: its file, and the facts that a scope chooses by and statistics count.

    `individual` None is new_whale; `taken_at` is ISO 8601; `box` is the fluke's, where it is known.
    `state`: besides "catalogued" photos there are those that wait for review or were rejected.
    `region` is its encounter's, so wide a stretch that everybody may know it.
    """

    path: Path | str
    content_hash: str
    individual: str | None = None
    species: str | None = None
    encounter: str | None = None
    taken_at: str | None = None
    box: Box | None = None
    state: str = CATALOGUED
    region: str | None = None

    @classmethod
    def of(cls, photo: CataloguePhoto) -> ServedPhoto:
        """What is kept of a photo as the catalogue has it."""
        return cls(
            photo.path,
            photo.content_hash,
            photo.individual,
            photo.species,
            photo.encounter,
            photo.taken_at,
            photo.box,
            photo.state,
            photo.region,
        )

    @property
    def year(self) -> int | None:
        """The year in which it was taken; None where that is unknown."""
        return int(self.taken_at[:4]) if self.taken_at else None


def read_served_photos(session: Session, folder: Path) -> Iterator[tuple[str, ServedPhoto]]:
    """All photos but deleted ones with their names, sorted by these.

    Relative paths are within `folder`, the catalogue's. Equal texts are one object.
    """
    query = (
        select(
            PhotoRow.name,
            PhotoRow.path,
            PhotoRow.content_hash,
            IndividualRow.name,
            PhotoRow.species,
            EncounterRow.name,
            PhotoRow.taken_at,
            PhotoRow.box,
            PhotoRow.state,
            EncounterRow.region,
        )
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(PhotoRow.state != DELETED)
        .order_by(PhotoRow.name)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    texts: dict[Any, Any] = {}
    one, within = texts.setdefault, str(folder)
    for rows in session.execute(query).partitions():
        for name, path, content, whose, species, encounter, taken_at, box, state, region in rows:
            photo = ServedPhoto(
                path if path.startswith(os.sep) else f"{within}{os.sep}{path}",
                content,
                one(whose, whose),
                one(species, species),
                one(encounter, encounter),
                one(taken_at, taken_at),
                None if box is None else Box(*box),
                one(state, state),
                one(region, region),
            )
            yield name, photo
