"""Divide labelled photos into train, validation and test, each label in the same shares.

SHA-256 of the seed and the names decides the order, not a random generator. So the same photos and
seed give the same parts on every machine, with every version of every library.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from embedding.errors import FlukeprintError

Subset = Literal["train", "validation", "test"]
_PARTS: tuple[Subset, ...] = (
    "train",
    "test",
    "validation",
)  # the first wins where all lack the same


class BadShares(FlukeprintError):
    """Shares of train, validation and test that can't be had."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the photos each part gets; train gets the rest."""

    validation: float = 0.2
    test: float = 0.2

    def __post_init__(self) -> None:
        if not (
            0 <= self.validation < 1 and 0 <= self.test < 1 and 0 < self.validation + self.test < 1
        ):
            raise BadShares(
                f"validation {self.validation:g} and test {self.test:g}; each must be from 0 to "
                "below 1, and both "
                "together more than 0 and less than 1, as what they leave is learned from"
            )

    @property
    def train(self) -> float:
        return 1 - self.validation - self.test

    def of(self, part: Subset) -> float:
        """The share of one part."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[part]


def stratified_parts(
    label_of: Mapping[str, str],
    shares: Shares = Shares(),
    seed: int = 0,
    *,
    group_of: Mapping[str, str] | None = None,
    always_train: Collection[str] = (),
) -> dict[str, Subset]:
    """Give every name of `label_of` a part, so that each label is divided by the shares.

    Names of one group (an encounter, a burst, copies) never come apart; names without one are a
    group each. Each label keeps a group in train: one that has a single group is only learned from.
    `always_train` (and the rest of their groups) are in train. What rounding takes from one label
    is given back by the next, so that the shares hold over many labels of two or three names as
    well.
    """
    units = _units(label_of, group_of or {})
    of_label: defaultdict[str, list[_Unit]] = defaultdict(list)
    for unit in units:
        for label in sorted(unit.counts):
            of_label[label].append(unit)
    part_of: dict[str, Subset] = {}  # by unit
    train_names = set(always_train)
    part_of.update({unit.key: "train" for unit in units if train_names.intersection(unit.names)})
    ordered = sorted(of_label, key=lambda label: _order_key(seed, "label", label))
    for label in sorted(ordered, key=lambda label: len(of_label[label])):
        if not any(unit.key in part_of for unit in of_label[label]):
            largest = min(
                of_label[label],
                key=lambda unit: (-unit.counts[label], _order_key(seed, "unit", unit.key)),
            )
            part_of[largest.key] = "train"
    owed: dict[Subset, float] = {part: 0.0 for part in _PARTS if shares.of(part) > 0}
    for label in ordered:
        owed = _divide(label, of_label[label], part_of, shares, seed, owed)
    return {name: part_of[unit.key] for unit in units for name in unit.names}


@dataclass(frozen=True, slots=True)
class _Unit:
    key: str
    names: tuple[str, ...]
    counts: Mapping[str, int]  # names of each label


def _divide(
    label: str,
    units: list[_Unit],
    part_of: dict[str, Subset],
    shares: Shares,
    seed: int,
    owed: dict[Subset, float],
) -> dict[Subset, float]:
    """Give the label's free units to the parts that lack most; returns what is still lacking."""
    free = [unit for unit in units if unit.key not in part_of]
    if not free:
        return owed
    total = sum(unit.counts[label] for unit in units)
    lacking: dict[Subset, float] = {part: owed[part] + shares.of(part) * total for part in owed}
    for unit in units:
        if unit.key in part_of:
            lacking[part_of[unit.key]] -= unit.counts[label]
    for unit in sorted(
        free, key=lambda unit: (-unit.counts[label], _order_key(seed, "unit", unit.key))
    ):
        part = max(lacking, key=lambda part: lacking[part])
        part_of[unit.key] = part
        lacking[part] -= unit.counts[label]
    # What can't be given back soon is forgotten: it would fall on one large label.
    most = max(unit.counts[label] for unit in units)
    return {part: min(max(lack, -most), most) for part, lack in lacking.items()}


def _units(label_of: Mapping[str, str], group_of: Mapping[str, str]) -> list[_Unit]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(label_of):
        members[f"group {group_of[name]}" if name in group_of else f"alone {name}"].append(name)
    return [
        _Unit(key, tuple(names), Counter(label_of[name] for name in names))
        for key, names in sorted(members.items())
    ]


def _order_key(seed: int, *words: str) -> bytes:
    """Compute a key whose order depends on the seed and the words alone."""
    return hashlib.sha256("\0".join((str(seed), *words)).encode()).digest()
