"""Neighbours that know each other are near, no query sees another, and expansion moves by weights
known in the head.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.search.engine import exact_distances
from index.search.matching import BadQuery
from training.evaluation.compare.reranking import Reranker, augmented, expanded

At = Callable[..., np.ndarray]


def cos(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def naive_jaccard(query: np.ndarray, vectors: np.ndarray, k1: int, k2: int) -> list[float]:
    """Zhong et al.'s equations with sets and loops, for one query against the gallery alone."""
    m = len(vectors)
    between = exact_distances(vectors, vectors)
    to_query = exact_distances(query[None], vectors)[0]

    def near(row: int, k: int) -> list[int]:
        return [
            row,
            *sorted(
                (other for other in range(m) if other != row), key=lambda o: (between[row, o], o)
            )[:k],
        ]

    def reciprocal(row: int, k: int) -> set[int]:
        return {other for other in near(row, k) if row in near(other, k)}

    def weights(circle: set[int], distances: np.ndarray) -> np.ndarray:
        grown = set(circle)
        for member in circle:
            half = reciprocal(member, max(1, round(k1 / 2)))
            if len(half & circle) >= 2 / 3 * len(half):
                grown |= half
        found = np.array([np.exp(-distances[row]) if row in grown else 0.0 for row in range(m)])
        return found / max(found.sum(), 1e-12)

    ordered = sorted(range(m), key=lambda row: (to_query[row], row))
    own = {row for row in ordered[:k1] if to_query[row] <= between[row, near(row, k1)[-1]]}
    rows = [weights(reciprocal(row, k1), between[row]) for row in range(m)]
    asked = np.mean([weights(own, to_query), *(rows[row] for row in ordered[: k2 - 1])], axis=0)
    averaged = [np.mean([rows[other] for other in near(row, k2)[:k2]], axis=0) for row in range(m)]
    return [1 - np.minimum(asked, each).sum() / np.maximum(asked, each).sum() for each in averaged]


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (4, 1), (4, 3), (7, 2), (3, 6), (60, 3)])
def test_it_agrees_with_a_naive_loop(rng: np.random.Generator, k1: int, k2: int) -> None:
    vectors, queries = unit(rng.normal(size=(40, 4))), unit(rng.normal(size=(5, 4)))
    found = Reranker(vectors, k1=k1, k2=k2).jaccard_distances(queries)
    for query, distances in zip(queries, found, strict=True):
        np.testing.assert_allclose(distances, naive_jaccard(query, vectors, k1, k2), atol=1e-9)


def test_a_neighbour_of_neighbours_overtakes_a_nearer_loner(at: At) -> None:
    # Photos 10 to 34 form a chain around the query at 20; the one at 8 keeps company with others,
    # at 0 to 6.
    gallery = at(10, 14, 26, 30, 34, 8, 0, 2, 4, 6)
    query = at(20)
    cosine = exact_distances(query, gallery)[0]
    assert cosine[5] < cosine[4]  # 12 degrees away before 14
    reranked = Reranker(gallery, k1=4, k2=1).distances(query, 0.0)[0]
    assert reranked[4] < reranked[5]


def test_a_query_s_answer_does_not_depend_on_other_queries(rng: np.random.Generator) -> None:
    vectors, queries = unit(rng.normal(size=(30, 4))), unit(rng.normal(size=(6, 4)))
    reranker = Reranker(vectors, k1=5, k2=2)
    together = reranker.distances(queries)
    alone = np.concatenate([reranker.distances(query[None]) for query in queries[::-1]])[::-1]
    np.testing.assert_array_equal(together, alone)


def test_a_query_that_nobody_knows_keeps_the_order_of_cosines(at: At) -> None:
    # Everybody's nearest is within 1 degree, so a query at 90 is nobody's neighbour.
    gallery = at(0, 1, 20, 21, 40, 41)
    reranker = Reranker(gallery, k1=1, k2=1)
    np.testing.assert_array_equal(reranker.jaccard_distances(at(90)), np.ones((1, 6)))
    blended = reranker.distances(at(90), 0.25)[0]
    np.testing.assert_allclose(blended, 0.75 + 0.25 * exact_distances(at(90), gallery)[0])
    assert np.argsort(blended).tolist() == [5, 4, 3, 2, 1, 0]


def test_equal_photos_do_not_push_a_photo_out_of_its_own_list(at: At) -> None:
    found = Reranker(at(0, 0, 0, 50), k1=1, k2=1).jaccard_distances(at(0))
    assert found.shape == (1, 4) and found[0, 3] == 1.0 and found[0, :2].max() < 1.0


@pytest.mark.parametrize("sizes", [{"k1": 0}, {"k2": 0}])
def test_a_neighbourhood_of_nobody_is_refused(at: At, sizes: dict[str, int]) -> None:
    with pytest.raises(BadQuery, match="give at least 1 of each"):
        Reranker(at(0, 10), **sizes)


def test_an_empty_gallery_has_no_distances() -> None:
    empty = np.zeros((0, 2), np.float32)
    assert Reranker(empty).distances(np.zeros((0, 2), np.float32)).shape == (0, 0)


def test_a_query_moves_towards_its_nearest_photos(at: At) -> None:
    gallery = at(60, 90, 200)
    # One photo, weight cos 60 = 1/2: (1, 0) + (1/4, sqrt(3)/4) points at atan(sqrt(3)/5) = 19.1
    # degrees.
    moved = expanded(at(0), gallery, k=1, alpha=1)
    np.testing.assert_allclose(moved, at(np.degrees(np.arctan2(np.sqrt(3), 5))), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-6)
    # A right angle and beyond weigh nothing.
    np.testing.assert_allclose(expanded(at(0), gallery, k=3, alpha=1), moved, atol=1e-6)
    # The greater alpha, the less a far photo moves it.
    assert (expanded(at(0), gallery, k=1, alpha=5) @ at(0).T).item() > (moved @ at(0).T).item()


def test_a_gallery_photo_moves_towards_the_others(at: At) -> None:
    moved = augmented(at(0, 60), k=1, alpha=1)
    towards = np.degrees(np.arctan2(np.sqrt(3), 5))
    np.testing.assert_allclose(moved, at(towards, 60 - towards), atol=1e-6)
    np.testing.assert_allclose(augmented(at(0, 60), k=0, alpha=1), at(0, 60), atol=1e-6)
