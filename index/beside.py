"""Another checkpoint's vectors beside those that are searched, laid there in short transactions.

Part of SQLAlchemy's door. A catalogue goes on answering with the vectors of its last revision's checkpoint, however
many of another's lie beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from embedding.photo import Box
from index.catalogue import Catalogue
from index.catalogue_rows import CataloguePhoto, last_calibration, last_revision, read_photos, read_vectors
from index.decided import Decided, read_decided
from index.embed_photos import EmbeddedPhoto
from index.opening import telling
from index.plan import Plan
from index.revision import Revision, revising
from index.schema import CATALOGUED, ChangeRow, PhotoRow, RevisionRow, Table, VectorRow

_LINES_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class CatalogueState:
    """A catalogue at one revision; `photos` sorted by name tell which have a vector of the checkpoint asked about."""

    revision: int
    fingerprint: str | None
    calibration: dict[str, Any]
    photos: list[CataloguePhoto]
    decided: Decided


@dataclass(frozen=True, slots=True)
class LabelledVectors:
    """The vectors (m, d) to calibrate on, with whose they are (None: new_whale), sorted by their photos' names."""

    individuals: list[str | None]
    vectors: NDArray[np.float32]


def read_state(catalogue: Catalogue, fingerprint: str) -> CatalogueState:
    """Read what a catalogue is now, keeping nobody from changing it. Raises BadCatalogue."""
    with telling(catalogue.address), Session(catalogue.engine) as session:
        last = last_revision(session)
        photos = read_photos(session, catalogue.folder, fingerprint)
        return CatalogueState(
            last.revision if last else 0,
            last.fingerprint if last else None,
            last_calibration(session) or {},
            photos,
            read_decided(session),
        )


def checkpoints_of(catalogue: Catalogue) -> set[str]:
    """The checkpoints that a catalogue has vectors of: the one that it is searched by, and others beside.

    Raises BadCatalogue.
    """
    with telling(catalogue.address), Session(catalogue.engine) as session:
        last = last_revision(session)
        found = set(session.scalars(select(VectorRow.fingerprint).distinct()))
        return found | ({last.fingerprint} if last else set[str]())


def lay_beside(catalogue: Catalogue, made: Mapping[int, EmbeddedPhoto], fingerprint: str) -> set[str]:
    """Store vectors by their photos' keys, where nothing searches them yet; returns the names of those photos.

    Left out are photos that hold something else meanwhile, and all of them where the catalogue is searched by this very
    checkpoint: there a vector is a change. Raises BadCatalogue.
    """
    with revising(catalogue) as act:
        if act.last_fingerprint in (None, fingerprint):
            return set()
        columns = (PhotoRow.id, PhotoRow.content_hash, PhotoRow.box)
        there = {
            key: (content_hash, None if box is None else Box(*box))
            for key, content_hash, box in act.session.execute(select(*columns).where(PhotoRow.id.in_(list(made))))
        }
        same = {key: each for key, each in made.items() if there.get(key) == (each.file.content_hash, each.photo.box)}
        if not same:
            return set()
        stale = delete(VectorRow).where(VectorRow.photo_id.in_(list(same)), VectorRow.fingerprint == fingerprint)
        act.session.execute(stale)
        rows = [
            {
                "photo_id": key,
                "fingerprint": fingerprint,
                "dimension": len(each.vector),
                "embedding": each.vector.astype("<f4").tobytes(),
            }
            for key, each in same.items()
        ]
        connection = act.session.connection()
        connection.execute(insert(Table.metadata.tables[VectorRow.__tablename__]), rows)
        for key, each in same.items():  # of the file, not of the catalogue: no revision's business
            noted = {"size_bytes": each.file.size_bytes, "mtime_ns": each.file.mtime_ns}
            act.session.execute(update(PhotoRow).where(PhotoRow.id == key).values(noted))
        return {each.photo.name for each in same.values()}


def log_embedded(act: Revision, photos: Iterable[CataloguePhoto], fingerprint: str) -> None:
    """Write a line for each photo whose vector was laid beside; many at once, as everybody waits meanwhile."""
    lines: list[dict[str, Any]] = [
        {
            "revision": act.number,
            "kind": "reembed",
            "photo": photo.name,
            "detail": {
                "before": {"content_hash": photo.content_hash, "box": photo.box, "fingerprint": act.last_fingerprint},
                "after": {"content_hash": photo.content_hash, "box": photo.box, "fingerprint": fingerprint},
                "rows": [],
            },
        }
        for photo in photos
    ]
    table = Table.metadata.tables[ChangeRow.__tablename__]
    for start in range(0, len(lines), _LINES_AT_ONCE):
        act.session.connection().execute(insert(table), lines[start : start + _LINES_AT_ONCE])
    act.changes["reembed"] += len(lines)


def was_searched_by(act: Revision, fingerprint: str) -> bool:
    """Whether any revision was searched by that checkpoint: then the log tells whom it embedded."""
    return (
        act.session.scalar(select(RevisionRow.revision).where(RevisionRow.fingerprint == fingerprint).limit(1))
        is not None
    )


def vectors_after(
    catalogue: Catalogue,
    plan: Plan,
    known: Mapping[str, CataloguePhoto],
    made: Mapping[str, EmbeddedPhoto],
    fingerprint: str,
) -> LabelledVectors:
    """The catalogued vectors as they will be once a plan is carried out with the vectors `made` for it, by photo name.

    Raises BadCatalogue.
    """
    with telling(catalogue.address), Session(catalogue.engine) as session:
        rows = read_vectors(session, catalogue.address, fingerprint)
    if not (plan.add or plan.remove or plan.relabel or made):
        return LabelledVectors(rows.individuals, rows.vectors)
    whose = dict(zip(rows.photo_names, rows.individuals, strict=True))
    vectors = dict(zip(rows.photo_names, rows.vectors, strict=True))
    for old in plan.remove:
        whose.pop(old.name, None)
    for photo in (*plan.add, *plan.reembed):
        is_searched = photo.name not in known or known[photo.name].state == CATALOGUED
        if photo.name in made and is_searched:
            whose[photo.name] = photo.individual
            vectors[photo.name] = made[photo.name].vector
    for photo in plan.relabel:
        if photo.name in whose:
            whose[photo.name] = photo.individual
    names = sorted(whose)
    dimension = rows.vectors.shape[1]
    stacked = np.stack([vectors[name] for name in names]) if names else np.zeros((0, dimension), np.float32)
    return LabelledVectors([whose[name] for name in names], stacked)
