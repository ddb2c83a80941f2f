"""Check a written split by its bytes: what it claims, and what breaks a claim."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.labels.reader import LabelledPhoto
from training.splits.assignment import SplitChoices
from training.splits.by_time import span_of
from training.splits.groups import Unit, singletons, units_of
from training.splits.protocol import BadSplit


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about a split; `violation` names what breaks it and is empty where it holds."""

    claim: str
    violation: str = ""


def run_checks(written: bytes, photos: Sequence[LabelledPhoto], choices: SplitChoices) -> list[str]:
    """Check the bytes of a split's file; returns the claims that hold.

    Raises BadSplit for a claim that doesn't.

    Raises BadSplit for a broken promise.
    """
    rows = list(csv.DictReader(io.StringIO(written.decode())))
    checks = list(_checks(rows, photos, choices))
    failed = [f"{check.claim}: {check.violation}" for check in checks if check.violation]
    if failed:
        raise BadSplit(
            f"the written split fails a check, which is a defect of flukeprint: {'; '.join(failed)}"
        )
    return [check.claim for check in checks]


def _checks(
    rows: list[dict[str, str]], photos: Sequence[LabelledPhoto], choices: SplitChoices
) -> Iterator[Check]:
    names = [row["image"] for row in rows]
    part_of = {row["image"]: row["part"] for row in rows}
    is_whole = len(names) == len(part_of) and set(names) == {photo.name for photo in photos}
    violation = "" if is_whole else "photos are missing or there twice"
    yield Check("every photo is in one part, and none in two", violation)
    if not is_whole:
        return
    if choices.by_encounter:
        yield _encounter_check(photos, part_of)
    units = units_of(photos, by_encounter=choices.by_encounter)
    yield _singleton_check(units, part_of, choices)
    yield from _individual_checks(photos, part_of, choices)
    if choices.by_time:
        yield _time_check(units, part_of)


def _encounter_check(photos: Sequence[LabelledPhoto], part_of: dict[str, str]) -> Check:
    met: defaultdict[str, set[str]] = defaultdict(set)
    for photo in photos:
        if photo.encounter is not None:
            met[photo.encounter].add(part_of[photo.name])
    astride = sorted(encounter for encounter, parts in met.items() if len(parts) > 1)
    return Check(f"no encounter straddles ({len(met):,} encounters)", ", ".join(astride[:3]))


def _singleton_check(
    units: Sequence[Unit], part_of: dict[str, str], choices: SplitChoices
) -> Check:
    once = singletons(units)
    queried = sorted(
        photo.individual
        for unit in units
        for photo in unit.photos
        if photo.individual in once and part_of[photo.name] in {"validation", "test"}
    )
    of_what = "photo or encounter" if choices.by_encounter else "photo"
    where = "train or gallery" if choices.by_time else "train"
    return Check(
        f"individuals of a single {of_what} are in {where} ({len(once):,} individuals)",
        ", ".join(queried[:3]),
    )


def _individual_checks(
    photos: Sequence[LabelledPhoto], part_of: dict[str, str], choices: SplitChoices
) -> Iterator[Check]:
    of_part: defaultdict[str, set[str]] = defaultdict(set)
    for photo in photos:
        if photo.individual is not None:
            of_part[part_of[photo.name]].add(photo.individual)
    train, validation, test = of_part["train"], of_part["validation"], of_part["test"]
    if choices.kind == "closed-set":
        unlearned = sorted((validation | test) - train)
        yield Check("train holds every individual that is asked about", ", ".join(unlearned[:3]))
    elif choices.kind == "identity-disjoint":
        twice = sorted(train & validation | train & test | validation & test)
        yield Check("no individual of one part is in another", ", ".join(twice[:3]))
    else:
        unknown = test - train - validation - of_part["gallery"]
        yield Check(
            f"{len(unknown):,} individuals of the test are in no other part: unknown to its gallery"
        )


def _time_check(units: Sequence[Unit], part_of: dict[str, str]) -> Check:
    spans: defaultdict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        if span_of(unit) is not None:
            spans[part_of[unit.photos[0].name]].append(unit)
    ends = [span[1] for unit in spans["train"] if (span := span_of(unit)) is not None]
    starts = [span[0] for unit in spans["test"] if (span := span_of(unit)) is not None]
    if not ends or not starts:
        return Check("the test is later than train")
    claim = f"the test begins {min(starts):%Y-%m-%d}, and train ends {max(ends):%Y-%m-%d}"
    return Check(claim, "" if min(starts) > max(ends) else "the test isn't later")
