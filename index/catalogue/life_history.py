"""An individual's life history: its mother, when it was born, its age class.

Part of SQLAlchemy's door. The log alone remembers it, as what tells two individuals apart: an
older flukeprint reads such a catalogue, and undoing and redoing need nothing more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.revision import Revision, Values
from index.catalogue.standing_events import edit_lines
from index.storage.address import BadCatalogue
from index.storage.schema import IndividualRow

LIFE_FACTS = ("mother", "born", "age_class")
_KIND = "life history"


class BadLifeHistory(BadCatalogue):
    """A mother that can't be this individual's."""


@dataclass(frozen=True, slots=True)
class LifeHistory:
    """What is noted of a life: `mother` is an individual's name, `born` a year, month or day."""

    mother: str | None = None
    born: str | None = None
    age_class: str | None = None


@dataclass(frozen=True, slots=True)
class LifeHistories:
    """All life histories, by the individuals' names now; `calves` are whose mother each one is."""

    of: Mapping[str, LifeHistory] = field(default_factory=dict[str, LifeHistory])
    calves: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def of_individual(self, name: str) -> LifeHistory:
        """That of one individual; empty where nothing is noted."""
        return self.of.get(name, LifeHistory())


def read_life_histories(session: Session) -> LifeHistories:
    """Read them in a transaction that is open."""
    facts = _facts_by_key(session)
    if not facts:
        return LifeHistories()
    rows = session.execute(select(IndividualRow.id, IndividualRow.name))
    names: dict[int, str] = {row.id: row.name for row in rows}
    calves: defaultdict[str, list[str]] = defaultdict(list)
    of: dict[str, LifeHistory] = {}
    for key, noted in facts.items():
        # An individual that an undoing took out is nobody's until redoing brings it back.
        if key not in names:
            continue
        mother = names.get(noted.get("mother") or 0)
        of[names[key]] = LifeHistory(mother, noted.get("born"), noted.get("age_class"))
        if mother is not None:
            calves[mother].append(names[key])
    return LifeHistories(of, {mother: tuple(sorted(own)) for mother, own in calves.items()})


def note_life_history(act: Revision, row: IndividualRow, facts: Values) -> bool:
    """Note facts of an individual in an open edit; `mother` is an individual's row or None.

    Returns whether anything is other than before. Raises BadLifeHistory for a mother who is the
    individual itself, or who descends from it.
    """
    known = _facts_by_key(act.session)
    before = known.get(row.id, {})
    mother: IndividualRow | None = facts.get("mother")
    values = {**facts, "mother": mother.id} if mother is not None else dict(facts)
    changed = {name: value for name, value in values.items() if value != before.get(name)}
    if not changed:
        return False
    if mother is not None:
        _refuse_circle(known, row, mother)
    act.log(
        _KIND,
        row.name,
        {"key": row.id, "facts": {name: before.get(name) for name in changed}},
        {"key": row.id, "facts": changed},
    )
    return True


def life_history_of(session: Session, name: str) -> Values:
    """One individual's life history by its fields' names."""
    return asdict(read_life_histories(session).of_individual(name))


def _facts_by_key(session: Session) -> dict[int, dict[str, Any]]:
    """The last facts of each individual; those of a merged one where the other has none."""
    lines = [detail["after"] for _, detail in edit_lines(session, _KIND)]
    if not lines:
        return {}
    led_on = select(IndividualRow.id, IndividualRow.merged_into).where(
        IndividualRow.merged_into.is_not(None)
    )
    merged: dict[int, int] = {row.id: row.merged_into or 0 for row in session.execute(led_on)}
    found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for is_own in (False, True):
        for line in lines:
            key, facts = line["key"], dict(line["facts"])
            if (key not in merged) is not is_own:
                continue
            if facts.get("mother") in merged:
                facts["mother"] = merged[facts["mother"]]
            found[int(merged.get(key) or key)].update(facts)
    for key, facts in found.items():
        if facts.get("mother") == key:  # mother and calf turned out to be one
            facts["mother"] = None
    return dict(found)


def _refuse_circle(
    known: Mapping[int, Mapping[str, Any]], row: IndividualRow, mother: IndividualRow
) -> None:
    if mother.id == row.id:
        raise BadLifeHistory(f"{row.name} can't be its own mother; give another individual")
    above: Any = mother.id
    passed: set[int] = set()
    while above is not None and above not in passed:
        if above == row.id:
            raise BadLifeHistory(
                f"{mother.name} can't be the mother of {row.name}: she descends from it; change "
                "that first"
            )
        passed.add(above)
        above = known.get(above, {}).get("mother")
