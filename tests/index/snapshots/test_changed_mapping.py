"""A mapping that follows changes is the dictionary that they would have made."""

from __future__ import annotations

import numpy as np
import pytest

from index.snapshots.changed_mapping import ChangedMapping, change_mapping


def test_any_changes_give_the_dictionary_of_them(rng: np.random.Generator) -> None:
    plain = {f"k{at}": at for at in range(300)}
    mapping = change_mapping(plain, [], {})
    start = dict(plain)
    for number in range(200):
        keys = [f"k{at}" for at in rng.integers(0, 400, 20).tolist()]
        removed, added = keys[:12], dict.fromkeys(keys[8:], number)
        before = dict(mapping)
        after = change_mapping(mapping, removed, added)
        assert dict(mapping) == before
        plain = {key: value for key, value in plain.items() if key not in removed} | added
        assert dict(after) == plain
        assert len(after) == len(plain)
        assert sorted(after) == sorted(plain)
        assert [after.get(f"k{at}") for at in range(400)] == [
            plain.get(f"k{at}") for at in range(400)
        ]
        assert ("k3" in after) == ("k3" in plain)
        mapping = after
    assert start == {f"k{at}": at for at in range(300)}


def test_a_key_that_was_removed_is_not_found() -> None:
    mapping = change_mapping({"a": 1, "b": 2}, ["a", "never there"], {})
    with pytest.raises(KeyError, match="a"):
        mapping["a"]
    assert list(mapping.items()) == [("b", 2)]


def test_many_changes_become_one_dictionary() -> None:
    mapping = change_mapping({"a": 1}, [], {})
    assert isinstance(mapping, ChangedMapping)
    many = change_mapping(mapping, [], dict.fromkeys(map(str, range(3000)), 0))
    assert isinstance(many, dict)
    assert len(many) == 3001
