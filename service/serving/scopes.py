"""Whom to compare with: a part of the catalogue, chosen by individual, species, year and region."""

from __future__ import annotations

import bisect
import difflib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from index.identification.identifier import Identifier
from index.labels.fields import spellings_of
from index.snapshots.served_photo import ServedPhoto
from service.http.problems import Fault, ProblemError, invalid
from service.serving.gallery_facts import GalleryFacts

_MOST_CACHED = 4  # narrowed galleries; a field team uses few scopes
_MOST_SEARCHED = 1000  # names searched for a similar one: a catalogue has many more
_MOST_LISTED = 3


@dataclass(frozen=True)
class Scope:
    """Only photos that meet every condition are compared with; an empty condition is none.

    `exclude` are individuals too. `years` are those that photos were taken in, `regions` those of
    their encounters.
    """

    individuals: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    species: frozenset[str] = frozenset()
    years: frozenset[int] = frozenset()
    regions: frozenset[str] = frozenset()

    @property
    def conditions(self) -> list[str]:
        """The names of the conditions that are there."""
        return [field.name for field in fields(self) if getattr(self, field.name)]


class Scopes:
    """The identifiers of one catalogue revision, each narrowed to a scope; some are cached."""

    def __init__(
        self, identifier: Identifier, photos: Mapping[str, ServedPhoto], facts: GalleryFacts
    ) -> None:
        self._identifier = identifier
        self._photos = photos
        self._facts = facts
        self._narrowed: dict[Scope, Identifier] = {}
        self._lock = threading.Lock()

    def identifier_for(self, scope: Scope) -> Identifier:
        """Narrow the identifier, exactly: as if the catalogue held nothing else.

        Thresholds stay the catalogue's. They were fitted among more strangers, so in a scope fewer
        pass than they allow. Takes time in proportion to the catalogue. Raises an `invalid` problem
        for an unknown name and for a scope that holds nobody.
        """
        if not scope.conditions:
            return self._identifier
        with self._lock:
            narrowed = self._narrowed.pop(scope, None) or self._narrow(scope)
            self._make_room(narrowed.gallery.size)
            self._narrowed[scope] = narrowed  # last, so that the first is the one longest unused
        return narrowed

    def _make_room(self, photos: int) -> None:
        """Drop the longest unused, until all need no more memory than the catalogue itself."""
        while self._narrowed:
            sizes = [each.gallery.size for each in self._narrowed.values()]
            if len(sizes) < _MOST_CACHED and sum(sizes) + photos <= self._identifier.gallery.size:
                return
            del self._narrowed[next(iter(self._narrowed))]

    def check_individual(self, name: str) -> str:
        """An individual as the gallery writes its accents.

        Raises an `invalid` problem for one that isn't searched, naming those with similar ids.
        """
        gallery = self._identifier.gallery
        (found,) = _as_known([name], gallery.has_individual)
        if not gallery.has_individual(found):
            raise _unknown("individual", [found], gallery.individual_ids)
        return found

    def _narrow(self, scope: Scope) -> Identifier:
        gallery = self._identifier.gallery
        photos = gallery.photos
        facts = self._facts.of(photos, self._photos)
        mask = np.ones(photos.base.size + photos.added.size, np.bool_)
        if scope.individuals:
            mask[:] = False
            for one in self._known_individuals("individuals", scope.individuals):
                mask[photos.rows_of(one)] = True
        for one in self._known_individuals("exclude", scope.exclude):
            mask[photos.rows_of(one)] = False
        for field, fact, values in (
            ("species", "species", scope.species),
            ("regions", "region", scope.regions),
        ):
            if values:
                known = facts.known(fact)
                chosen = _as_known(values, set(known).__contains__)
                if unknown := chosen - set(known):
                    raise _unknown(field, unknown, known)
                mask &= facts.where(fact, chosen.__contains__)
        if scope.years:
            mask &= facts.where("taken_at", lambda taken_at: int(taken_at[:4]) in scope.years)
        is_selected = mask[photos.order]
        if not is_selected.any():
            years = sorted({int(taken_at[:4]) for taken_at in facts.known("taken_at")})
            raise invalid(Fault(field=", ".join(scope.conditions), reason=_why_nobody(years)))
        whole = self._identifier
        return Identifier(
            whole.embedder,
            gallery.select(is_selected),
            whole.calibration,
            whole.species,
            whole.viewpoints,
            screen=whole.screen,
        )

    def _known_individuals(self, field: str, names: Collection[str]) -> Collection[str]:
        gallery = self._identifier.gallery
        found = _as_known(names, gallery.has_individual)
        unknown = [one for one in found if not gallery.has_individual(one)]
        if unknown:
            raise _unknown(field, unknown, gallery.individual_ids)
        return found


def _unknown(field: str, names: Iterable[str], known: Sequence[str]) -> ProblemError:
    unknown = sorted(names)
    more = f" (and {len(unknown) - _MOST_LISTED} more)" if len(unknown) > _MOST_LISTED else ""
    reasons = "; ".join(unknown_name(name, known) for name in unknown[:_MOST_LISTED])
    return invalid(Fault(field=field, reason=reasons + more))


def _why_nobody(years: Sequence[int]) -> str:
    dated = (
        f"its dated photos are of {years[0]} to {years[-1]}"
        if years
        else "none of its photos has a date"
    )
    return (
        "no catalogue photo meets all of this together, so there is nobody to compare with; "
        f"{dated}"
    )


def similar_names(name: str, known: Sequence[str]) -> list[str]:
    """Up to three of the sorted names that are similar to an unknown one."""
    around = bisect.bisect_left(known, name)
    start = max(0, min(around - _MOST_SEARCHED // 2, len(known) - _MOST_SEARCHED))
    return difflib.get_close_matches(name, known[start : start + _MOST_SEARCHED], n=_MOST_LISTED)


def unknown_name(name: str, known: Sequence[str]) -> str:
    """Describe that a name is unknown, and which names are similar."""
    nearby = similar_names(name, known)
    if nearby:
        return f"the catalogue knows no {name!r}; similar names are {', '.join(nearby)}"
    shown = ", ".join(known[:_MOST_LISTED]) + (", ..." if len(known) > _MOST_LISTED else "")
    return (
        f"the catalogue knows no {name!r}; it knows {len(known)}: {shown}"
        if known
        else f"none is known, nor {name!r}"
    )


def _as_known(names: Iterable[str], is_known: Callable[[str], bool]) -> frozenset[str]:
    """Write names with the accents that the catalogue writes them with, in NFC or NFD."""
    return frozenset(next(filter(is_known, spellings_of(name)), name) for name in names)
