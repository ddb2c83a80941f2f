"""The record of photos, individuals, encounters, vectors and every change made to them.

A SQLite file in WAL mode, or a schema of PostgreSQL. SQLAlchemy's door, together with `schema.py`
(tables), `opening.py`, `catalogue_rows.py` (reading) and `revision.py` (changes). What is searched
is derived from it; each answer comes from one revision.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from index.calibration.calibration import Calibration, readable_calibration
from index.calibration.fitting import calibrate
from index.catalogue.rows import (
    CataloguePhoto,
    damaged_vectors,
    last_calibration,
    last_revision,
    pending_calibration,
    read_photos,
    read_species,
    read_vectors,
    read_viewpoints,
)
from index.catalogue.searched_rows import read_searched_rows
from index.engines.reading import prepare_engine, read_gallery_elsewhere
from index.search.gallery import Gallery
from index.search.matching import Score
from index.storage.address import BadCatalogue, CatalogueAddress, files_folder, resolve_links
from index.storage.connection import check_catalogue, create_schema, open_engine, translating_errors
from index.storage.migrations import upgrade
from index.storage.schema import CATALOGUED, ChangeRow, PhotoRow, RevisionRow, VectorRow
from index.stored.engine_names import is_searched_elsewhere

__all__ = [
    "BadCatalogue",
    "Catalogue",
    "CatalogueCounts",
    "CataloguePhoto",
    "Change",
    "RevisionSummary",
    "SearchableCatalogue",
]


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
    """One photo's change: `kind` is add, reembed, relabel or remove.

    `detail` holds `before` and `after`.
    """

    revision: int
    at: str
    kind: str
    photo: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RevisionSummary:
    """One revision: when (UTC, ISO 8601), by which checkpoint and event, and how much changed.

    `changes` counts the log's lines by their kinds.
    """

    revision: int
    at: str
    fingerprint: str
    changes: dict[str, int]
    kind: str = "update"


class SearchableCatalogue(NamedTuple):
    """The gallery and calibration of one revision.

    `damaged` has the photos whose vectors are of no use, which are not searched, each with what is
    wrong with its vector.
    """

    gallery: Gallery
    calibration: Calibration
    damaged: dict[str, str]


class Catalogue:
    """An open catalogue.

    Reading never waits for a writer and sees one revision whole; safe from several threads.
    """

    def __init__(self, address: CatalogueAddress, *, wait_seconds: float) -> None:
        """Use `Catalogue.open`, which checks what is there first."""
        self.address = address
        self.engine = open_engine(address, wait_seconds=wait_seconds)
        self.transaction: Connection | None = None

    def within(self, transaction: Connection) -> Catalogue:
        """The same catalogue, whose changes are part of a transaction that is open already.

        Use `index.catalogue.revision.keeping_others_out`. Reading sees what was committed before.
        """
        another = copy.copy(self)
        another.transaction = transaction
        return another

    @classmethod
    def open(
        cls, address: CatalogueAddress, *, create: bool = False, wait_seconds: float = 5.0
    ) -> Catalogue:
        """Open a catalogue, or `create` an empty one where there is none yet.

        `wait_seconds` is how long to wait for another process that is changing it. Raises
        BadCatalogue.
        """
        address = resolve_links(address)
        if create:
            create_schema(address)
        upgrade(address, check_catalogue(address))
        return cls(address, wait_seconds=wait_seconds)

    def close(self) -> None:
        """Let the file, or the connections, go."""
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
    def folder(self) -> Path:
        """The folder that photos' relative paths start from.

        Raises BadCatalogue where a URL came without one.
        """
        return files_folder(self.address)

    @property
    def revision(self) -> int:
        """The number of the last change; 0 for a catalogue that never had one."""
        with translating_errors(self.address), Session(self.engine) as session:
            return session.scalar(select(func.max(RevisionRow.revision))) or 0

    @property
    def fingerprint(self) -> str | None:
        """The checkpoint that made the searchable vectors.

        None for a catalogue that never had any.
        """
        with translating_errors(self.address), Session(self.engine) as session:
            last = last_revision(session)
            return None if last is None else last.fingerprint

    def photos(self) -> list[CataloguePhoto]:
        """All photos, sorted by name."""
        with translating_errors(self.address), Session(self.engine) as session:
            last = last_revision(session)
            return read_photos(session, self.folder, last.fingerprint if last else None)

    def species(self) -> dict[str, str]:
        """Each individual's species by its name.

        Individuals of which none is noted are left out.
        """
        with translating_errors(self.address), Session(self.engine) as session:
            return read_species(session)

    def counts(self) -> CatalogueCounts:
        """Count individuals, encounters and photos."""
        with translating_errors(self.address), Session(self.engine) as session:
            last = last_revision(session)
            is_catalogued = PhotoRow.state == CATALOGUED
            searchable = (
                select(func.count())
                .select_from(VectorRow)
                .join(PhotoRow, PhotoRow.id == VectorRow.photo_id)
            )
            made_by = VectorRow.fingerprint == (last.fingerprint if last else "")

            def count(what: Any, *only: Any) -> int:
                return session.scalar(select(func.count(what)).where(is_catalogued, *only)) or 0

            return CatalogueCounts(
                individuals=count(PhotoRow.individual_id.distinct()),
                encounters=count(PhotoRow.encounter_id.distinct()),
                photos=count(PhotoRow.id),
                new_whale_photos=count(PhotoRow.id, PhotoRow.individual_id.is_(None)),
                searchable=session.scalar(searchable.where(is_catalogued, made_by)) or 0,
            )

    def vectors(self, fingerprint: str) -> tuple[list[int], NDArray[np.float32]]:
        """Read one checkpoint's vectors: photo ids, and (m, d) rows sorted by photo name."""
        with translating_errors(self.address), Session(self.engine) as session:
            rows = read_vectors(session, fingerprint)
            return rows.photo_ids, rows.vectors.dense()

    def searchable(
        self, factory: str = "Flat", *, score: Score | None = None, may_be_old: bool = False
    ) -> tuple[Gallery, Calibration]:
        """Read the gallery of the labelled photos and its calibration, of the same revision.

        Where none is stored for this revision, for another `score` than the stored one's, or by
        this flukeprint, one is fitted, which takes seconds and isn't stored. `may_be_old`: the last
        one that was stored will do.
        """
        found = self.read_searchable(factory, score=score, may_be_old=may_be_old)
        return found.gallery, found.calibration

    def read_searchable(
        self, factory: str = "Flat", *, score: Score | None = None, may_be_old: bool = False
    ) -> SearchableCatalogue:
        """Read what `searchable` does, and which photos it leaves out because of their vectors."""
        prepare_engine(self.engine, self.address, factory)
        with translating_errors(self.address), Session(self.engine) as session:
            last = newest_revision(session, self.address)
            calibration = fitted_calibration(session, last, score, may_be_old=may_be_old)
            gallery, damaged = read_gallery(session, self, factory)
        return SearchableCatalogue(gallery, calibration, damaged)

    def damaged_vectors(self) -> dict[str, str]:
        """Find the photos whose vectors are of no use, with what is wrong with them.

        Reads every vector of the last revision's checkpoint.
        """
        with translating_errors(self.address), Session(self.engine) as session:
            last = last_revision(session)
            return damaged_vectors(session, last.fingerprint) if last else {}

    def viewpoints(self) -> dict[str, str]:
        """The viewpoints of catalogued photos, by their names, where one is noted."""
        with translating_errors(self.address), Session(self.engine) as session:
            return read_viewpoints(session)

    def gallery(self, factory: str = "Flat") -> Gallery:
        """The searchable vectors of the labelled photos.

        `factory` as in `index.search.engine.build_engine`.
        """
        return self.searchable(factory)[0]

    def calibration(self) -> Calibration:
        """The last calibration that was fitted; a later change may have left one pending.

        Raises BadCalibration when it can't be read.
        """
        with translating_errors(self.address), Session(self.engine) as session:
            newest_revision(session, self.address)
            return Calibration.from_json(last_calibration(session) or {})

    def changes(self, limit: int = 20) -> list[Change]:
        """The last changes of single photos, newest first."""
        query = (
            select(
                ChangeRow.revision,
                RevisionRow.at,
                ChangeRow.kind,
                ChangeRow.photo,
                ChangeRow.detail,
            )
            .join(RevisionRow, RevisionRow.revision == ChangeRow.revision)
            .order_by(ChangeRow.id.desc())
            .limit(limit)
        )
        with translating_errors(self.address), Session(self.engine) as session:
            return [Change(*row) for row in session.execute(query)]

    def history(self, limit: int = 5) -> list[RevisionSummary]:
        """The last revisions, newest first, each with the number of its changes by kind."""
        query = select(
            RevisionRow.revision, RevisionRow.at, RevisionRow.fingerprint, RevisionRow.kind
        )
        query = query.order_by(RevisionRow.revision.desc()).limit(limit)
        counted = (
            select(ChangeRow.kind, func.count()).group_by(ChangeRow.kind).order_by(ChangeRow.kind)
        )
        with translating_errors(self.address), Session(self.engine) as session:
            return [
                RevisionSummary(
                    revision,
                    at,
                    fingerprint,
                    {
                        row[0]: row[1]
                        for row in session.execute(counted.where(ChangeRow.revision == revision))
                    },
                    kind,
                )
                for revision, at, fingerprint, kind in session.execute(query).all()
            ]


