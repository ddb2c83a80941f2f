"""The facts that scopes choose by, of each row of a gallery; an act changes few of them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.search.segments import ChangedSegment, Segment
from index.snapshots.changed_mapping import ChangedMapping
from index.snapshots.photo_table import PhotoTable
from index.snapshots.served_photo import ServedPhoto

_FACTS = ("species", "taken_at", "region")


@dataclass(frozen=True, eq=False)
class FactRows:
    """The facts of a gallery's rows: those of its large segment (m,), and then those added (a,).

    Row i of the large segment has the text `texts[name][codes[name][i]]`, none where that is -1.
    """

    photos: ChangedSegment
    codes: Mapping[str, NDArray[np.int32]]
    texts: Mapping[str, Sequence[str]]
    added: Sequence[ServedPhoto | None]

    def known(self, name: str) -> list[str]:
        """The texts of a fact that some row has, sorted."""
        codes = np.delete(self.codes[name], self.photos.gone)
        counts = np.bincount(codes + 1, minlength=1)
        found = {self.texts[name][code] for code in (np.flatnonzero(counts[1:])).tolist()}
        found.update(text for one in self.added if one and (text := getattr(one, name)))
        return sorted(found)

    def where(self, name: str, is_chosen: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Which rows (m + a,) have a text of a fact that is chosen."""
        of_text = np.array([*map(is_chosen, self.texts[name]), False])  # -1 is the last
        added = [
            bool(one and (text := getattr(one, name)) and is_chosen(text)) for one in self.added
        ]
        return np.concatenate([of_text[self.codes[name]], np.array(added, np.bool_)])


class GalleryFacts:
    """Makes the facts of galleries; those of a large segment once, whatever acts come after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[weakref.ref[Segment], FactRows] | None = None

    def of(self, photos: ChangedSegment, facts: Mapping[str, ServedPhoto]) -> FactRows:
        """The facts of a gallery's rows, by the photos that are served with it."""
        added = [facts.get(name) for name in photos.added.photo_names]
        with self._lock:
            if self._last is None or self._last[0]() is not photos.base:
                self._last = weakref.ref(photos.base), _rows_of(photos, facts)
            # An act takes the rows of the photos that it changes out of the large segment: what was
            # read of those that stay is true.
            of_base = self._last[1]
        return FactRows(photos, of_base.codes, of_base.texts, added)


def _rows_of(photos: ChangedSegment, facts: Mapping[str, ServedPhoto]) -> FactRows:
    table = facts.base if isinstance(facts, ChangedMapping) else facts
    if not isinstance(table, PhotoTable):
        table = PhotoTable.of(sorted(facts.items()), Path())
    base = photos.base
    rows = np.full(base.size, -1, np.int64)
    by_name: list[int] = base.by_name.tolist()
    rows[base.by_name] = table.rows_of(base.photo_names[row] for row in by_name)
    codes: dict[str, NDArray[np.int32]] = {}
    texts: dict[str, list[str]] = {}
    for name in _FACTS:
        column = table.coded[name]
        codes[name] = np.append(column.codes, np.int32(-1))[rows]
        texts[name] = list(column.texts)
    if isinstance(facts, ChangedMapping):
        for photo in facts.changed_keys:
            row = photos.row_of(photo)
            if row is not None and row < base.size:
                for name in _FACTS:
                    text = getattr(facts[photo], name)
                    codes[name][row] = -1 if text is None else len(texts[name])
                    texts[name] += [] if text is None else [text]
    return FactRows(photos, codes, texts, [])
