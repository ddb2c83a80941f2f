"""The curated record of photos, individuals, encounters, their vectors and every change made to them.

A SQLite file in WAL mode; SQLAlchemy's door, with `schema.py` (tables, opening) and `revision.py` (changes). What is
searched is derived from it, and each answer comes from one revision of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from embedding.photo import Box
from index.calibration import Calibration
from index.gallery import Gallery
from index.schema import (
    BadCatalogue,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
    VectorRow,
    check_file,
    create_schema,
    open_engine,
    telling,
)

__all__ = [
    "BadCatalogue",
    "Catalogue",
    "CatalogueCounts",
    "CataloguePhoto",
    "Change",
    "RevisionSummary",
    "read_photos",
    "read_vectors",
]

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class CataloguePhoto:
    """One catalogued photo. `individual` None is new_whale; `fingerprint` is the checkpoint of its vector.

    `mtime_ns` None: the file's time proves nothing, its content must be compared.
    """

    id: int
    name: str
    path: Path
    content_hash: str
    size_bytes: int
    mtime_ns: int | None
    individual: str | None
    species: str | None
    encounter: str | None
    taken_at: str | None
    box: Box | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class CatalogueCounts:
    """How much a catalogue holds; `searchable` photos have a vector of the current checkpoint."""

    individuals: int
    encounters: int
    photos: int
    new_whale_photos: int
    searchable: int


@dataclass(frozen=True, slots=True)
class Change:
    """One photo's change: `kind` is add, reembed, relabel or remove; `detail` holds `before` and `after`."""

    revision: int
    at: str
    kind: str
    photo: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RevisionSummary:
    """One revision: when (UTC, ISO 8601), with which checkpoint, and how many photos changed, by kind."""

    revision: int
    at: str
    fingerprint: str
    changes: dict[str, int]


class Catalogue:
    """An open catalogue. Reading never waits for a writer and sees one revision whole; safe from several threads."""

    def __init__(self, path: Path, *, wait_seconds: float) -> None:
        """Use `Catalogue.open`, which checks the file first."""
        self.path = path
        self.engine = open_engine(path, wait_seconds=wait_seconds)

    @classmethod
    def open(cls, path: Path, *, create: bool = False, wait_seconds: float = 5.0) -> Catalogue:
        """Open a catalogue, or `create` an empty one where there is no file yet.

        `wait_seconds` is how long to wait for another process that is changing it. Raises BadCatalogue.
        """
        path = path.resolve()  # SQLite keeps its log beside the real file, whatever link led there
        if create:
            create_schema(path)
        check_file(path)
        return cls(path, wait_seconds=wait_seconds)

    def close(self) -> None:
        """Let the file go."""
        self.engine.dispose()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def revision(self) -> int:
        """The number of the last change; 0 for a catalogue that never had one."""
        with telling(self.path), self.engine.begin() as connection:
            return connection.scalar(select(func.max(RevisionRow.revision))) or 0

    @property
    def fingerprint(self) -> str | None:
        """The checkpoint that made the searchable vectors; None for a catalogue that never had any."""
        with telling(self.path), self.engine.begin() as connection:
            last = _last_revision(connection)
            return None if last is None else last.fingerprint

    def photos(self) -> list[CataloguePhoto]:
        """All photos, sorted by name."""
        with telling(self.path), self.engine.begin() as connection:
            return read_photos(connection, self.path.parent)

    def counts(self) -> CatalogueCounts:
        """Count individuals, encounters and photos."""
        with telling(self.path), self.engine.begin() as connection:
            last = _last_revision(connection)
            unlabelled = select(func.count()).where(PhotoRow.individual_id.is_(None))
            searchable = select(func.count()).where(VectorRow.fingerprint == (last.fingerprint if last else ""))
            return CatalogueCounts(
                individuals=_count(connection, IndividualRow.id),
                encounters=_count(connection, EncounterRow.id),
                photos=_count(connection, PhotoRow.id),
                new_whale_photos=connection.scalar(unlabelled) or 0,
                searchable=connection.scalar(searchable) or 0,
            )

    def vectors(self, fingerprint: str) -> tuple[list[int], NDArray[np.float32]]:
        """The vectors that one checkpoint made: photo ids, and (m, d) rows in the order of the photos' names."""
        with telling(self.path), self.engine.begin() as connection:
            photos, vectors = read_vectors(connection, self.path, fingerprint)
            return [photo.id for photo in photos], vectors

    def searchable(self, factory: str = "Flat") -> tuple[Gallery, Calibration]:
        """The gallery of the labelled photos and the calibration fitted to it, of the same revision."""
        with telling(self.path), self.engine.begin() as connection:
            last = self._last(connection)
            photos, vectors = read_vectors(connection, self.path, last.fingerprint)
        rows = [row for row, photo in enumerate(photos) if photo.individual is not None]
        gallery = Gallery.build(
            [photos[row].name for row in rows],
            [photos[row].individual or "" for row in rows],
            vectors[rows],
            fingerprint=last.fingerprint,
            revision=last.revision,
            factory=factory,
        )
        return gallery, Calibration.from_json(last.calibration)

    def gallery(self, factory: str = "Flat") -> Gallery:
        """The searchable vectors of the labelled photos; `factory` as in `index.engine.build_engine`."""
        return self.searchable(factory)[0]

    def calibration(self) -> Calibration:
        """The calibration fitted at the last revision. Raises BadCalibration when it can't be read."""
        with telling(self.path), self.engine.begin() as connection:
            return Calibration.from_json(self._last(connection).calibration)

    def changes(self, limit: int = 20) -> list[Change]:
        """The last changes of single photos, newest first."""
        query = (
            select(ChangeRow.revision, RevisionRow.at, ChangeRow.kind, ChangeRow.photo, ChangeRow.detail)
            .join(RevisionRow, RevisionRow.revision == ChangeRow.revision)
            .order_by(ChangeRow.id.desc())
            .limit(limit)
        )
        with telling(self.path), self.engine.begin() as connection:
            return [Change(*row) for row in connection.execute(query)]

    def history(self, limit: int = 5) -> list[RevisionSummary]:
        """The last revisions, newest first, each with the number of its changes by kind."""
        query = select(RevisionRow.revision, RevisionRow.at, RevisionRow.fingerprint)
        query = query.order_by(RevisionRow.revision.desc()).limit(limit)
        counted = select(ChangeRow.kind, func.count()).group_by(ChangeRow.kind).order_by(ChangeRow.kind)
        with telling(self.path), self.engine.begin() as connection:
            return [
                RevisionSummary(
                    revision,
                    at,
                    fingerprint,
                    {kind: count for kind, count in connection.execute(counted.where(ChangeRow.revision == revision))},
                )
                for revision, at, fingerprint in connection.execute(query).all()
            ]

    def _last(self, connection: Connection) -> RevisionRow:
        last = _last_revision(connection)
        if last is None:
            raise BadCatalogue(f"the catalogue {self.path} holds nothing yet; fill it with `flukeprint index update`")
        return last


def read_photos(connection: Connection, folder: Path) -> list[CataloguePhoto]:
    """All photos sorted by name; paths stored as relative ones are within `folder`, the catalogue's."""
    query = (
        select(PhotoRow, IndividualRow.name, EncounterRow.name, VectorRow.fingerprint)
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .outerjoin(VectorRow, VectorRow.photo_id == PhotoRow.id)
        .order_by(PhotoRow.name)
    )
