"""training/splits/groups.py: encounters hold their photos together, and the individuals met in
them.
"""

from __future__ import annotations

from pathlib import Path

from index.labels.reader import LabelledPhoto
from training.splits.groups import singletons, tied_individuals, units_of


def photo(name: str, individual: str | None, encounter: str | None = None) -> LabelledPhoto:
    return LabelledPhoto(name, Path(name), individual, encounter=encounter)


PHOTOS = [
    photo("a", "w1", "e1"),
    photo("c", None, "e1"),
    photo("b", "w2", "e1"),
    photo("d", "w2"),
    photo("e", "w3", "e2"),
]


def test_an_encounter_is_a_unit_and_so_is_a_photo_without_one() -> None:
    units = units_of(PHOTOS, by_encounter=True)
    assert [[one.name for one in unit.photos] for unit in units] == [["a", "b", "c"], ["e"], ["d"]]
    assert units[0].individuals == {"w1", "w2"} and units[0].has_new_whale
    assert [len(unit.photos) for unit in units_of(PHOTOS, by_encounter=False)] == [1] * 5


def test_seen_once_is_one_photo_or_one_encounter() -> None:
    twice = [*PHOTOS, photo("f", "w3", "e2")]
    assert singletons(units_of(twice, by_encounter=True)) == {"w1", "w3"}
    assert singletons(units_of(twice, by_encounter=False)) == {"w1"}


def test_encounters_tie_individuals_in_chains() -> None:
    pairs = ("ab", "bc", "xy")
    chain = [photo(f"{pair}{one}", one, f"e{pair}") for pair in pairs for one in pair]
    assert tied_individuals(units_of(chain, by_encounter=True)) == {
        "a": "a",
        "b": "a",
        "c": "a",
        "x": "x",
        "y": "x",
    }
