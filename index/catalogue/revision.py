"""Change a catalogue: one event, one transaction, one revision, and a log of every row.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.catalogue.known_keys import KnownEncounters, KnownIndividuals
from index.catalogue.rows import (
    CataloguePhoto,
    last_revision,
    read_photos,
)
from index.labels.fields import in_nfc, spellings_of
from index.labels.reader import LabelledPhoto
from index.pgvector.writing import forget_checkpoints, synchronise
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.storage.address import BadCatalogue, CatalogueAddress, files_folder
from index.storage.checksums import vector_checksum
from index.storage.connection import refuse_read_only, translating_errors
from index.storage.schema import (
    CATALOGUED,
    DELETED,
    MOST_BOUND,
    CalibrationRow,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    RevisionRow,
    Table,
    VectorRow,
    announce,
    keep_others_out,
    writing,
)

Values = dict[str, Any]
TransactionCheck = Callable[[Session], None]
"""Called within a transaction before anything is changed; what it raises leaves all as it was."""


def check_nothing(_: Session) -> None:
    """Let the transaction go on."""


@contextmanager
def open_revision(
    catalogue: Catalogue, *, kind: str = "update", made_by: str | None = None
) -> Generator[Revision]:
    """Open one transaction.

    Nobody else changes the catalogue meanwhile, and on any error nothing has happened.

    `kind` names the event and `made_by` the person or program. Raises BadCatalogue when another
    process is changing it, when it can't be written and when the disk is full.
    """
    if catalogue.transaction is None:
        with keeping_others_out(catalogue) as alone, _joined(alone) as session:
            yield Revision(session, catalogue.address, kind=kind, made_by=made_by)
    else:
        # A savepoint: what fails leaves the transaction as it was.
        with (
            translating_errors(catalogue.address),
            catalogue.transaction.begin_nested(),
            _joined(catalogue) as session,
        ):
            yield Revision(session, catalogue.address, kind=kind, made_by=made_by)


@contextmanager
def keeping_others_out(catalogue: Catalogue) -> Generator[Catalogue]:
    """Let nobody else change the catalogue until the block ends; readers go on.

    Gives the catalogue to change: what is done to it is committed at the block's end, or not at all
    where the block raises. What is read meanwhile is what nobody else can change, so an act may
    look before it changes. Raises BadCatalogue as `open_revision`.
    """
    refuse_read_only(catalogue.address)
    with (
        translating_errors(catalogue.address),
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):
        keep_others_out(connection, RevisionRow.__tablename__)
        yield catalogue.within(connection)


def _joined(catalogue: Catalogue) -> Session:
    """A session of the catalogue's transaction, which it leaves open."""
    return Session(catalogue.transaction, join_transaction_mode="rollback_only")


# Columns by which a calibration goes: a change of another one moves no distance.
_CALIBRATED: dict[type[Table], frozenset[str]] = {
    PhotoRow: frozenset(
        {"individual_id", "encounter_id", "state", "species", "taken_at", "viewpoint"}
    ),
    IndividualRow: frozenset({"species", "merged_into"}),
}


