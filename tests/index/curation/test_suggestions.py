"""Work lists, against a loop over all pairs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from index.curation.suggestions import Cluster, Resemblance, clusters, resemblances
from index.search.engine import exact_distances
from index.search.gallery import Gallery

At = Callable[..., np.ndarray]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def gallery_of(individuals: list[str], vectors: np.ndarray) -> Gallery:
    names = [f"{row:04}.jpg" for row in range(len(individuals))]
    return Gallery.build(names, individuals, vectors, fingerprint="f" * 64, revision=1)


def naive_pairs(gallery: Gallery) -> list[Resemblance]:
    distances = exact_distances(gallery.vectors, gallery.vectors)
    rows: dict[str, list[int]] = {}
    for row, individual in enumerate(gallery.individuals):
        rows.setdefault(individual, []).append(row)
    found = []
    for one, other in itertools.combinations(sorted(rows), 2):
        distance, first, second = min(
            (distances[a, b], a, b) for a in rows[one] for b in rows[other]
        )
        found.append(
            Resemblance(
                one, other, distance, gallery.photo_names[first], gallery.photo_names[second]
            )
        )
    return sorted(found, key=lambda each: (each.distance, each.one, each.other))


def naive_clusters(names: list[str], vectors: np.ndarray, reach: float) -> list[Cluster]:
    distances = exact_distances(vectors, vectors)
    left, found = set(range(len(names))), []
    while left:
        group, coming = set(), {left.pop()}
        while coming:
            at = coming.pop()
            group.add(at)
            near = {other for other in left if distances[at, other] <= reach}
            left -= near
            coming |= near
        if len(group) > 1:
            nearest = min(distances[a, b] for a, b in itertools.combinations(group, 2))
            found.append(Cluster(tuple(sorted(names[at] for at in group)), nearest))
    return sorted(found, key=lambda each: (each.distance, each.photos))


def test_known_answers_at_known_angles(at: At) -> None:
    gallery = gallery_of(["w_a", "w_a", "w_b", "w_c"], at(0, 80, 60, 180))
    (first, second, third) = resemblances(gallery, 5)
    assert (first.one, first.other, first.photo_of_one, first.photo_of_other) == (
        "w_a",
        "w_b",
        "0001.jpg",
        "0002.jpg",
    )
    assert first.distance == pytest.approx(1 - np.cos(np.radians(20)), abs=1e-6)
    assert [(each.one, each.other) for each in (second, third)] == [("w_a", "w_c"), ("w_b", "w_c")]
    assert resemblances(gallery, 1) == [first]
    assert resemblances(gallery, 5, max_distance=0.5) == [first]


@pytest.mark.parametrize("block_bytes", [2**26, 3000, 1])
def test_pairs_agree_with_a_loop_in_blocks_of_any_size(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr("index.curation.suggestions._BLOCK_BYTES", block_bytes)
    individuals = [f"w_{each:02}" for each in rng.integers(25, size=120)]
    vectors = unit(rng.normal(size=(120, 6)))
    vectors[7] = vectors[50]  # equal photos of two animals, and ties
    gallery = gallery_of(individuals, vectors)
    every = naive_pairs(gallery)
    for limit in (1, 7, 60, 1000):
        assert resemblances(gallery, limit) == every[:limit]
    assert resemblances(gallery, 1000, max_distance=0.1) == [
        each for each in every if each.distance <= 0.1
    ]


def test_ties_at_the_last_place_go_by_id(at: At) -> None:
    gallery = gallery_of([f"w_{animal}" for animal in range(6)], at(*[30] * 6))
    assert [(each.one, each.other) for each in resemblances(gallery, 3)] == [
        ("w_0", "w_1"),
        ("w_0", "w_2"),
        ("w_0", "w_3"),
    ]


def test_nobody_resembles_nobody(at: At) -> None:
    assert resemblances(gallery_of([], at()), 5) == []
    assert resemblances(gallery_of(["w_a", "w_a"], at(0, 1)), 5) == []
    assert clusters([], np.zeros((0, 0), np.float32), 0.5) == []


def test_clusters_at_known_angles(at: At) -> None:
    names = ["a", "b", "c", "d", "e"]
    found = clusters(names, at(0, 90, 20, 95, 40), 0.07)  # 20 degrees are .0603, 25 are .0937
    assert [each.photos for each in found] == [("b", "d"), ("a", "c", "e")]
    assert found[0].distance == pytest.approx(1 - np.cos(np.radians(5)), abs=1e-6)


@pytest.mark.parametrize("block_bytes", [2**26, 4000, 1])
def test_clusters_agree_with_a_loop_in_blocks_of_any_size(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr("index.curation.suggestions._BLOCK_BYTES", block_bytes)
    vectors = unit(rng.normal(size=(90, 5)))
    names = [f"{row:04}.jpg" for row in range(90)]
    for reach in (0.0, 0.05, 0.12, 0.3):
        assert clusters(names, vectors, reach) == naive_clusters(names, vectors, reach)


def test_a_long_search_can_be_stopped_between_blocks(rng: np.random.Generator) -> None:
    def stop() -> None:
        raise KeyError("stopped")

    vectors = unit(rng.normal(size=(9, 4)))
    with pytest.raises(KeyError):
        resemblances(gallery_of([f"w_{row}" for row in range(9)], vectors), 3, between=stop)
    with pytest.raises(KeyError):
        clusters([f"{row}" for row in range(9)], vectors, 0.5, between=stop)


def test_thousands_of_equal_photos_are_one_cluster(at: Callable[..., np.ndarray]) -> None:
    vectors = np.repeat(at(10), 2000, axis=0)
    names = [f"{number:04}.jpg" for number in range(2000)]
    (found,) = clusters(names, vectors, 0.1)
    assert (found.photos, found.distance) == (tuple(names), 0.0)
