"""Rows of a label file that name one photo several times, or regions of one encounter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from index.labels.fields import list_some
from index.labels.labelled_photo import NEW_WHALE, BadLabels, LabelledPhoto


def merge_repeated_rows(
    rows: Iterable[LabelledPhoto], source: Path
) -> tuple[list[LabelledPhoto], list[str]]:
    """Keep one of equal rows, sorted by name, with a warning.

    Rows that disagree about a photo are refused.
    """
    by_name: dict[str, LabelledPhoto] = {}
    repeated: list[str] = []
    for row in rows:
        first = by_name.setdefault(row.name, row)
        if first is row:
            continue
        if first.individual != row.individual:
            labels = [one.individual or NEW_WHALE for one in (first, row)]
            raise BadLabels(
                f"{source}: the photo {row.name} has two labels, {labels[0]} and {labels[1]}; "
                "keep the right one, "
                "or cut the photo into one photo an animal"
            )
        if first != row:
            raise BadLabels(
                f"{source}: the photo {row.name} is there twice with different details; keep one"
            )
        repeated.append(row.name)
    warnings = (
        [f"{len(repeated):,} rows are there more than once: {list_some(repeated)}"]
        if repeated
        else []
    )
    first, unplaced = _share_regions([by_name[name] for name in sorted(by_name)], source)
    return first, [*warnings, *unplaced]


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
