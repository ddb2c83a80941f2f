"""Does the log of changes lead to the rows that are there? A second copy of what curators did.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, select

from index.photos.perceptual_hash import HASH_BYTES
from index.storage.address import BadCatalogue, CatalogueAddress
from index.storage.connection import open_engine, translating_errors
from index.storage.schema import (
    CATALOGUED,
    DELETED,
    REJECTED,
    WAITING,
    ChangeRow,
    EncounterRow,
    IndividualRow,
    PhotoRow,
    Table,
)

_KINDS = {kind.__tablename__: kind for kind in (PhotoRow, IndividualRow, EncounterRow)}
_STATES = frozenset({CATALOGUED, WAITING, REJECTED, DELETED})
_IN_WORDS = ("content_hash", "species", "taken_at", "box")  # of a new photo, told in its line
_NOT_LOGGED = frozenset({"path", "size_bytes", "mtime_ns", "answer"})  # of photos' files, mostly


class RecordFault(NamedTuple):
    """A row that isn't what the log says; `subject` is its name, empty for the log itself."""

    subject: str
    reason: str


@dataclass(slots=True)
class _Logged:
    """Columns of rows by table and key, as the log last wrote them; and keys by names."""

    rows: dict[tuple[str, int], dict[str, Any]] = field(
        default_factory=dict[tuple[str, int], dict[str, Any]]
    )
    individuals: dict[str, int] = field(default_factory=dict[str, int])
    encounters: dict[tuple[str, int | None], int] = field(
        default_factory=dict[tuple[str, "int | None"], int]
    )

    def note_names(self, row: dict[str, Any]) -> None:
        """Keep by which names the log's next lines may mean a row that was made or changed."""
        columns = self.rows.get((row["table"], row["key"]), {})
        if row["table"] == IndividualRow.__tablename__ and "name" in columns:
            self.individuals[columns["name"]] = row["key"]
        elif row["table"] == EncounterRow.__tablename__ and "name" in columns:
            self.encounters[columns["name"], columns.get("individual_id")] = row["key"]

    def whose(self, words: dict[str, Any]) -> dict[str, Any]:
        """The keys that a new photo's words mean, as far as the log tells them with certainty."""
        if "individual" not in words or "encounter" not in words:
            return {}
        key: int | None = None
        if words["individual"] is not None:
            key = self.individuals.get(words["individual"])
            of_animal = self.rows.get((IndividualRow.__tablename__, key or 0))
            if of_animal is None or of_animal.get("name") != words["individual"]:
                return {}  # another name of it, or a line of an older flukeprint
            key = of_animal.get("merged_into") or key
        met: dict[str, Any] = {"individual_id": key}
        if words["encounter"] is None:
            return met | {"encounter_id": None}
        encounter = self.encounters.get((words["encounter"], key))
        is_there = (EncounterRow.__tablename__, encounter or 0) in self.rows
        return met | ({"encounter_id": encounter} if is_there else {})


def record_faults(address: CatalogueAddress) -> list[RecordFault]:
    """List the rows of photos, individuals and encounters that differ from the log of changes.

    A line of an older flukeprint that names no rows says nothing here. Raises BadCatalogue where
    the database can't be read at all.
    """
    engine = open_engine(address)
    try:
        with translating_errors(address), engine.connect() as connection:
            logged, faults = _Logged(), list[RecordFault]()
            for number, photo, detail in _lines(connection):
                try:
                    _replay(logged, photo, detail)
                except (KeyError, TypeError, AttributeError, ValueError):
                    reason = f"line {number} of the log of changes is damaged; restore a copy"
                    faults.append(RecordFault(photo, reason))
            for name in _KINDS:
                faults += _differences(connection, name, logged)
            return faults
    except BadCatalogue as error:
        return [RecordFault("", f"the log of changes can't be read: {error}")]
    finally:
        engine.dispose()


def _lines(connection: Connection) -> Generator[tuple[int, str, dict[str, Any]]]:
    query = select(ChangeRow.id, ChangeRow.photo, ChangeRow.detail).order_by(ChangeRow.id)
    for row in connection.execute(query.execution_options(yield_per=1000)):
        yield row[0], row[1], row[2]


def _replay(logged: _Logged, photo: str, detail: dict[str, Any]) -> None:
    for row in detail.get("rows", ()):
        place = (row["table"], row["key"])
        if row["after"] is None:
            logged.rows.pop(place, None)
        elif row["before"] is None and row["table"] == PhotoRow.__tablename__:
            # Of a new photo the line itself has the columns.
            words: dict[str, Any] = detail.get("after") or {}
            told = {name: words[name] for name in _IN_WORDS if name in words}
            logged.rows[place] = {"name": photo} | told | logged.whose(words)
        elif row["before"] is None:
            logged.rows[place] = dict(row["after"])
        else:
            logged.rows.setdefault(place, {}).update(row["after"])
        logged.note_names(row)


def _differences(connection: Connection, name: str, logged: _Logged) -> Generator[RecordFault]:
    table = Table.metadata.tables[name]
    there = {row["id"]: row for row in connection.execute(select(table)).mappings()}
    known = {
        f"{each}_id": set(connection.scalars(select(Table.metadata.tables[f"{each}s"].c.id)))
        for each in ("individual", "encounter")
    }
    if name == PhotoRow.__tablename__:
        for row in there.values():
            yield from _malformed(row)
    for (of_table, key), columns in logged.rows.items():
        if of_table != name:
            continue
        row = there.get(key)
        if row is None:
            yield RecordFault(
                str(columns.get("name", "")),
                f"the log has row {key} of {name}, which is not there; restore a copy",
            )
            continue
        for column, value in columns.items():
            if column in _NOT_LOGGED or column not in row or _plain(row[column]) == _plain(value):
                continue
            if column in known and row[column] is not None and row[column] not in known[column]:
                continue  # it leads nowhere, which the database's own check tells
            yield RecordFault(
                str(row["name"]),
                f"its {column} is {row[column]!r}, and the log of changes says {value!r}; "
                "restore a copy, or correct it",
            )


def _malformed(row: RowMapping) -> Generator[RecordFault]:
    """What can't be in a photo's row, also where the log doesn't say what it was."""
    if row["state"] not in _STATES:
        yield RecordFault(
            str(row["name"]),
            f"its state is {row['state']!r}, which there is not; restore a copy, or correct it",
        )
    hashed = row["perceptual_hash"]
    if hashed is not None and re.fullmatch(rf"[0-9a-f]{{{2 * HASH_BYTES}}}", hashed) is None:
        yield RecordFault(
            str(row["name"]),
            f"its perceptual_hash is {hashed!r}, which is none; restore a copy, or correct it",
        )


def _plain(value: Any) -> Any:
    """A value as JSON gives it back, so that tuples and lists are one."""
    return json.loads(json.dumps(value))
