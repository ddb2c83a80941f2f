"""What a service holds of each catalogue photo beside its vector. Part of SQLAlchemy's door."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from embedding.photos.photo import Box
from index.catalogue.rows import CataloguePhoto
from index.storage.schema import CATALOGUED, DELETED, EncounterRow, IndividualRow, PhotoRow

CODED = ("individual", "species", "encounter", "taken_at", "state", "region")
"""The facts that many photos share: a column of each holds numbers of texts."""

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


class PhotoColumns(NamedTuple):
    """The facts of photos in any order, a list of each.

    `boxes` are four shares, or None. `coded` has a column for each of CODED.
    """

    names: list[str]
    paths: list[str]
    content_hashes: list[str]
    boxes: list[Sequence[float] | None]
    coded: tuple[list[str | None], ...]


def read_photo_columns(session: Session) -> PhotoColumns:
    """The facts of all photos but deleted ones. Relative paths are within the catalogue's folder.

    In no order: by name each would be searched for.
    """
    query = (
        select(
            PhotoRow.name,
            PhotoRow.path,
            PhotoRow.content_hash,
            PhotoRow.box,
            IndividualRow.name,
            PhotoRow.species,
            EncounterRow.name,
            PhotoRow.taken_at,
            PhotoRow.state,
            EncounterRow.region,
        )
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(PhotoRow.state != DELETED)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    columns: tuple[list[Any], ...] = tuple([] for _ in range(4 + len(CODED)))
    one = dict[Any, Any]().setdefault  # equal texts become one object
    for rows in session.execute(query).partitions():
        for at, column in enumerate(zip(*rows, strict=True)):
            columns[at].extend(column if at < 4 else map(one, column, column))
    names, paths, content_hashes, boxes, *coded = columns
    return PhotoColumns(names, paths, content_hashes, boxes, tuple(coded))
