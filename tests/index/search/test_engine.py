"""The contract of every engine: order, ties, bounds and refusals, against a loop over all pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.search import engine
from index.search.engine import BadEngine, build_engine
from index.search.vectors import BadVectors

At = Callable[..., np.ndarray]
FACTORIES = ["Flat", "SQfp16", "HNSW32"]
EXACT = ["Flat", "SQfp16"]

every_engine = pytest.mark.parametrize("factory", FACTORIES)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def naive_search(vectors: np.ndarray, query: np.ndarray, k: int) -> list[tuple[float, int]]:
    distances = []
    for row, vector in enumerate(vectors):
        cosine = sum(float(a) * float(b) for a, b in zip(vector, query, strict=True))
        distances.append((round(min(max(1 - cosine, 0.0), 2.0), 6), row))
    return sorted(distances)[:k]


@every_engine
def test_known_answers_at_known_angles(at: At, factory: str) -> None:
    engine = build_engine(at(0, 60, 90, 180, -10), factory)
    distances, positions = engine.search(at(0), 5)
    assert positions.tolist() == [[0, 4, 1, 2, 3]]
    np.testing.assert_allclose(distances, [[0, 1 - np.cos(np.radians(10)), 0.5, 1, 2]], atol=1e-6)
    assert engine.size == 5


@every_engine
@pytest.mark.parametrize("queries", [1, 7])
def test_agrees_with_a_loop_over_all_pairs(
    rng: np.random.Generator, factory: str, queries: int
) -> None:
    vectors, asked = unit(rng.normal(size=(600, 16))), unit(rng.normal(size=(queries, 16)))
    distances, positions = build_engine(vectors, factory).search(asked, 10)
    found = 0
    for query in range(queries):
        expected = naive_search(vectors, asked[query], 10)
        for distance, position in zip(distances[query], positions[query], strict=True):
            exact = 1 - float(vectors[position].astype(np.float64) @ asked[query])
            assert distance == pytest.approx(exact, abs=1e-6)
        found += len({row for _, row in expected} & set(positions[query].tolist()))
        if factory in EXACT:
            assert positions[query].tolist() == [row for _, row in expected]
    assert found >= 0.9 * 10 * queries


@every_engine
def test_one_query_and_a_batch_get_the_same_distances(
    rng: np.random.Generator, factory: str
) -> None:
    vectors, queries = unit(rng.normal(size=(2000, 64))), unit(rng.normal(size=(40, 64)))
    engine = build_engine(vectors, factory)
    together = engine.search(queries, 5)
    for query in range(len(queries)):
        alone = engine.search(queries[query : query + 1], 5)
        np.testing.assert_array_equal(alone[1][0], together[1][query])
        np.testing.assert_array_equal(alone[0][0], together[0][query])


@every_engine
@pytest.mark.parametrize("k", [3, 4, 1000])
def test_k_beyond_the_gallery_gives_all_and_no_padding(at: At, factory: str, k: int) -> None:
    distances, positions = build_engine(at(0, 60, 90), factory).search(at(10, 80), k)
    assert positions.tolist() == [[0, 1, 2], [2, 1, 0]]
    assert np.isfinite(distances).all()


@every_engine
def test_an_engine_without_vectors_finds_nothing(at: At, factory: str) -> None:
    distances, positions = build_engine(np.zeros((0, 2), np.float32), factory).search(at(0, 90), 5)
    assert distances.shape == positions.shape == (2, 0)


@every_engine
def test_no_queries_give_no_rows(at: At, factory: str) -> None:
    distances, positions = build_engine(at(0, 60), factory).search(np.zeros((0, 2), np.float32), 2)
    assert distances.shape == positions.shape == (0, 2)


@every_engine
@pytest.mark.parametrize("rotation", [0, 1, 250])
def test_ties_come_in_row_order_however_many(at: At, factory: str, rotation: int) -> None:
    # 500 equal vectors among 600: more ties than any engine fetches at first.
    degrees = np.roll(np.array([30.0] * 500 + [200.0] * 100), rotation)
    equal = np.flatnonzero(degrees == 30.0)
    distances, positions = build_engine(at(*degrees), factory).search(at(31, 31), 8)
    assert positions.tolist() == [equal[:8].tolist()] * 2
    assert len(set(distances.ravel().tolist())) == 1


@every_engine
def test_padding_by_faiss_is_never_an_answer(
    rng: np.random.Generator, factory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries = unit(rng.normal(size=(500, 8))), unit(rng.normal(size=(4, 8)))

    search = engine._faiss_search  # as it is before it is replaced

    def padded(index: Any, vectors: np.ndarray, queries: np.ndarray, fetch: int) -> np.ndarray:
        rows = search(index, vectors, queries, fetch)
        rows[1::2, 3:] = -1  # as a graph does that led nowhere
        return rows

    monkeypatch.setattr("index.search.engine._faiss_search", padded)
    _, positions = build_engine(vectors, factory).search(queries, 10)
    for query in (1, 3):
        assert positions[query].tolist() == [
            row for _, row in naive_search(vectors, queries[query], 10)
        ]
    assert (positions >= 0).all()


@every_engine
def test_blocks_of_queries_change_nothing(
    rng: np.random.Generator, factory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries = unit(rng.normal(size=(900, 8))), unit(rng.normal(size=(50, 8)))
    engine = build_engine(vectors, factory)
    at_once, all_at_once = engine.search(queries, 5), engine.search(queries, 700)
    monkeypatch.setattr("index.search.engine._BLOCK_BYTES", 8 * 900 * 7)  # a few queries a block
    for before, after in zip(
        (*at_once, *all_at_once),
        (*engine.search(queries, 5), *engine.search(queries, 700)),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)


@every_engine
def test_distances_stay_within_0_and_2(rng: np.random.Generator, factory: str) -> None:
    vectors = unit(rng.normal(size=(300, 48)))
    vectors = np.concatenate([vectors, -vectors])
    distances, positions = build_engine(vectors, factory).search(vectors, 600)
    assert distances.min() == 0.0 and distances.max() == 2.0
    assert (positions[:, 0] == np.arange(600)).all()
    assert (np.diff(distances, axis=1) >= 0).all()


@every_engine
def test_a_nan_query_raises_instead_of_finding_nobody(at: At, factory: str) -> None:
    engine = build_engine(at(0, 60), factory)
    with pytest.raises(BadVectors, match="row 1 of the queries holds NaN"):
        engine.search(np.array([[1, 0], [np.nan, 0]], np.float32), 1)


@every_engine
def test_a_wrong_dimension_names_both(at: At, factory: str) -> None:
    with pytest.raises(BadVectors, match=r"dimension 3, but .* dimension 2"):
        build_engine(at(0, 60), factory).search(np.eye(3, dtype=np.float32), 1)


def test_a_catalogue_vector_with_nan_is_refused(at: At) -> None:
    with pytest.raises(BadVectors, match="row 0 of the catalogue vectors"):
        build_engine(at(0) * np.nan)


@pytest.mark.parametrize("factory", ["Flt", "IVF64,Flat"])
def test_a_factory_that_faiss_refuses_names_those_that_suit(at: At, factory: str) -> None:
    with pytest.raises(BadEngine, match=rf"'{factory}' over 2 vectors .* Flat, SQfp16 and HNSW32"):
        build_engine(at(0, 60), factory)


def test_an_engine_that_needs_training_is_trained(rng: np.random.Generator) -> None:
    vectors = unit(rng.normal(size=(400, 8)))
    _, positions = build_engine(vectors, "SQ8").search(vectors, 1)
    assert (positions[:, 0] == np.arange(400)).all()


@settings(deadline=None, max_examples=40, derandomize=True, database=None)
@given(
    degrees=st.lists(st.integers(0, 359), min_size=1, max_size=300),
    question=st.integers(0, 359),
    k=st.integers(1, 40),
)
def test_exact_engines_agree_on_any_angles(degrees: list[int], question: int, k: int) -> None:
    radians = np.radians(np.array([*degrees, question], np.float64))
    rows = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    expected = naive_search(rows[:-1], rows[-1], k)
    for factory in EXACT:
        distances, positions = build_engine(rows[:-1], factory).search(rows[-1:], k)
        assert positions[0].tolist() == [row for _, row in expected]
        np.testing.assert_allclose(distances[0], [distance for distance, _ in expected], atol=1e-9)
