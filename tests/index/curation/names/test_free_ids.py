"""The next free id is one more than the greatest like it, whatever names come and go."""

from __future__ import annotations

import pytest

from index.curation.names.free_ids import FreeIds


@pytest.mark.parametrize(
    ("names", "pattern", "expected"),
    [
        ([], None, "w_0001"),
        (["w_0041", "w_0007", "Salt"], None, "w_0042"),
        (["w_9", "w_10"], None, "w_11"),
        (["a1", "b1", "b2"], "a000", "a002"),
        (["GOM-0012"], "GOM-0000", "GOM-0013"),
        (["x"], "hw", "hw0001"),
        (["b7", "a3", "c1b2"], None, "a4"),
        (["1a1", "1a٣", "12"], "1a0", "1a4"),
    ],
)
def test_next_free_ids(names: list[str], pattern: str | None, expected: str) -> None:
    assert FreeIds(names).next(pattern) == expected


def test_a_name_that_is_gone_frees_its_id() -> None:
    ids = FreeIds(["w_0007", "w_9", "hw1", "hw2", "hw30"])
    assert ids.next() == "hw31"
    for name in ("hw30", "hw2", "w_9"):
        ids.remove(name)
    assert ids.next("hw0") == "hw2"
    assert ids.next("w_0000") == "w_0008"
    ids.remove("hw1")
    assert ids.next() == "w_0008"
    ids.add("w_0008")
    ids.add("w_0008")
    ids.remove("w_0008")
    assert ids.next() == "w_0009"
