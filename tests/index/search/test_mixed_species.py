"""A catalogue of several species, whose experts write different columns, answers as whole vectors
compared with whole vectors would.
"""

from __future__ import annotations

import numpy as np
import pytest

from index.search.gallery import Gallery
from index.search.matching import Candidate, Score
from tests.index.search.rows.test_live_rows import rows_of_experts

SCORES: list[Score] = ["nearest", "centre", "blend"]


def gallery_of(vectors: np.ndarray, individuals: list[str], factory: str = "Flat") -> Gallery:
    names = [f"{row:05}.jpg" for row in range(len(vectors))]
    return Gallery.build(names, individuals, vectors, fingerprint="f", revision=1, factory=factory)


def plain_answer(
    vectors: np.ndarray, individuals: list[str], query: np.ndarray, k: int, score: Score
) -> list[tuple[str, float]]:
    """The nearest individuals by the plain product over all columns."""
    distances = np.round(1 - vectors.astype(np.float64) @ query.astype(np.float64), 6)
    found = list[tuple[float, str]]()
    for individual in sorted(set(individuals)):
        own = [row for row, each in enumerate(individuals) if each == individual]
        sums = vectors[own].astype(np.float64).sum(axis=0)
        centre = (sums / np.linalg.norm(sums)).astype(np.float32).astype(np.float64)
        to_centre = np.round(1 - centre @ query.astype(np.float64), 6)
        nearest = distances[own].min()
        of_score = {"nearest": nearest, "centre": to_centre, "blend": (nearest + to_centre) / 2}
        found.append((float(of_score[score]), individual))
    return [(individual, distance) for distance, individual in sorted(found)[:k]]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("numbers", [(400, 300, 20), (1, 300, 1), (2, 1, 1)])
def test_answers_are_those_of_the_plain_product(
    rng: np.random.Generator, score: Score, numbers: tuple[int, ...]
) -> None:
    vectors, queries = rows_of_experts(rng, *numbers), rows_of_experts(rng, 3, 3, 3)
    individuals = [f"w_{each:02}" for each in rng.integers(0, 60, len(vectors)).tolist()]
    gallery = gallery_of(vectors, individuals)
    for query, ranked in zip(queries, gallery.rank(queries, 7, score), strict=True):
        expected = plain_answer(vectors, individuals, query, 7, score)
        assert [one.individual for one in ranked] == [individual for individual, _ in expected]
        np.testing.assert_allclose(
            [one.distance for one in ranked], [distance for _, distance in expected], atol=2e-6
        )


def test_a_query_of_a_species_that_is_not_there_is_at_distance_1_from_all(
    rng: np.random.Generator,
) -> None:
    whales, dolphin = rows_of_experts(rng, 3000, 0, 0), rows_of_experts(rng, 0, 1, 0)
    gallery = gallery_of(whales, [f"w_{row % 500:03}" for row in range(3000)])
    (ranked,) = gallery.rank(dolphin, 3)
    assert ranked == tuple(Candidate(f"w_{at:03}", 1.0, f"{at:05}.jpg") for at in range(3))


def test_equal_vectors_in_several_groups_tie_by_individual(rng: np.random.Generator) -> None:
    vectors = rows_of_experts(rng, 700, 600, 0)
    vectors[[5, 900, 1200]] = query = rows_of_experts(rng, 1, 0, 0)
    individuals = [f"w_{row:04}" for row in rng.permutation(1300).tolist()]
    (ranked,) = gallery_of(vectors, individuals).rank(query, 3)
    assert [one.individual for one in ranked] == sorted(individuals[row] for row in (5, 900, 1200))


@pytest.mark.parametrize("factory", ["pq", "auto", "flat"])
def test_a_changed_gallery_of_several_species_is_the_one_built_anew(
    rng: np.random.Generator, factory: str
) -> None:
    vectors = rows_of_experts(rng, 2000, 900, 20)
    whose = {f"{row:05}.jpg": f"w_{row % 700:03}" for row in range(len(vectors))}
    at = {name: row for row, name in enumerate(whose)}
    gallery = gallery_of(vectors, list(whose.values()), factory)
    queries = rows_of_experts(rng, 4, 4, 4)
    for revision in range(2, 12):
        moved = rng.choice(sorted(whose), int(rng.integers(1, 200)), replace=False).tolist()
        added = {name: f"w_{rng.integers(0, 900):03}" for name in moved if rng.random() < 0.8}
        whose = {name: each for name, each in whose.items() if name not in moved} | added
        gallery = gallery.replace_photos(
            moved,
            list(added),
            list(added.values()),
            vectors[[at[name] for name in added]],
            revision=revision,
        )
        anew = Gallery.build(
            list(whose),
            list(whose.values()),
            vectors[[at[name] for name in whose]],
            fingerprint="f",
            revision=revision,
        )
        assert gallery.individual_count == anew.individual_count == len(set(whose.values()))
        assert gallery.size == anew.size
        for score in SCORES[factory == "pq" :]:
            assert gallery.rank(queries, 5, score) == anew.rank(queries, 5, score)
        assert gallery.photo_names == anew.photo_names
        np.testing.assert_array_equal(gallery.vectors, anew.vectors)
        np.testing.assert_array_equal(gallery.centres, anew.centres)
        assert [gallery.rows_of(each) for each in range(30)] == [
            anew.rows_of(each) for each in range(30)
        ]
        for individual in anew.individual_ids[:20]:
            names, distances = gallery.photo_distances(queries, individual)
            assert names == anew.photo_distances(queries, individual)[0]
            np.testing.assert_array_equal(distances, anew.photo_distances(queries, individual)[1])
    compact = gallery.compacted()
    assert compact.photo_names == gallery.photo_names
    np.testing.assert_array_equal(compact.vectors, gallery.vectors)
