"""The keys of individuals and encounters by their names, for one transaction.

Part of SQLAlchemy's door. A few names are looked up one by one, by their index; many are read at
once, as an update of all photos needs them.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from index.storage.schema import EncounterRow, IndividualRow

_FEW = 200  # names looked up one by one; reading all of them costs less than more of those


class KnownIndividuals:
    """The keys of individuals by name.

    A label file may go on using the name that one had before.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: dict[str, int | None] = {}

    def key_of(self, name: str) -> int | None:
        """The key of who has a name, or alone had it before; None where nobody has."""
        if name in self._found:
            return self._found[name]
        if len(self._found) >= _FEW:
            return self._of_all.get(name)
        own = select(IndividualRow.id).where(IndividualRow.name == name)
        key = self._session.scalar(own)
        self._found[name] = self._of_others.get(name) if key is None else key
        return self._found[name]

    def add(self, name: str, key: int) -> None:
        """Note an individual that was made just now."""
        self._found[name] = key

    @cached_property
    def _of_all(self) -> dict[str, int]:
        rows = self._session.execute(select(IndividualRow.name, IndividualRow.id))
        return self._of_others | {row[0]: row[1] for row in rows}

    @cached_property
    def _of_others(self) -> dict[str, int]:
        """By names that one individual had, or has elsewhere.

        A name that several had is nobody's.
        """
        query = select(IndividualRow.id, IndividualRow.other_names)
        rows = self._session.execute(query.where(IndividualRow.other_names.is_not(None))).all()
        others = [(other, key) for key, names in rows for other in names or ()]
        counts = Counter(other for other, _ in others)
        return {other: key for other, key in others if counts[other] == 1}


class KnownEncounters:
    """The keys of encounters by their name and whose they are."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: dict[tuple[str, int | None], int | None] = {}

    def key_of(self, name: str, individual_id: int | None) -> int | None:
        """The key of an encounter; None where there is none."""
        sought = (name, individual_id)
        if sought in self._found:
            return self._found[sought]
        if len(self._found) >= _FEW or individual_id is None:
            return self._of_all.get(sought)
        query = select(EncounterRow.id).where(
            EncounterRow.individual_id == individual_id, EncounterRow.name == name
        )
        self._found[sought] = self._session.scalar(query.order_by(EncounterRow.id.desc()).limit(1))
        return self._found[sought]

    def add(self, name: str, individual_id: int | None, key: int) -> None:
        """Note an encounter that was made just now."""
        self._found[name, individual_id] = key

    @cached_property
    def _of_all(self) -> dict[tuple[str, int | None], int]:
        rows = self._session.execute(
            select(EncounterRow.name, EncounterRow.individual_id, EncounterRow.id)
        )
        return {(name, individual_id): key for name, individual_id, key in rows}
