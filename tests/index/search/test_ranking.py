"""Photos to individuals: k different ones, ties by id, as near as a loop over photos says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.search.gallery import Gallery
from index.search.matching import BadQuery, Candidate, Score
from index.search.vectors import BadVectors
from tests.index.search.test_gallery import SCORES, build, unit

At = Callable[..., np.ndarray]


def naive_distances(
    individuals: list[str], vectors: np.ndarray, query: np.ndarray, score: Score
) -> dict[str, float]:
    """Distance of a query to each individual, one at a time."""
    distances = {}
    for individual in sorted(set(individuals)):
        own = vectors[[row for row, each in enumerate(individuals) if each == individual]].astype(
            np.float64
        )
        nearest = min(1 - float(vector @ query) for vector in own)
        mean = own.mean(axis=0)
        centre = 1 - float(mean @ query) / float(np.linalg.norm(mean))
        distances[individual] = {
            "nearest": nearest,
            "centre": centre,
            "blend": (nearest + centre) / 2,
        }[score]
    return distances


def test_known_answers_at_known_angles(at: At) -> None:
    gallery = build(["w_b", "w_a", "w_b"], at(60, 90, 0))
    (ranked,) = gallery.rank(at(0), 5)
    assert [candidate.individual for candidate in ranked] == ["w_b", "w_a"]
    assert ranked[0] == Candidate("w_b", 0.0, "0002.jpg")
    assert ranked[1].distance == pytest.approx(1.0) and ranked[1].photo == "0001.jpg"
    assert (gallery.size, gallery.individual_count, gallery.dimension, gallery.revision) == (
        3,
        2,
        2,
        3,
    )


def test_centre_and_blend_at_known_angles(at: At) -> None:
    gallery = build(["w_a", "w_a", "w_b"], at(0, 120, 50))
    assert gallery.rank(at(60), 1, "centre")[0] == (Candidate("w_a", 0.0, "0000.jpg"),)
    (blend,) = gallery.rank(at(0), 1, "blend")[0]
    assert (blend.individual, blend.photo) == ("w_a", "0000.jpg")
    assert blend.distance == pytest.approx((0 + 0.5) / 2)


def test_opposite_photos_have_a_centre_at_distance_1_from_all(at: At) -> None:
    gallery = build(["w_a", "w_a", "w_b"], at(0, 180, 80))
    distances = gallery.individual_distances(at(0), "centre")
    assert distances[0, 0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_rank_and_individual_distances_agree_with_a_loop(
    rng: np.random.Generator, score: Score
) -> None:
    individuals = [f"w_{each:02}" for each in rng.integers(0, 30, size=200)]
    vectors, queries = unit(rng.normal(size=(200, 8))), unit(rng.normal(size=(6, 8)))
    gallery = build(individuals, vectors)
    table = gallery.individual_distances(queries, score)
    for query, ranked, row in zip(queries, gallery.rank(queries, 5, score), table, strict=True):
        expected = naive_distances(individuals, vectors, query, score)
        assert dict(zip(gallery.individual_ids, row.tolist(), strict=True)) == pytest.approx(
            expected, abs=1e-6
        )
        best = sorted(expected, key=lambda each: (round(expected[each], 6), each))[:5]
        assert [candidate.individual for candidate in ranked] == best
        for candidate in ranked:
            assert candidate.distance == pytest.approx(expected[candidate.individual], abs=1e-6)
            own = [row for row, each in enumerate(individuals) if each == candidate.individual]
            nearest = min(own, key=lambda row: 1 - float(vectors[row] @ query))
            assert candidate.photo == f"{nearest:04}.jpg"


@pytest.mark.parametrize("score", SCORES)
def test_blocks_of_queries_change_nothing(
    rng: np.random.Generator, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries = unit(rng.normal(size=(60, 8))), unit(rng.normal(size=(20, 8)))
    gallery = build([f"w_{row // 3:02}" for row in range(60)], vectors)
    at_once = gallery.individual_distances(queries, score)
    monkeypatch.setattr("index.search.ranking._BLOCK_BYTES", 8 * 60 * 6)
    np.testing.assert_array_equal(gallery.individual_distances(queries, score), at_once)


@pytest.mark.parametrize("factory", ["Flat", "SQfp16", "HNSW32"])
def test_five_individuals_need_more_than_five_photos(at: At, factory: str) -> None:
    # 500 photos of one animal are nearer than the first photo of any other.
    crowd = np.linspace(0, 10, 500).tolist()
    individuals = ["w_crowd"] * 500 + ["w_1", "w_2", "w_3", "w_4", "w_5"]
    gallery = build(individuals, at(*crowd, 30, 40, 50, 60, 70), factory)
    (ranked,) = gallery.rank(at(0), 5)
    assert [candidate.individual for candidate in ranked] == ["w_crowd", "w_1", "w_2", "w_3", "w_4"]


def test_fewer_individuals_than_k_give_all_of_them(at: At) -> None:
    ranked = build(["w_a", "w_a", "w_b"], at(0, 10, 90)).rank(at(0, 90), 5)
    assert [[candidate.individual for candidate in each] for each in ranked] == [
        ["w_a", "w_b"],
        ["w_b", "w_a"],
    ]


@pytest.mark.parametrize("score", SCORES)
def test_an_empty_gallery_answers_every_query_with_nobody(at: At, score: Score) -> None:
    gallery = build([], np.zeros((0, 2), np.float32))
    assert gallery.rank(at(0, 90), 5, score) == [(), ()]
    assert gallery.individual_distances(at(0, 90), score).shape == (2, 0)


@pytest.mark.parametrize("score", SCORES)
def test_ties_go_by_id_in_any_order_of_insertion(
    at: At, rng: np.random.Generator, score: Score
) -> None:
    individuals = [f"w_{each:02}" for each in range(40)] * 2
    vectors = at(*([30.0] * 80))
    expected = tuple(f"w_{each:02}" for each in range(5))
    for _ in range(3):
        order = rng.permutation(80)
        names = [f"{row:04}.jpg" for row in order]
        gallery = Gallery.build(
            names, [individuals[row] for row in order], vectors[order], fingerprint="f", revision=1
        )
        (ranked,) = gallery.rank(at(75), 5, score)
        assert tuple(candidate.individual for candidate in ranked) == expected
        assert [candidate.photo for candidate in ranked] == [f"{row:04}.jpg" for row in range(5)]


@pytest.mark.parametrize("score", SCORES)
def test_a_nan_query_raises_instead_of_ranking_nobody(at: At, score: Score) -> None:
    with pytest.raises(BadVectors, match="row 0 of the queries holds NaN"):
        build(["w_a"], at(0)).rank(at(0) * np.nan, 1, score)


def test_a_wrong_dimension_names_both(at: At) -> None:
    with pytest.raises(BadVectors, match=r"dimension 3, but .* dimension 2"):
        build(["w_a"], at(0)).rank(np.eye(3, dtype=np.float32), 1)


def test_k_and_score_out_of_range_are_refused(at: At) -> None:
    gallery = build(["w_a"], at(0))
    with pytest.raises(BadQuery, match="k is 0; ask for at least 1"):
        gallery.rank(at(0), 0)
    with pytest.raises(
        BadQuery, match="score is 'farthest'; the scores are nearest, centre, blend"
    ):
        gallery.rank(at(0), 1, "farthest")  # pyright: ignore[reportArgumentType]


def test_every_photo_of_an_individual_has_its_distance(at: At) -> None:
    gallery = build(["w_b", "w_a", "w_b"], at(60, 90, 0))
    names, distances = gallery.photo_distances(at(0, 60), "w_b")
    assert names == ["0000.jpg", "0002.jpg"]
    np.testing.assert_allclose(distances, [[0.5, 0.0], [0.0, 0.5]], atol=1e-6)


@pytest.mark.parametrize("individual", ["w_0", "w_aa", "w_z"])
def test_the_photos_of_nobody_known_are_refused(at: At, individual: str) -> None:
    with pytest.raises(BadQuery, match=f"holds no photo of '{individual}'"):
        build(["w_a", "w_b"], at(0, 90)).photo_distances(at(0), individual)


def test_photos_turned_into_float64_piece_by_piece_change_nothing(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries = unit(rng.normal(size=(60, 8))), unit(rng.normal(size=(4, 8)))
    gallery = build([f"w_{row // 3:02}" for row in range(60)], vectors)
    at_once = gallery.individual_distances(queries)
    monkeypatch.setattr("index.search.rows.live_rows._FLOAT64_ROWS", 7)
    np.testing.assert_array_equal(gallery.individual_distances(queries), at_once)
