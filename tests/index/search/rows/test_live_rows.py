"""Rows stored by their live columns are the rows, and their products those of the whole rows."""

from __future__ import annotations

import numpy as np
import pytest

from index.search.rows.live_rows import LiveRows


def rows_of_experts(rng: np.random.Generator, *numbers: int) -> np.ndarray:
    """Vectors of 6 experts with 16 numbers each: `numbers` of whales, of dolphins, of both."""
    experts = ([0, 1], [2, 3, 4], [0, 2, 3])
    rows = np.zeros((sum(numbers), 6, 16), np.float32)
    start = 0
    for own, count in zip(experts, numbers, strict=False):
        rows[start : start + count, own] = rng.normal(size=(count, len(own), 16))
        start += count
    rows = rows.reshape(len(rows), 96)[rng.permutation(len(rows))]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("numbers", [(900, 700, 20), (5000, 1, 0), (1, 0, 0), (0, 0, 0), (3, 2, 1)])
def test_groups_hold_every_number_that_is_not_zero(
    rng: np.random.Generator, numbers: tuple[int, ...]
) -> None:
    vectors = rows_of_experts(rng, *numbers)
    rows = LiveRows.of(vectors)
    np.testing.assert_array_equal(rows.dense(), vectors)
    chosen = rng.permutation(len(vectors))[: len(vectors) // 2]
    np.testing.assert_array_equal(rows.dense(chosen), vectors[chosen])
    np.testing.assert_array_equal(rows.take(chosen).dense(), vectors[chosen])
    queries = rows_of_experts(rng, 3, 3, 3)
    whole = queries.astype(np.float64) @ vectors.astype(np.float64).T
    np.testing.assert_allclose(rows.products(queries), whole, atol=1e-12)
    every = np.concatenate([group.rows for group in rows.groups] or [chosen[:0]])
    assert sorted(every.tolist()) == list(range(len(vectors)))


def test_memory_is_that_of_the_live_columns(rng: np.random.Generator) -> None:
    vectors = rows_of_experts(rng, 2000, 1000, 3)
    rows = LiveRows.of(vectors)
    assert [len(group.columns) for group in rows.groups] == [32, 48, 48]
    assert rows.nbytes == 4 * (2000 * 32 + 1000 * 48 + 3 * 48)


def test_rows_that_are_live_everywhere_are_not_copied(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(50, 24)).astype(np.float32)
    rows = LiveRows.of(vectors)
    assert np.shares_memory(rows.dense(), vectors)


def test_a_single_zero_makes_no_group_of_its_own(rng: np.random.Generator) -> None:
    vectors = rows_of_experts(rng, 600, 0, 0)
    vectors[rng.integers(0, 600, 200), rng.integers(0, 32, 200)] = 0
    assert [len(group.columns) for group in LiveRows.of(vectors).groups] == [32]


def test_many_kinds_of_rows_make_few_groups(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(4000, 20, 8)).astype(np.float32)
    vectors[rng.random((4000, 20)) < 0.5] = 0
    rows = LiveRows.of(vectors.reshape(4000, 160))
    assert len(rows.groups) <= 13
    np.testing.assert_array_equal(rows.dense(), vectors.reshape(4000, 160))


def test_chunks_one_after_the_other_are_one_matrix(rng: np.random.Generator) -> None:
    vectors = rows_of_experts(rng, 900, 700, 20)
    rows = LiveRows.collect(np.array_split(vectors, [1, 1, 500, 1619]), 96)
    np.testing.assert_array_equal(rows.dense(), vectors)


def test_two_sets_of_rows_are_joined_in_any_order(rng: np.random.Generator) -> None:
    one, other = rows_of_experts(rng, 900, 700, 20), rows_of_experts(rng, 3, 1, 1)
    order = rng.permutation(len(one) + len(other))[:1200]
    joined = LiveRows.of(one).joined(LiveRows.of(other), order)
    np.testing.assert_array_equal(joined.dense(), np.concatenate([one, other])[order])
