"""The work of `flukeprint data split`: labels and choices to a split file and its table."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from embedding.checkpoint import refuse_unwritable, write_atomically
from index.labels.labelled_photo import BoxOrientation
from index.labels.reader import LabelledPhoto
from training.sets.sets import read_sets
from training.splits.assignment import Kind, SplitChoices, make_parts
from training.splits.checks import run_checks
from training.splits.parts_file import parted_bytes
from training.splits.protocol import BadSplit, Part, Role, make_split, write_split
from training.splits.stratified import Shares

PROTOCOL = "protocol"
_COUNTED = ("individuals", "encounters", "new_whale")
_QUERIES = ("known_query", "unknown_query", "disjoint")
_MANY_DATED = 0.5  # of the photos; with fewer the calendar would speak for a handful


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRequest:
    """What a command line requests; None leaves a choice to the labels or the defaults."""

    kind: str
    seed: int
    validation: float | None = None
    test: float | None = None
    unknown: float | None = None
    by_encounter: bool | None = None
    by_time: bool | None = None
    boxes: BoxOrientation | None = None


def split(
    labels: Sequence[Path],
    folders: Sequence[Path],
    out: Path,
    request: SplitRequest,
    *,
    as_json: bool,
) -> None:
    """Write the split and print its table, or JSON. Raises BadSplit, BadLabels."""
    kinds = (*get_args(Kind), PROTOCOL)
    if request.kind not in kinds:
        raise BadSplit(f"--kind {request.kind}; allowed are {', '.join(kinds)}")
    refuse_unwritable(out)
    photos, warnings = read_sets(labels, folders, boxes=request.boxes)
    for warning in warnings:
        _note(warning)
    if request.kind == PROTOCOL:
        report = _write_protocol(photos, out, request)
    else:
        report = _write_parts(photos, out, _choices(photos, request))
    _print(report, out, as_json=as_json)


def _write_protocol(
    photos: Sequence[LabelledPhoto], out: Path, request: SplitRequest
) -> dict[str, Any]:
    chosen = [
        request.validation,
        request.test,
        request.unknown,
        request.by_encounter,
        request.by_time,
    ]
    if any(choice is not None for choice in chosen):
        raise BadSplit(
            "--kind protocol is the fixed one of docs/benchmarks.md, the same as train and "
            "evaluate make: give it "
            "--seed alone, or another --kind"
        )
    made = make_split(photos, request.seed)
    write_split(made, out)
    checked = ["every photo has one role, and none two"]
    return _report(
        photos,
        made.roles,
        made.roles,
        {"kind": PROTOCOL, "seed": request.seed},
        checked,
        get_args(Role),
    )


def _write_parts(
    photos: Sequence[LabelledPhoto], out: Path, choices: SplitChoices
) -> dict[str, Any]:
    made = make_parts(photos, choices)
    written = parted_bytes(made)
    checked = run_checks(written, photos, choices)
    write_atomically(out, written)
    about: dict[str, Any] = {
        "kind": choices.kind,
        "seed": choices.seed,
        "by_encounter": choices.by_encounter,
        "by_time": choices.by_time,
    }
    if choices.kind == "open-set" and "unknown_query" not in made.roles.values():
        _note(
            "too few individuals for one to be unknown: this open-set split asks about known "
            "ones alone"
        )
    return _report(photos, made.parts, made.roles, about, checked, get_args(Part))


def _choices(photos: Sequence[LabelledPhoto], request: SplitRequest) -> SplitChoices:
    met = sum(photo.encounter is not None for photo in photos)
    dated = sum(photo.taken_at is not None for photo in photos)
    for column, count, option in (
        ("encounter", met, request.by_encounter),
        ("taken_at", dated, request.by_time),
    ):
        if option and not count:
            raise BadSplit(
                f"no photo has the column {column} filled: the labels can't be split by it"
            )
    by_time = request.by_time if request.by_time is not None else dated > _MANY_DATED * len(photos)
    if by_time:
        _note(
            f"split by the calendar, as {dated:,} of {len(photos):,} photos have taken_at "
            "(--no-time splits without)"
            + ("" if dated == len(photos) else "; those without are learned from")
        )
    chosen = {"validation": request.validation, "test": request.test}
    return SplitChoices(
        kind=request.kind,  # pyright: ignore[reportArgumentType]
        shares=Shares(**{name: share for name, share in chosen.items() if share is not None}),
        seed=request.seed,
        by_encounter=request.by_encounter if request.by_encounter is not None else met > 0,
        by_time=by_time,
        **({} if request.unknown is None else {"unknown_share": request.unknown}),
    )


def _report(
    photos: Sequence[LabelledPhoto],
    places: Mapping[str, str],
    roles: Mapping[str, str],
    about: dict[str, Any],
    checked: Sequence[str],
    order: Sequence[str],
) -> dict[str, Any]:
    """Count photos, individuals, encounters, new whales and roles of each part (or role)."""
    members: defaultdict[str, list[LabelledPhoto]] = defaultdict(list)
    for photo in photos:
        members[places[photo.name]].append(photo)
    parts = {
        place: {
            "photos": len(members[place]),
            "individuals": len({photo.individual for photo in members[place]} - {None}),
            "encounters": len({photo.encounter for photo in members[place]} - {None}),
            "new_whale": sum(photo.individual is None for photo in members[place]),
            "roles": {
                role: count
                for role in get_args(Role)
                if (count := sum(roles[photo.name] == role for photo in members[place]))
            },
        }
        for place in order
        if members[place]
    }
    whole = {
        "photos": len(photos),
        "individuals": len({photo.individual for photo in photos} - {None}),
    }
    return {**about, **whole, "parts": parts, "checked": list(checked)}


def _print(report: dict[str, Any], out: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    rows = {place: {**counts, **counts["roles"]} for place, counts in report["parts"].items()}
    query_columns = () if report["kind"] == PROTOCOL else _QUERIES
    columns = [
        name for name in (*_COUNTED, *query_columns) if any(row.get(name) for row in rows.values())
    ]
    table = Table(title=f"{report['kind']}, seed {report['seed']}", title_justify="left")
    table.add_column("part" if query_columns else "role", no_wrap=True)
    for column in ("photos", "share", *columns):
        table.add_column(column.removesuffix("_query"), justify="right", no_wrap=True)
    for place, row in rows.items():
        shown = [f"{row.get(column, 0):,}" for column in columns]
        table.add_row(
            place, f"{row['photos']:,}", f"{row['photos'] / report['photos']:.1%}", *shown
        )
    Console().print(table)
    for claim in report["checked"]:
        print(f"checked: {claim}")
    print(f"{out}: {report['photos']:,} photos of {report['individuals']:,} individuals")


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
