"""All individuals' names and notes in memory, brought up to each revision by the log.

Part of SQLAlchemy's door. Databases fold few letters or none, so that names are compared here.
"""

from __future__ import annotations

import bisect
import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.curation.names.free_ids import FreeIds
from index.curation.names.meetings import individuals_met
from index.curation.text_search import fold_text
from index.labels.fields import spellings_of
from index.labels.near_names import spelling, without_zeros
from index.storage.schema import MOST_BOUND, ChangeRow, IndividualRow, RevisionRow

_MANY_LINES = 5000  # of the log; reading all individuals costs less than more of those
_BETWEEN = "\0"  # in no name: no search finds the end of one text and the beginning of another


class _Known(NamedTuple):
    name: str
    merged_into: int | None
    display_name: str | None
    other_names: tuple[str, ...]
    notes: str | None
    species: str | None


class KnownNames:
    """Finds individuals of one catalogue by their texts; safe from several threads.

    The first question reads all individuals, later ones those that have changed since.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    def find(
        self, session: Session, search: str, *, species: str | None, after: str, has_places: bool
    ) -> list[str]:
        """The ids after one, sorted, of individuals in whose texts each word of `search` is.

        Those are its names, also from before and of who was merged into it, its notes, and the
        regions and years in which it was seen; places only where `has_places`.
        """
        words = fold_text(search).split()
        found = list[str]()
        with self._lock:
            self._bring_up(session)
            met = {word: individuals_met(session, word, has_places=has_places) for word in words}
            for name, key in self._listed[bisect.bisect_right(self._listed, (after, 2**63)) :]:
                if species in (None, self._known[key].species):
                    text = self._text_of(key)
                    if all(key in met[word] or word in text for word in words):
                        found.append(name)
        return found

    def next_id(self, session: Session, pattern: str | None) -> str:
        """Find the next free id, as `FreeIds.next` does."""
        with self._lock:
            self._bring_up(session)
            return self._ids.next(pattern)

    def similar(self, session: Session, name: str) -> list[str]:
        """The ids that a new one differs from by little; empty where somebody has it already.

        That is by letter case, width, blanks, invisible signs, or the zeros before a number.
        """
        with self._lock:
            self._bring_up(session)
            if any(self._is_listed(each) for each in spellings_of(name)):
                return []
            if self._similar is None:
                self._similar = defaultdict(set)
                for listed, _ in self._listed:
                    self._similar[_bare(listed)].add(listed)
            return sorted(self._similar.get(_bare(name), ()))

    def _is_listed(self, name: str) -> bool:
        at = bisect.bisect_left(self._listed, (name, 0))
        return at < len(self._listed) and self._listed[at][0] == name

    def _forget(self) -> None:
        self._revision = 0
        self._known: dict[int, _Known] = {}
        self._merged: defaultdict[int, set[int]] = defaultdict(set)
        self._listed: list[tuple[str, int]] = []  # individuals that aren't merged, sorted
        self._texts: dict[int, str] = {}  # folded, of those that were searched
        self._ids = FreeIds()
        self._similar: defaultdict[str, set[str]] | None = None  # filled by the first question

    def _bring_up(self, session: Session) -> None:
        last = session.scalar(select(func.max(RevisionRow.revision))) or 0
        if last == self._revision:
            return
        keys = _changed_keys(session, self._revision) if 0 < self._revision < last else None
        if keys is None:
            self._forget()
            self._put(_read(session))
            self._listed.sort()
        else:
            self._remove(keys)
            for start in range(0, len(keys), MOST_BOUND):
                self._put(_read(session, keys[start : start + MOST_BOUND]), is_sorted=True)
        self._revision = last

    def _put(self, rows: Iterable[tuple[int, _Known]], *, is_sorted: bool = False) -> None:
        for key, one in rows:
            self._known[key] = one
            for name in (one.name, *one.other_names):
                self._ids.add(name)
            if one.merged_into is not None:
                self._merged[one.merged_into].add(key)
                self._texts.pop(one.merged_into, None)
                continue
            if is_sorted:
                bisect.insort(self._listed, (one.name, key))
            else:
                self._listed.append((one.name, key))
            if self._similar is not None:
                self._similar[_bare(one.name)].add(one.name)

    def _remove(self, keys: Iterable[int]) -> None:
        for key in keys:
            one = self._known.pop(key, None)
            self._texts.pop(key, None)
            if one is None:
                continue
            for name in (one.name, *one.other_names):
                self._ids.remove(name)
            if one.merged_into is not None:
                self._merged[one.merged_into].discard(key)
                self._texts.pop(one.merged_into, None)
                continue
            del self._listed[bisect.bisect_left(self._listed, (one.name, key))]
            if self._similar is not None:
                self._similar[_bare(one.name)].discard(one.name)

    def _text_of(self, key: int) -> str:
        text = self._texts.get(key)
        if text is None:
            own = self._known[key]
            texts = [own.notes]
            for one in (own, *(self._known[each] for each in self._merged.get(key, ()))):
                texts += [one.name, one.display_name, *one.other_names]
            text = self._texts[key] = _BETWEEN.join(fold_text(each) for each in texts if each)
        return text


def _bare(name: str) -> str:
    return without_zeros(spelling(name))


def _changed_keys(session: Session, revision: int) -> list[int] | None:
    """The individuals that the log's lines after a revision name; None where they are many."""
    later = ChangeRow.revision > revision
    if (session.scalar(select(func.count()).where(later)) or 0) > _MANY_LINES:
        return None
    details = list(session.scalars(select(ChangeRow.detail).where(later)))
    if any("rows" not in detail for detail in details):  # of an older flukeprint
        return None
    rows = (row for detail in details for row in detail["rows"])
    return sorted({row["key"] for row in rows if row["table"] == IndividualRow.__tablename__})


def _read(session: Session, keys: list[int] | None = None) -> Iterable[tuple[int, _Known]]:
    row = IndividualRow
    query = select(
        row.id, row.name, row.merged_into, row.display_name, row.other_names, row.notes, row.species
    )
    if keys is not None:
        query = query.where(row.id.in_(keys))
    for key, name, merged_into, display_name, others, notes, species in session.execute(query):
        yield key, _Known(name, merged_into, display_name, tuple(others or ()), notes, species)
