"""What the service holds of each catalogue photo beside its vector."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from embedding.photos.photo import Box
from index.catalogue.rows import CataloguePhoto
from index.storage.schema import CATALOGUED


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
