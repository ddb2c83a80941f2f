"""training/evaluation/queries.py: no query stands in the gallery that it is asked of, and every
photo is asked once.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from training.evaluation.queries import (
    LabelledVectors,
    Queries,
    disjoint_rounds,
    encounters,
    protocol_queries,
    trial_queries,
)


def rows_like(labelled: LabelledVectors, vectors: np.ndarray) -> list[int]:
    """Which rows of the set these vectors are."""
    return [int(np.flatnonzero((labelled.vectors == vector).all(axis=1))[0]) for vector in vectors]


def check(labelled: LabelledVectors, asked: Queries) -> tuple[list[int], set[int]]:
    """Known rows and gallery rows, after the rules that all questions keep."""
    known, held = rows_like(labelled, asked.known), set(rows_like(labelled, asked.gallery.vectors))
    assert not held & {*known, *rows_like(labelled, asked.unknown)}
    assert [labelled.individuals[row] for row in known] == asked.individuals
    assert all(labelled.individuals[row] is None for row in rows_like(labelled, asked.unknown))
    return known, held


def test_the_protocol_asks_the_split_s_queries(herd: LabelledVectors) -> None:
    asked = protocol_queries(herd)
    known, held = check(herd, asked)
    assert known == herd.rows("known_query") and len(known) == 48
    assert held == set(herd.rows("fit", "disjoint", labelled=True))
    assert rows_like(herd, asked.unknown) == herd.rows("unknown_query") and len(asked.unknown) == 50


def test_trials_touch_no_query(herd: LabelledVectors) -> None:
    for role, count in (("fit", 48), ("disjoint", 12)):
        asked = trial_queries(herd, role)
        known, held = check(herd, asked)
        assert set(known) <= set(herd.rows(role)) and len(known) == count == len(
            set(asked.individuals)
        )
        assert not (held | set(known)) & set(herd.rows("known_query", "unknown_query"))
        assert rows_like(herd, asked.unknown) == herd.rows("fit", labelled=False)


def test_trials_are_the_same_each_time(herd: LabelledVectors) -> None:
    np.testing.assert_array_equal(trial_queries(herd).known, trial_queries(herd).known)


def test_rounds_ask_every_disjoint_photo_once(herd: LabelledVectors) -> None:
    asked: list[int] = []
    for questions in disjoint_rounds(herd):
        known, held = check(herd, questions)
        assert (
            held | set(known) == set(herd.rows("disjoint"))
            and max(Counter(questions.individuals).values()) == 1
        )
        asked += known
    assert sorted(asked) == herd.rows("disjoint") and len(asked) == 48


def test_an_encounter_is_two_photos_of_one_animal(herd: LabelledVectors) -> None:
    drawn = list(encounters(herd, herd.rows("fit", "disjoint", labelled=True), 3))
    assert len(drawn) == 3
    for questions in drawn:
        known, held = check(herd, questions)
        assert questions.individuals[::2] == questions.individuals[1::2] and len(set(known)) == 24
        assert held | set(known) == set(herd.rows("fit", "disjoint", labelled=True))
    assert rows_like(herd, drawn[0].known) != rows_like(herd, drawn[1].known)


def test_without_individuals_of_four_photos_there_is_no_encounter(herd: LabelledVectors) -> None:
    herd.individuals = [
        None if one is None else f"{one}{row % 2}" for row, one in enumerate(herd.individuals)
    ]
    assert list(encounters(herd, herd.rows("fit", "disjoint", labelled=True), 3)) == []


def test_one_s_own_individual_can_be_left_out(herd: LabelledVectors) -> None:
    asked = protocol_queries(herd)
    distances = asked.gallery.individual_distances(asked.known)
    without = asked.without_own(distances)
    own = np.arange(len(asked.truths)), asked.truths
    assert np.isinf(without[own]).all() and np.isinf(without).sum() == len(asked.truths)
    assert np.isfinite(distances).all()
    assert (asked.ranks(without) == asked.gallery.individual_count).all()
