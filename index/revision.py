"""Changing a catalogue: all of one revision's changes in one transaction, each with its line in the log.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from index.calibration import Calibration
from index.catalogue import Catalogue
from index.catalogue_rows import CataloguePhoto, VectorRows, last_revision, read_photos, read_vectors
from index.embed_photos import EmbeddedPhoto, PhotoFile
from index.labels import NEW_WHALE, LabelledPhoto
from index.schema import (
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
    Table,
    VectorRow,
    refuse_read_only,
    telling,
    writing,
)

ChangeKind = Literal["add", "reembed", "relabel", "remove"]


@contextmanager
def revising(catalogue: Catalogue) -> Generator[Revision]:
    """Open one transaction; nobody else changes the catalogue meanwhile, and on any error nothing has happened.

    Raises BadCatalogue when another process is changing it, when it can't be written and when the disk is full.
    """
    refuse_read_only(catalogue.path)
    with (
        telling(catalogue.path),
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
        Session(connection) as session,
    ):
        yield Revision(session, catalogue.path)


class Revision:
    """The changes of one transaction. `changes` counts them by kind; `finish` gives them their revision."""

    def __init__(self, session: Session, path: Path) -> None:
        """Use `revising`."""
        last = last_revision(session)
        self.number = (last.revision if last else 0) + 1
        self.last_fingerprint = last.fingerprint if last else None
        self.last_calibration: dict[str, Any] = last.calibration if last else {}
        self.changes: dict[ChangeKind, int] = {"add": 0, "reembed": 0, "relabel": 0, "remove": 0}
        self._session = session
        self._connection = session.connection()
        self._path = path
        individuals = session.execute(select(IndividualRow.name, IndividualRow.id))
        self._individuals = {row[0]: row[1] for row in individuals}
        encounters = session.execute(select(EncounterRow.name, EncounterRow.individual_id, EncounterRow.id)).all()
        self._encounters = {(name, individual_id): id_ for name, individual_id, id_ in encounters}

    def photos(self) -> list[CataloguePhoto]:
        """All photos, sorted by name."""
        return read_photos(self._session, self._path.parent)

    def vectors(self, fingerprint: str) -> VectorRows:
        """The vectors of one checkpoint, sorted by their photos' names."""
        return read_vectors(self._session, self._path, fingerprint)

    def add(self, new: EmbeddedPhoto, fingerprint: str) -> None:
        """Add a photo with its vector."""
        values = {"name": new.photo.name, "box": new.photo.box, **_of_file(new.file), **self._of_label(new.photo)}
        photo_id = self._insert(PhotoRow, values)
        self._insert(VectorRow, {"photo_id": photo_id, **_of_vector(new, fingerprint)})
        self._log("add", new.photo.name, {}, {**self._told(new.photo), **_told_vector(new, fingerprint)})

    def reembed(self, known: CataloguePhoto, new: EmbeddedPhoto, fingerprint: str) -> None:
        """Replace a photo's vector, after a change of its content, its box or the checkpoint."""
        self._update_photo(known, {"box": new.photo.box, **_of_file(new.file)})
        self._session.execute(delete(VectorRow).where(VectorRow.photo_id == known.id))
        self._insert(VectorRow, {"photo_id": known.id, **_of_vector(new, fingerprint)})
        before = {"content_hash": known.content_hash, "box": known.box, "fingerprint": known.fingerprint}
        self._log("reembed", known.name, before, _told_vector(new, fingerprint))

    def relabel(self, known: CataloguePhoto, photo: LabelledPhoto) -> None:
        """Change whose photo it is, its species, encounter, time or place; its vector stays."""
        self._update_photo(known, self._of_label(photo))
        self._log("relabel", known.name, self._told(known), self._told(photo))

    def remove(self, known: CataloguePhoto) -> None:
        """Take a photo out, and its vector; the log keeps what was known of it."""
        self._session.execute(delete(PhotoRow).where(PhotoRow.id == known.id))
        before = {"content_hash": known.content_hash, "box": known.box, "fingerprint": known.fingerprint}
        self._log("remove", known.name, {**self._told(known), **before}, {})

    def note_file(self, known: CataloguePhoto, file: PhotoFile) -> None:
        """Remember a file's new size and time, its content being the same: no change of the catalogue."""
        self._update_photo(known, _of_file(file))

    def mislabelled(self) -> list[tuple[str, str, str, str]]:
        """Pairs of photos with the same content but different labels: photo, label, other photo, its label."""
        first: dict[str, CataloguePhoto] = {}
        pairs: list[tuple[str, str, str, str]] = []
        for photo in self.photos():
            other = first.setdefault(photo.content_hash, photo)
            if other.individual != photo.individual:
                pairs.append((other.name, other.individual or NEW_WHALE, photo.name, photo.individual or NEW_WHALE))
        return pairs

    def finish(self, fingerprint: str, calibration: Calibration) -> None:
        """Give the changes their revision, and forget individuals and encounters without a photo."""
        photos_of = select(PhotoRow.id)
        no_photo = ~photos_of.where(PhotoRow.encounter_id == EncounterRow.id).exists()
        self._session.execute(delete(EncounterRow).where(no_photo))
        no_photo = ~photos_of.where(PhotoRow.individual_id == IndividualRow.id).exists()
        self._session.execute(delete(IndividualRow).where(no_photo))
        row = {"revision": self.number, "fingerprint": fingerprint, "calibration": calibration.to_json()}
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._insert(RevisionRow, {"at": now, **row})

    def _update_photo(self, known: CataloguePhoto, values: dict[str, Any]) -> None:
        self._session.execute(update(PhotoRow).where(PhotoRow.id == known.id).values(values))

    def _insert(self, kind: type[Table], values: dict[str, Any]) -> int:
        """Insert one row and return its key. Below the ORM, whose own insert takes five times as long (200 us)."""
        table = Table.metadata.tables[kind.__tablename__]
        key = self._connection.execute(insert(table), values).inserted_primary_key
        return 0 if key is None else key[0]

    def _log(self, kind: ChangeKind, photo: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        detail = {"before": before, "after": after}
        row = {"revision": self.number, "kind": kind, "photo": photo, "detail": detail}
        self._insert(ChangeRow, row)
        self.changes[kind] += 1

    def _of_label(self, photo: LabelledPhoto) -> dict[str, Any]:
        individual_id = None if photo.individual is None else self._individual_id(photo.individual)
        return {
            "path": self._stored(photo.path),
            "individual_id": individual_id,
            "encounter_id": self._encounter_id(photo.encounter, individual_id),
            "species": photo.species,
            "taken_at": photo.taken_at,
        }

    def _individual_id(self, name: str) -> int:
        if name not in self._individuals:
            self._individuals[name] = self._insert(IndividualRow, {"name": name})
        return self._individuals[name]

    def _encounter_id(self, name: str | None, individual_id: int | None) -> int | None:
        if name is None:
            return None
        # An encounter is with one animal: the same name beside another individual is another encounter.
        key = (name, individual_id)
        if key not in self._encounters:
            self._encounters[key] = self._insert(EncounterRow, {"name": name, "individual_id": individual_id})
        return self._encounters[key]

    def _stored(self, path: Path) -> str:
        path = path.absolute()
        return str(path.relative_to(self._path.parent) if path.is_relative_to(self._path.parent) else path)

    def _told(self, photo: LabelledPhoto | CataloguePhoto) -> dict[str, Any]:
        return {
            "individual": photo.individual,
            "species": photo.species,
            "encounter": photo.encounter,
            "taken_at": photo.taken_at,
            "path": self._stored(photo.path),
        }


def _of_file(file: PhotoFile) -> dict[str, Any]:
    return {"content_hash": file.content_hash, "size_bytes": file.size_bytes, "mtime_ns": file.mtime_ns}


def _of_vector(new: EmbeddedPhoto, fingerprint: str) -> dict[str, Any]:
    embedding = new.vector.astype("<f4").tobytes()
    return {"fingerprint": fingerprint, "dimension": len(new.vector), "embedding": embedding}


def _told_vector(new: EmbeddedPhoto, fingerprint: str) -> dict[str, Any]:
    return {"content_hash": new.file.content_hash, "box": new.photo.box, "fingerprint": fingerprint}
