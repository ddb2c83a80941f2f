"""Whom to compare with: a part of the catalogue, chosen by individual, species, year and region."""

from __future__ import annotations

import bisect
import difflib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from index.identification.identifier import Identifier
from index.labels.fields import spellings_of
from service.http.problems import Fault, invalid
from service.serving.served_photo import ServedPhoto

_MOST_CACHED = 4  # narrowed galleries; a field team uses few scopes
_MOST_SEARCHED = 1000  # names searched for a similar one: a catalogue has many more
_MOST_LISTED = 3

_Row = TypeVar("_Row")


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

    def __init__(self, identifier: Identifier, photos: Mapping[str, ServedPhoto]) -> None:
        self._identifier = identifier
        self._photos = photos
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
        known = self._identifier.gallery.individual_ids
        (found,) = _as_known([name], known)
        self._refuse_unknown("individual", [found], known)
        return found

    def _narrow(self, scope: Scope) -> Identifier:
        gallery = self._identifier.gallery
        photos = [self._photos.get(name) for name in gallery.photo_names]
        species = sorted({one.species for one in photos if one and one.species})
        regions = sorted({one.region for one in photos if one and one.region})
        scope = Scope(
            individuals=_as_known(scope.individuals, gallery.individual_ids),
            exclude=_as_known(scope.exclude, gallery.individual_ids),
            species=_as_known(scope.species, species),
            years=scope.years,
            regions=_as_known(scope.regions, regions),
        )
        self._refuse_unknown("individuals", scope.individuals, gallery.individual_ids)
        self._refuse_unknown("exclude", scope.exclude, gallery.individual_ids)
        self._refuse_unknown("species", scope.species, species)
        self._refuse_unknown("regions", scope.regions, regions)
        mask = np.ones(gallery.size, np.bool_)
        if scope.individuals:
            mask &= _rows(gallery.individuals, lambda one: one in scope.individuals)
        if scope.exclude:
            mask &= _rows(gallery.individuals, lambda one: one not in scope.exclude)
        if scope.species:
            mask &= _rows(photos, lambda one: one is not None and one.species in scope.species)
        if scope.years:
            mask &= _rows(photos, lambda one: one is not None and one.year in scope.years)
        if scope.regions:
            mask &= _rows(photos, lambda one: one is not None and one.region in scope.regions)
        if not mask.any():
            raise invalid(Fault(field=", ".join(scope.conditions), reason=self._why_nobody(photos)))
        whole = self._identifier
        return Identifier(
            whole.embedder,
            gallery.select(mask),
            whole.calibration,
            whole.species,
            whole.viewpoints,
            screen=whole.screen,
        )

    def _refuse_unknown(self, field: str, values: Iterable[str], known: Sequence[str]) -> None:
        unknown = sorted(set(values) - set(known))
        if unknown:
            more = (
                f" (and {len(unknown) - _MOST_LISTED} more)" if len(unknown) > _MOST_LISTED else ""
            )
            reasons = "; ".join(unknown_name(name, known) for name in unknown[:_MOST_LISTED])
            raise invalid(Fault(field=field, reason=reasons + more))

    def _why_nobody(self, photos: Collection[ServedPhoto | None]) -> str:
        years = sorted({one.year for one in photos if one is not None and one.year is not None})
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


def _as_known(names: Iterable[str], known: Sequence[str]) -> frozenset[str]:
    """Write names with the accents that the catalogue writes them with, in NFC or NFD."""
    there = set(known)
    return frozenset(
        next((each for each in spellings_of(name) if each in there), name) for name in names
    )


def _rows(values: Sequence[_Row], is_included: Callable[[_Row], bool]) -> NDArray[np.bool_]:
    return np.fromiter((is_included(one) for one in values), np.bool_, len(values))
