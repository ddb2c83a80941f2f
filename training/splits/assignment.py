"""Assign photos to parts: closed-set, open-set or disjoint, by encounter and calendar."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from index.labels.reader import NEW_WHALE, LabelledPhoto
from training.splits.by_time import Cuts, cuts_of
from training.splits.groups import Unit, singletons, tied_individuals, units_of
from training.splits.parts_file import PartedSplit, roles_of
from training.splits.photo_facts import species_of
from training.splits.protocol import BadSplit, Part
from training.splits.stratified import BadShares, Shares, Subset, stratified_parts

Kind = Literal["closed-set", "open-set", "identity-disjoint"]
_NOBODY = f"\0{NEW_WHALE}"
_SMALLEST_STRATUM = 4  # individuals of as many photos; fewer are divided together with others


@dataclass(frozen=True, slots=True)
class SplitChoices:
    """How a labelled set is split.

    `unknown_share` of the individuals are not in an open-set split's gallery, and are queries in
    validation and test.
    """

    kind: Kind = "closed-set"
    shares: Shares = field(default_factory=Shares)
    unknown_share: float = 0.15
    seed: int = 0
    by_encounter: bool = True
    by_time: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.unknown_share < 1:
            raise BadShares(f"unknown share {self.unknown_share:g}; it must be from 0 to below 1")


def make_parts(photos: Sequence[LabelledPhoto], choices: SplitChoices) -> PartedSplit:
    """Give every photo its part; the same photos, choices and seed give the same split.

    Individuals seen once (of one photo or, with `by_encounter`, one encounter) are in train or
    gallery. Raises BadSplit where nothing is left to ask.
    """
    units = units_of(photos, by_encounter=choices.by_encounter)
    parts = (
        _calendar_parts(units, choices)
        if choices.by_time
        else _random_parts(photos, units, choices)
    )
    _refuse_empty_parts(parts, choices)
    return PartedSplit(
        parts, roles_of(parts, photos, is_disjoint=choices.kind == "identity-disjoint")
    )


def _refuse_empty_parts(parts: Mapping[str, Part], choices: SplitChoices) -> None:
    shares = {
        "train": choices.shares.train,
        "validation": choices.shares.validation,
        "test": choices.shares.test,
    }
    there = set(parts.values())
    for part, share in shares.items():
        if share > 0 and part not in there:
            ties = ", or split without encounters (--no-encounters)" if choices.by_encounter else ""
            calendar = ", or without the calendar (--no-time)" if choices.by_time else ""
            raise BadSplit(
                f"a {choices.kind} split leaves {part} without a photo: too few individuals are "
                "met often enough for "
                f"it. Give --{part if part != 'train' else 'test'} another share, another "
                f"--kind{ties}{calendar}"
            )


def _random_parts(
    photos: Sequence[LabelledPhoto], units: Sequence[Unit], choices: SplitChoices
) -> dict[str, Part]:
    if choices.kind == "identity-disjoint":
        return _whole_individuals(photos, units, choices.shares, choices.seed)
    if choices.kind == "closed-set":
        return dict(_within_individuals(units, choices, unknown=None))
    unknown = _unknown_individuals(photos, units, choices)
    rest = [unit for unit in units if unit.photos[0].name not in unknown]
    return {**unknown, **_within_individuals(rest, choices, unknown=unknown)}


def _within_individuals(
    units: Sequence[Unit], choices: SplitChoices, *, unknown: Mapping[str, Part] | None
) -> dict[str, Subset]:
    """Divide every individual's photos.

    New whales are divided too where unknown animals are asked about, else they are learned from.
    """
    photos = [photo for unit in units for photo in unit.photos]
    labels = {photo.name: photo.individual or _NOBODY for photo in photos}
    groups = {photo.name: unit.key for unit in units for photo in unit.photos}
    train_only = (
        {photo.name for photo in photos if photo.individual is None}
        if unknown is None
        else set[str]()
    )
    return stratified_parts(
        labels, choices.shares, choices.seed, group_of=groups, always_train=train_only
    )


def _unknown_individuals(
    photos: Sequence[LabelledPhoto], units: Sequence[Unit], choices: SplitChoices
) -> dict[str, Part]:
    """Photos of the individuals that no gallery holds, in validation and test."""
    query_share = choices.shares.validation + choices.shares.test
    if not choices.unknown_share:
        return {}
    shares = Shares(
        *(
            choices.unknown_share * share / query_share
            for share in (choices.shares.validation, choices.shares.test)
        )
    )
    parts = _whole_individuals(photos, units, shares, choices.seed)
    return {name: part for name, part in parts.items() if part != "train"}


def _whole_individuals(
    photos: Sequence[LabelledPhoto], units: Sequence[Unit], shares: Shares, seed: int
) -> dict[str, Part]:
    """Keep each individual in one part, with all that encounters tie to it.

    Parts have similar shares of species and of photos an individual.

    New whales go with those they were met with, and are learned from where they were met alone.
    """
    tied = tied_individuals(units)
    strata = _strata(photos)
    part_of = stratified_parts(strata, shares, seed, group_of=tied, always_train=singletons(units))
    parts: dict[str, Part] = {}
    for unit in units:
        part: Part = part_of[min(unit.individuals)] if unit.individuals else "train"
        parts.update({photo.name: part for photo in unit.photos})
    return parts


def _strata(photos: Sequence[LabelledPhoto]) -> dict[str, str]:
    """Group individuals by species and by how many photos they have."""
    counts = Counter(photo.individual for photo in photos if photo.individual is not None)
    species = species_of(photos)
    of_individual = {
        photo.individual: species[photo.name] for photo in photos if photo.individual is not None
    }
    strata = {
        one: f"{of_individual[one]} {_abundance(count)}" for one, count in sorted(counts.items())
    }
    sizes = Counter(strata.values())
    return {
        one: stratum if sizes[stratum] >= _SMALLEST_STRATUM else "few"
        for one, stratum in strata.items()
    }


def _abundance(count: int) -> str:
    return (
        "one"
        if count == 1
        else "two or three"
        if count <= 3
        else "to nine"
        if count <= 9
        else "many"
    )


def _calendar_parts(units: Sequence[Unit], choices: SplitChoices) -> dict[str, Part]:
    """Learn from the earliest photos and ask about the latest; the rest is in the gallery."""
    cuts = cuts_of(units, choices.shares)
    place = {
        "closed-set": _closed_set_parts,
        "open-set": _open_set_parts,
        "identity-disjoint": _disjoint_parts,
    }[choices.kind]
    allowed = place(units, cuts)
    return {photo.name: allowed.get(unit.key, "gallery") for unit in units for photo in unit.photos}


def _closed_set_parts(units: Sequence[Unit], cuts: Cuts) -> dict[str, Part]:
    """Later units count where train holds all who are in them."""
    learned = {one for unit in units if cuts.part(unit) == "train" for one in unit.individuals}
    return {
        unit.key: part
        for unit in units
        if (part := cuts.part(unit)) == "train"
        or (part is not None and not unit.has_new_whale and unit.individuals <= learned)
    }


def _open_set_parts(units: Sequence[Unit], cuts: Cuts) -> dict[str, Part]:
    """Later units count, newcomers' too, but not those of individuals met once."""
    once = singletons(units)
    return {
        unit.key: part
        for unit in units
        if (part := cuts.part(unit)) == "train"
        or (part is not None and not unit.individuals & once)
    }


