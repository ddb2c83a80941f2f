"""Another checkpoint's vectors beside those that are searched, laid there in short transactions.

Part of SQLAlchemy's door. A catalogue goes on answering with the vectors of its last revision's
checkpoint, however many of another's lie beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from embedding.photos.photo import Box
from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import Revision, open_revision
from index.catalogue.rows import (
    CataloguePhoto,
    damaged_vectors,
    last_revision,
    read_photos,
)
from index.curation.corrections import Corrections, read_corrections_within
from index.photos.embed import EmbeddedPhoto
from index.storage.checksums import vector_checksum
from index.storage.connection import translating_errors
from index.storage.schema import (
    MOST_BOUND,
    ChangeRow,
    PhotoRow,
    RevisionRow,
    Table,
    VectorRow,
    is_postgres,
)


@dataclass(frozen=True, slots=True)
class CatalogueState:
    """A catalogue at one revision.

    `photos` sorted by name tell which have a vector of the checkpoint asked about.
    """

    revision: int
    fingerprint: str | None
    photos: list[CataloguePhoto]
    corrections: Corrections


def read_state(catalogue: Catalogue, fingerprint: str) -> CatalogueState:
    """Read what a catalogue is now, keeping nobody from changing it. Raises BadCatalogue."""
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = last_revision(session)
        photos = without_damaged_vectors(
            session, read_photos(session, catalogue.folder, fingerprint), fingerprint
        )
        return CatalogueState(
            last.revision if last else 0,
            last.fingerprint if last else None,
            photos,
            read_corrections_within(session),
        )


def without_damaged_vectors(
    session: Session, photos: Sequence[CataloguePhoto], fingerprint: str
) -> list[CataloguePhoto]:
    """The photos, with no fingerprint where the vector is of no use: those are embedded again."""
    damaged = damaged_vectors(session, fingerprint)
    return [
        replace(photo, fingerprint=None) if photo.name in damaged else photo for photo in photos
    ]


def checkpoints_of(catalogue: Catalogue) -> set[str]:
    """List the checkpoints of a catalogue's vectors, searched and staged.

    Raises BadCatalogue.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = last_revision(session)
        found = set(session.scalars(select(VectorRow.fingerprint).distinct()))
        return found | ({last.fingerprint} if last else set[str]())


def stage_vectors(
    catalogue: Catalogue, made: Mapping[int, EmbeddedPhoto], fingerprint: str
) -> set[str]:
    """Store vectors by their photos' keys, where nothing searches them yet.

    Returns the names of those photos.

    Left out are photos that hold something else meanwhile, and all of them where the catalogue is
    searched by this very checkpoint: there a vector is a change. Raises BadCatalogue.
    """
    with open_revision(catalogue) as act:
        if act.last_fingerprint in (None, fingerprint):
            return set()
        columns = (PhotoRow.id, PhotoRow.content_hash, PhotoRow.box)
        there = {
            key: (content_hash, None if box is None else Box(*box))
            for key, content_hash, box in act.session.execute(
                select(*columns).where(PhotoRow.id.in_(list(made)))
            )
        }
        same = {
            key: each
            for key, each in made.items()
            if there.get(key) == (each.file.content_hash, each.photo.box)
        }
        if not same:
            return set()
        stale = delete(VectorRow).where(
            VectorRow.photo_id.in_(list(same)), VectorRow.fingerprint == fingerprint
        )
        act.session.execute(stale)
        rows = [
            {
                "photo_id": key,
                "fingerprint": fingerprint,
                "dimension": len(each.vector),
                "embedding": (embedding := each.vector.astype("<f4").tobytes()),
                "checksum": vector_checksum(key, fingerprint, embedding),
            }
            for key, each in same.items()
        ]
        connection = act.session.connection()
        connection.execute(insert(Table.metadata.tables[VectorRow.__tablename__]), rows)
        for key, each in same.items():  # of the file, not of the catalogue: no revision's business
            file_values = {"size_bytes": each.file.size_bytes, "mtime_ns": each.file.mtime_ns}
            act.session.execute(update(PhotoRow).where(PhotoRow.id == key).values(file_values))
        return {each.photo.name for each in same.values()}


def log_embedded(act: Revision, photo_ids: Sequence[int], fingerprint: str) -> None:
    """Write a line for each photo whose vector was laid beside.

    The database writes them, as everybody waits meanwhile.

    Sent from here, 166,000 lines kept writers out of a PostgreSQL for 38 s instead of 20.
    """
    is_served = is_postgres(act.session.connection())
    made, array = (
        (func.json_build_object, func.json_build_array)
        if is_served
        else (func.json_object, func.json_array)
    )
    box = PhotoRow.box if is_served else func.json(PhotoRow.box)

    def vector_detail(by: str | None) -> ColumnElement[Any]:
        return made("content_hash", PhotoRow.content_hash, "box", box, "fingerprint", by)

    detail = made(
        "before",
        vector_detail(act.last_fingerprint),
        "after",
        vector_detail(fingerprint),
        "rows",
        array(),
    )
    lines = select(literal(act.number), literal("reembed"), PhotoRow.name, detail).order_by(
        PhotoRow.name
    )
    table = Table.metadata.tables[ChangeRow.__tablename__]
    for start in range(0, len(photo_ids), MOST_BOUND):
        some = lines.where(PhotoRow.id.in_(photo_ids[start : start + MOST_BOUND]))
        act.session.execute(
            insert(table).from_select(["revision", "kind", "photo", "detail"], some)
        )
    act.changes["reembed"] += len(photo_ids)


def was_searched_by(act: Revision, fingerprint: str) -> bool:
    """Whether any revision was searched by that checkpoint: then the log tells whom it embedded."""
    found = select(RevisionRow.revision).where(RevisionRow.fingerprint == fingerprint).limit(1)
    return act.session.scalar(found) is not None
