"""Rows of a label file that name one photo several times, or regions of one encounter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index.labels.fields import list_some
from index.labels.labelled_photo import NEW_WHALE, BadLabels, DisputedPhoto, LabelledPhoto
from index.messages import photos_text


@dataclass(frozen=True, slots=True)
class SettledRows:
    """Photos sorted by name, each once, those whose rows disagree, and what is worth knowing."""

    photos: tuple[LabelledPhoto, ...]
    disputed: tuple[DisputedPhoto, ...]
    warnings: tuple[str, ...]


def settle_repeated_rows(rows: Iterable[LabelledPhoto], source: Path) -> SettledRows:
    """Keep one of equal rows with a warning; set photos aside whose rows disagree.

    Two labels of one photo mean two animals in it, or a mistake: only people can tell.
    """
    by_name: dict[str, list[LabelledPhoto]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    once: list[LabelledPhoto] = []
    disputed: list[DisputedPhoto] = []
    repeated: list[str] = []
    for name in sorted(by_name):
        own = by_name[name]
        reason = _dispute(own)
        if reason is not None:
            disputed.append(DisputedPhoto(own[0], reason))
            continue
        once.append(own[0])
        repeated += [name] * (len(own) - 1)
    warnings = (
        [f"{len(repeated):,} rows are there more than once: {list_some(repeated)}"]
        if repeated
        else []
    )
    met, made = _with_encounters(once)
    photos, unplaced = _share_regions(met, source)
    return SettledRows(tuple(photos), tuple(disputed), (*warnings, *made, *unplaced))


def merge_repeated_rows(
    rows: Iterable[LabelledPhoto], source: Path
) -> tuple[list[LabelledPhoto], list[str]]:
    """Keep one of equal rows, sorted by name, with a warning.

    Rows that disagree about a photo are refused.
    """
    settled = settle_repeated_rows(rows, source)
    for one in settled.disputed:
        raise BadLabels(f"{source}: the photo {one.photo.name} {one.reason}")
    return list(settled.photos), list(settled.warnings)


def _dispute(rows: Sequence[LabelledPhoto]) -> str | None:
    """How the rows of one photo disagree; None where they don't."""
    labels = list(dict.fromkeys(row.individual or NEW_WHALE for row in rows))
    if len(labels) > 1:
        count = "two" if len(labels) == 2 else f"{len(labels):,}"
        return (
            f"has {count} labels, {', '.join(labels[:-1])} and {labels[-1]}; keep the right one, "
            "or cut the photo into one photo an animal"
        )
    if any(row != rows[0] for row in rows):
        return "is there twice with different details; keep one"
    return None


def _with_encounters(
    rows: Sequence[LabelledPhoto],
) -> tuple[list[LabelledPhoto], list[str]]:
    """Give photos with a place and no encounter one that the place can be noted of.

    It is called by the day, one for each individual and place; of an animal that nobody knows, or
    without a day, by the photo, so that two animals never share one.
    """
    found: list[LabelledPhoto] = []
    places: dict[tuple[str, str | None], list[str]] = {}
    count = 0
    for row in rows:
        if row.place is None or row.encounter is not None:
            found.append(row)
            continue
        has_day = row.individual is not None and len(row.taken_at or "") >= len("2018-06-01")
        name = (row.taken_at or "")[:10] if has_day else row.name
        known = places.setdefault((name, row.individual), [])
        if row.place not in known:
            known.append(row.place)
        number = known.index(row.place) + 1
        name += f" ({number})" if number > 1 else ""
        found.append(replace(row, encounter=name, is_encounter_made=True))
        count += 1
    told = (
        [
            f"{photos_text(count)} with a place and no encounter: an encounter is made of each "
            "individual's day and place"
        ]
        if count
        else []
    )
    return found, told


def _share_regions(
    rows: list[LabelledPhoto], source: Path
) -> tuple[list[LabelledPhoto], list[str]]:
    """Give all photos of an encounter the region that one of them names.

    Warnings list the regions that can't be stored.
    """
    regions: dict[tuple[str | None, str | None], str] = {}
    others: list[str] = []
    for row in rows:
        if (
            row.region
            and row.encounter
            and regions.setdefault((row.encounter, row.individual), row.region) != row.region
        ):
            others.append(row.name)
    lost = [row.name for row in rows if row.region and row.encounter is None]
    placed = (
        [replace(row, region=regions.get((row.encounter, row.individual))) for row in rows]
        if regions
        else rows
    )
    warnings: list[str] = []
    if others:
        warning = (
            f"{source}: {len(others):,} photos name another region than the first photo of "
            "their encounter"
        )
        warnings.append(f"{warning}, whose region counts: {list_some(others)}")
    if lost:
        warning = (
            f"{source}: {len(lost):,} photos have a region and no encounter that it could be "
            "noted of"
        )
        warnings.append(f"{warning}, so it is left out: {list_some(lost)}")
    return [
        replace(row, region=None) if row.encounter is None and row.region else row for row in placed
    ], warnings