def _disjoint_parts(units: Sequence[Unit], cuts: Cuts) -> dict[str, Part]:
    """Each individual belongs to the part of its first unit, and its later ones count no more."""
    once = singletons(units)
    parts_of: defaultdict[str, set[Subset | None]] = defaultdict(set)
    for unit in units:
        for one in unit.individuals:
            parts_of[one].add(cuts.part(unit))
    order: tuple[Subset, ...] = ("train", "validation", "test")
    home = {
        one: next((part for part in order if part in parts), None)
        for one, parts in parts_of.items()
    }
    placed: dict[str, Part] = {
        unit.key: part
        for unit in units
        if (part := cuts.part(unit)) is not None
        and all(home[one] == part for one in unit.individuals)
        and (part == "train" or not (unit.individuals & once or not unit.individuals))
    }
    return _without_shared_tests(units, placed)


def _without_shared_tests(units: Sequence[Unit], placed: dict[str, Part]) -> dict[str, Part]:
    """Take test photos out of individuals who have other photos in the gallery."""
    while True:
        held = _individuals_of([unit for unit in units if placed.get(unit.key) != "test"])
        half = [
            unit.key for unit in units if placed.get(unit.key) == "test" and unit.individuals & held
        ]
        if not half:
            return placed
        placed = {key: part for key, part in placed.items() if key not in set(half)}


def _individuals_of(units: Sequence[Unit]) -> Set[str]:
    return {one for unit in units for one in unit.individuals}