class Revision:
    """The changes of one transaction.

    `changes` counts them by kind; `finish` gives them their revision.

    Rows are changed through `insert` and `update` alone, which keep what each row was and became.
    """

    def __init__(
        self, session: Session, address: CatalogueAddress, *, kind: str, made_by: str | None
    ) -> None:
        """Use `open_revision`."""
        last = last_revision(session)
        self.number = (last.revision if last else 0) + 1
        self.last_fingerprint = last.fingerprint if last else None
        self._moves_distances = False
        self.changes: dict[str, int] = {"add": 0, "reembed": 0, "relabel": 0, "remove": 0}
        self.session = session
        self.address = address
        self.kind, self._made_by = kind, made_by
        self._connection = session.connection()
        self._individuals = KnownIndividuals(session)
        self._encounters = KnownEncounters(session)
        self._rows: list[Values] = []  # changed since the last line of the log
        self._regions: dict[int, str] = {}  # of encounters, as labels of this revision have them
        self._touched: dict[
            str, set[int]
        ] = {}  # by table: photos' rows, and others' whose name or region is another now
        self._touched_individuals: set[int] = set()
        self._embedded: set[int] = set()  # photos that got a vector
        self._former_names: set[str] = set()  # of individuals that were renamed or taken out

    def photos(self, fingerprint: str | None = None) -> list[CataloguePhoto]:
        """Read all photos, sorted by name.

        Each says whether it has a vector of `fingerprint`; None: of the last revision's.
        """
        return read_photos(
            self.session, files_folder(self.address), fingerprint or self.last_fingerprint
        )

    def add(
        self, new: EmbeddedPhoto, fingerprint: str, *, state: str = CATALOGUED, **more: Any
    ) -> int:
        """Add a photo with its vector; `more` columns as `index.storage.schema.PhotoRow` has them.

        Returns its key.
        """
        values = {
            "name": new.photo.name,
            "box": new.photo.box,
            "state": state,
            **_of_file(new.file),
            "perceptual_hash": _hash_of(new.file),
            **self._of_label(new.photo),
            **more,
        }
        photo_id = self._revive_deleted(new.photo.name, values)
        if photo_id is None:
            photo_id = self.insert(PhotoRow, values)
        self._put_vector(photo_id, new, fingerprint)
        self.log(
            "add",
            new.photo.name,
            {},
            {**self._label_detail(new.photo), **_vector_detail(new, fingerprint)},
        )
        return photo_id

    def reembed(self, known: CataloguePhoto, new: EmbeddedPhoto, fingerprint: str) -> None:
        """Store a photo's vector after a change of its content, its box or the checkpoint."""
        file = {**_of_file(new.file), "perceptual_hash": _hash_of(new.file)}
        self.update(PhotoRow, known.id, {"box": new.photo.box, **file})
        if (known.content_hash, known.box) != (new.file.content_hash, new.photo.box):
            # Of what the photo no longer shows; after another checkpoint's the old ones stay, so
            # that one can go back.
            self.session.execute(delete(VectorRow).where(VectorRow.photo_id == known.id))
        self._put_vector(known.id, new, fingerprint)
        before = {
            "content_hash": known.content_hash,
            "box": known.box,
            "fingerprint": self.last_fingerprint,
        }
        self.log("reembed", known.name, before, _vector_detail(new, fingerprint))

    def relabel(self, known: CataloguePhoto, photo: LabelledPhoto) -> None:
        """Change whose photo it is, its species, encounter, time or place; its vector stays."""
        self.update(PhotoRow, known.id, self._of_label(photo, known.viewpoint))
        self.log("relabel", known.name, self._label_detail(known), self._label_detail(photo))

    def remove(self, known: CataloguePhoto) -> None:
        """Take a photo out of every answer.

        What was known of it stays, so that it can be brought back.
        """
        self.update(PhotoRow, known.id, {"state": DELETED})
        before = {
            "content_hash": known.content_hash,
            "box": known.box,
            "fingerprint": known.fingerprint,
        }
        self.log("remove", known.name, {**self._label_detail(known), **before}, {})

    def note_file(self, known: CataloguePhoto, file: PhotoFile) -> None:
        """Store a file's new size and time.

        Its content is the same, so this is no change of the catalogue.
        """
        self.session.execute(update(PhotoRow).where(PhotoRow.id == known.id).values(_of_file(file)))

    def insert(self, kind: type[Table], values: Values) -> int:
        """Insert one row and return its key.

        Below the ORM, whose own insert takes five times as long (200 us).
        """
        key = self._connection.execute(
            insert(Table.metadata.tables[kind.__tablename__]), values
        ).inserted_primary_key
        number = 0 if key is None else int(key[0])
        # A photo's row is never taken out again, so that what it became need not be kept twice.
        after = (
            {}
            if kind is PhotoRow
            else {name: value for name, value in values.items() if name != "id"}
        )
        self._rows.append(
            {"table": kind.__tablename__, "key": number, "before": None, "after": after}
        )
        self._touch(kind, number, ())
        return number

    def update(self, kind: type[Table], key: int, values: Mapping[str, Any]) -> bool:
        """Change a row's columns; returns whether any differed.

        Raises BadCatalogue where there is no such row.
        """
        table = Table.metadata.tables[kind.__tablename__]
        row = self._connection.execute(
            select(*(table.c[name] for name in values)).where(table.c.id == key)
        ).first()
        if row is None:
            raise BadCatalogue(
                f"{self.address} has no row {key} in {kind.__tablename__}; restore a copy of it"
            )
        before = {
            name: value
            for name, value in zip(values, row, strict=True)
            if _plain(values[name]) != value
        }
        if not before:
            return False
        after = {name: _plain(values[name]) for name in before}
        self._connection.execute(update(table).where(table.c.id == key).values(after))
        self._rows.append(
            {"table": kind.__tablename__, "key": key, "before": before, "after": after}
        )
        self._touch(kind, key, before)
        if kind is IndividualRow and "name" in before:
            self._former_names.add(before["name"])
        return True

    def delete(self, kind: type[Table], key: int) -> None:
        """Take out a row that nothing leads to."""
        table = Table.metadata.tables[kind.__tablename__]
        row = self._connection.execute(select(table).where(table.c.id == key)).mappings().one()
        self._connection.execute(delete(table).where(table.c.id == key))
        before = {name: value for name, value in row.items() if name != "id"}
        if kind is IndividualRow:
            self._former_names.add(before["name"])
        self._rows.append(
            {"table": kind.__tablename__, "key": key, "before": before, "after": None}
        )

    def log(self, kind: str, subject: str, before: Values, after: Values) -> None:
        """Write the line of what was done since the last one.

        It says to whom, and what the subject was and became in words.
        """
        detail = {"before": before, "after": after, "rows": self._rows}
        self._connection.execute(
            insert(Table.metadata.tables[ChangeRow.__tablename__]),
            {"revision": self.number, "kind": kind, "photo": subject, "detail": detail},
        )
        self._rows = []
        self.changes[kind] = self.changes.get(kind, 0) + 1

    def finish(
        self,
        fingerprint: str,
        *,
        detail: Values | None = None,
        undoes: int | None = None,
    ) -> None:
        """Give the changes their revision.

        Where a distance has moved, a calibration is to be fitted after the transaction
        (index.catalogue.calibrating).
        """
        if self._rows:
            raise RuntimeError("rows were changed without a line in the log")
        values: Values = {
            "revision": self.number,
            "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "fingerprint": fingerprint,
            "kind": self.kind,
            "made_by": self._made_by,
            "detail": detail,
            "undoes": undoes,
        }
        self._connection.execute(insert(Table.metadata.tables[RevisionRow.__tablename__]), values)
        if self._moves_distances or fingerprint != self.last_fingerprint:
            table = Table.metadata.tables[CalibrationRow.__tablename__]
            self._connection.execute(delete(table).where(table.c.calibration.is_(None)))
            self._connection.execute(insert(table), {"revision": self.number, "calibration": None})
        self._synchronise(fingerprint)
        announce(self._connection)

    def _synchronise(self, fingerprint: str) -> None:
        """Have the database search what is there now, where it does (`--engine pgvector`)."""
        is_another = fingerprint != self.last_fingerprint
        photos = self._touched.get(PhotoRow.__tablename__, set[int]()) | self._embedded
        synchronise(self._connection, fingerprint, self.number, None if is_another else photos)
        if is_another:
            # Searches that run still compare with the vectors of the checkpoint before.
            forget_checkpoints(self._connection, {fingerprint, self.last_fingerprint})

    def individual_id(self, name: str) -> int:
        """The key of an individual, made where none has the name.

        A merged one's is that of who it turned out to be.
        """
        name = self._as_stored(name)
        key = self._individuals.key_of(name)
        if key is None:
            key = self.insert(IndividualRow, {"name": name})
            self._individuals.add(name, key)
        target = self.session.scalar(
            select(IndividualRow.merged_into).where(IndividualRow.id == key)
        )
        return key if target is None else target

    def is_known(self, name: str) -> bool:
        """Whether an individual has, or had, this name."""
        return self._individuals.key_of(self._as_stored(name)) is not None

    def _as_stored(self, name: str) -> str:
        """An individual's name as the catalogue writes its accents; in NFC where it is new."""
        known = self._individuals
        spelt = (one for one in spellings_of(name) if known.key_of(one) is not None)
        return next(spelt, in_nfc(name))

    def encounter_id(self, name: str | None, individual_id: int | None) -> int | None:
        """The key of an encounter, made where there is none; None without a name."""
        if name is None:
            return None
        # An encounter is with one animal: the same name beside another individual is another
        # encounter.
        key = self._encounters.key_of(name, individual_id)
        if key is None:
            key = self.insert(EncounterRow, {"name": name, "individual_id": individual_id})
            self._encounters.add(name, individual_id, key)
        return key

    def touched_photos(self) -> tuple[str, ...]:
        """List the photos that have changed, or whose individual or encounter has another name."""
        by_table = {
            "photos": PhotoRow.id,
            "individuals": PhotoRow.individual_id,
            "encounters": PhotoRow.encounter_id,
        }
        names: set[str] = set()
        for table, column in by_table.items():
            keys = sorted(self._touched.get(table, ()))
            for start in range(0, len(keys), MOST_BOUND):
                is_touched = column.in_(keys[start : start + MOST_BOUND])
                names.update(self.session.scalars(select(PhotoRow.name).where(is_touched)))
        return tuple(sorted(names))

    def touched_individuals(self) -> tuple[str, ...]:
        """List the individuals that have changed, by their names now and before."""
        names, keys = set(self._former_names), sorted(self._touched_individuals)
        for start in range(0, len(keys), MOST_BOUND):
            is_touched = IndividualRow.id.in_(keys[start : start + MOST_BOUND])
            names.update(self.session.scalars(select(IndividualRow.name).where(is_touched)))
        return tuple(sorted(names))

    def _touch(self, kind: type[Table], key: int, columns: Iterable[str]) -> None:
        self._moves_distances |= not _CALIBRATED.get(kind, frozenset()).isdisjoint(columns)
        if kind is IndividualRow:
            self._touched_individuals.add(key)
        if kind is PhotoRow or "name" in columns or "region" in columns:
            self._touched.setdefault(kind.__tablename__, set()).add(key)

    def _revive_deleted(self, name: str, values: Values) -> int | None:
        """A deleted photo's key, its row being made the new photo's.

        None where the name was never there.
        """
        key = self.session.scalar(
            select(PhotoRow.id).where(PhotoRow.name == name, PhotoRow.state == DELETED)
        )
        if key is not None:
            self.session.execute(delete(VectorRow).where(VectorRow.photo_id == key))
            self.update(PhotoRow, key, values)
        return key

    def _put_vector(self, photo_id: int, new: EmbeddedPhoto, fingerprint: str) -> None:
        state = self.session.scalar(select(PhotoRow.state).where(PhotoRow.id == photo_id))
        self._moves_distances |= state == CATALOGUED
        own = (VectorRow.photo_id == photo_id) & (VectorRow.fingerprint == fingerprint)
        self.session.execute(delete(VectorRow).where(own))
        embedding = new.vector.astype("<f4").tobytes()
        values = {
            "photo_id": photo_id,
            "fingerprint": fingerprint,
            "dimension": len(new.vector),
            "embedding": embedding,
            "checksum": vector_checksum(photo_id, fingerprint, embedding),
        }
        self._connection.execute(insert(Table.metadata.tables[VectorRow.__tablename__]), values)
        self._embedded.add(photo_id)

    def _of_label(self, photo: LabelledPhoto, viewpoint: str | None = None) -> Values:
        """A photo's columns by its label; `viewpoint` is what is noted of it already.

        Of a place, a viewpoint and a sex what is noted stands: a label only fills in what lacks.
        """
        individual_id = None if photo.individual is None else self.individual_id(photo.individual)
        encounter_id = self.encounter_id(photo.encounter, individual_id)
        if (
            encounter_id is not None
            and photo.region is not None
            and encounter_id not in self._regions
        ):
            self.update(EncounterRow, encounter_id, {"region": photo.region})
            self._regions[encounter_id] = photo.region
        if encounter_id is not None and photo.place is not None:
            self._fill_in(EncounterRow, encounter_id, "place", photo.place)
        if individual_id is not None and photo.sex is not None:
            self._fill_in(IndividualRow, individual_id, "sex", photo.sex)
        viewpoint = viewpoint or photo.viewpoint
        return {
            **({} if viewpoint is None else {"viewpoint": viewpoint}),
            "path": self._stored(photo.path),
            "individual_id": individual_id,
            "encounter_id": encounter_id,
            "species": photo.species,
            "taken_at": photo.taken_at,
        }

    def _fill_in(self, kind: Any, key: int, column: str, value: str) -> None:
        noted = self.session.scalar(select(getattr(kind, column)).where(kind.id == key))
        if noted is None:
            self.update(kind, key, {column: value})

    def _stored(self, path: Path) -> str:
        path, folder = path.absolute(), files_folder(self.address)
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    def _label_detail(self, photo: LabelledPhoto | CataloguePhoto) -> Values:
        return {
            "individual": photo.individual,
            "species": photo.species,
            "encounter": photo.encounter,
            "taken_at": photo.taken_at,
            "region": photo.region,
            "path": self._stored(photo.path),
        }


def _plain(value: Any) -> Any:
    """A value as it comes back from the database: a box is a list there."""
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def _of_file(file: PhotoFile) -> Values:
    return {
        "content_hash": file.content_hash,
        "size_bytes": file.size_bytes,
        "mtime_ns": file.mtime_ns,
    }


def _hash_of(file: PhotoFile) -> str | None:
    return None if file.perceptual_hash is None else file.perceptual_hash.hex()


def _vector_detail(new: EmbeddedPhoto, fingerprint: str) -> Values:
    return {"content_hash": new.file.content_hash, "box": new.photo.box, "fingerprint": fingerprint}
