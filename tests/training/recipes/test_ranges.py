"""training/recipes/ranges.py: every number of a recipe has a range, and defaults lie within."""

from __future__ import annotations

from typing import Any

from training.recipes.ranges import LOSS_RANGES, RANGES, first_outside
from training.recipes.reading import read_recipe


def numbers_of(values: dict[str, Any], prefix: str = "") -> set[str]:
    """Dotted names of all numbers, lists of numbers included."""
    names: set[str] = set()
    for name, value in values.items():
        if isinstance(value, dict):
            names |= numbers_of(value, f"{prefix}{name}.")
            continue
        first = value[0] if isinstance(value, tuple) and value else value
        if isinstance(first, (int, float)) and not isinstance(first, bool):
            names.add(prefix + name)
    return names


def test_every_number_has_a_range() -> None:
    plain = read_recipe("tiny").to_dict()
    assert set(RANGES) == numbers_of(plain)
    assert set(LOSS_RANGES) == numbers_of(plain["loss"][0])


def test_the_first_number_outside_is_named() -> None:
    ranges = {"a": (0, 1), "b.c": (0.5, 2000)}
    assert first_outside({"a": 1, "b": {"c": 0.5}}, ranges) is None
    assert (
        first_outside({"a": 1, "b": {"c": (1.0, 2001.0)}}, ranges)
        == "b.c = 2001.0; allowed are 0.5 to 2,000"
    )
    assert (
        first_outside({"a": float("nan"), "b": {"c": 0}}, ranges, "x.")
        == "x.a = nan; allowed are 0 to 1"
    )