def newest_revision(session: Session, address: CatalogueAddress) -> RevisionRow:
    """Read the newest revision. Raises BadCatalogue where there is none."""
    last = last_revision(session)
    if last is None:
        raise BadCatalogue(
            f"the catalogue {address} holds nothing yet; fill it with `flukeprint index update`"
        )
    return last


def read_gallery(
    session: Session, catalogue: Catalogue, factory: str
) -> tuple[Gallery, dict[str, str]]:
    """Read the gallery of the newest revision in a transaction, and the damaged vectors' photos.

    `factory` as in `build_engine`, or an engine that searches elsewhere, whose
    `prepare_engine` comes first. Raises BadCatalogue.
    """
    last = newest_revision(session, catalogue.address)
    if is_searched_elsewhere(factory):
        return read_gallery_elsewhere(session, catalogue.engine, catalogue.address, factory)
    searched = read_searched_rows(session, last.fingerprint)
    gallery = Gallery.build(
        searched.photo_names,
        searched.individuals,
        searched.vectors,
        fingerprint=last.fingerprint,
        revision=last.revision,
        factory=factory,
    )
    return gallery, searched.damaged


def fitted_calibration(
    session: Session, last: RevisionRow, score: Score | None, *, may_be_old: bool
) -> Calibration:
    """Read the calibration, or fit one, as `Catalogue.searchable` says."""
    calibration = readable_calibration(last_calibration(session))
    is_old = pending_calibration(session) is not None and not may_be_old
    if calibration is None or is_old or score not in (None, calibration.score):
        rows = read_vectors(session, last.fingerprint)
        return calibrate(rows.vectors, rows.individuals, score=score or "nearest", facts=rows.facts)
    return calibration
