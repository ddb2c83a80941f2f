"""Texts in one array are the list of them."""

from __future__ import annotations

import bisect

import numpy as np
import pytest

from index.search.rows.texts import Texts

WORDS = ["", "a.jpg", "Mégaptère à bosse", "鯨", "", "z"]


def test_they_are_read_as_from_a_list() -> None:
    texts = Texts.of(WORDS)
    assert list(texts) == WORDS
    assert [texts[at] for at in range(-6, 6)] == [WORDS[at] for at in range(-6, 6)]
    assert texts[1:4] == WORDS[1:4]
    assert texts[::-2] == WORDS[::-2]
    assert len(texts) == 6
    assert "鯨" in texts
    with pytest.raises(IndexError, match="no text 6"):
        texts[6]
    assert list(Texts.of([])) == []


def test_some_are_taken_and_others_joined(rng: np.random.Generator) -> None:
    many = [f"{at:0{1 + at % 9}}é" for at in range(70_000)]
    rows = rng.integers(0, len(many), 70_001)
    assert list(Texts.of(many).take(rows)) == [many[at] for at in rows]
    assert list(Texts.of(WORDS).joined(Texts.of(many[:3]))) == [*WORDS, *many[:3]]
    assert list(Texts.of(WORDS).take(rows[:0])) == []


def test_sorted_ones_are_searched(rng: np.random.Generator) -> None:
    words = sorted({f"w_{each}" for each in rng.integers(0, 10_000, 500)})
    texts = Texts.of(words)
    for word in [*words, "", "w_55a", "x"]:
        assert bisect.bisect_left(texts, word) == bisect.bisect_left(words, word)
