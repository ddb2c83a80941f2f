"""The nearest pairs of individuals, against a loop over all pairs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from index.pairs.near_pairs import NearPairs, changed_individuals, find_near_pairs
from index.search.engine import exact_distances
from index.search.gallery import Gallery

At = Callable[..., np.ndarray]
Pair = tuple[str, str, float, str, str]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def gallery_of(individuals: list[str], vectors: np.ndarray) -> Gallery:
    names = [f"{row:04}.jpg" for row in range(len(individuals))]
    return Gallery.build(names, individuals, vectors, fingerprint="f" * 64, revision=1)


def drawn(rng: np.random.Generator, photos: int, individuals: int) -> Gallery:
    whose = [f"w_{each:03}" for each in rng.integers(individuals, size=photos)]
    return gallery_of(whose, unit(rng.normal(size=(photos, 6))))


def listed(near: NearPairs) -> list[Pair]:
    gallery, pairs = near.gallery, near.pairs
    return [
        (
            gallery.individual_ids[one],
            gallery.individual_ids[other],
            distance,
            gallery.photo_names[photos[0]],
            gallery.photo_names[photos[1]],
        )
        for one, other, distance, photos in zip(
            *(each.tolist() for each in (pairs.ones, pairs.others, pairs.distances, pairs.photos)),
            strict=True,
        )
    ]


def naive_pairs(gallery: Gallery) -> list[Pair]:
    distances = exact_distances(gallery.vectors, gallery.vectors)
    rows: dict[str, list[int]] = {}
    for row, individual in enumerate(gallery.individuals):
        rows.setdefault(individual, []).append(row)
    found = []
    for one, other in itertools.combinations(sorted(rows), 2):
        distance, first, second = min(
            (distances[a, b], a, b) for a in rows[one] for b in rows[other]
        )
        names = gallery.photo_names[first], gallery.photo_names[second]
        found.append((one, other, distance, *names))
    return sorted(found, key=lambda each: (each[2], each[0], each[1]))


def test_known_answers_at_known_angles(at: At) -> None:
    gallery = gallery_of(["w_a", "w_a", "w_b", "w_c"], at(0, 80, 60, 180))
    first, second, third = listed(find_near_pairs(gallery, 5))
    assert (*first[:2], *first[3:]) == ("w_a", "w_b", "0001.jpg", "0002.jpg")
    assert first[2] == pytest.approx(1 - np.cos(np.radians(20)), abs=1e-6)
    assert [each[:2] for each in (second, third)] == [("w_a", "w_c"), ("w_b", "w_c")]
    assert listed(find_near_pairs(gallery, 1)) == [first]
    assert listed(find_near_pairs(gallery, 5, max_distance=0.5)) == [first]


@pytest.mark.parametrize(("rows", "tile"), [(256, 8192), (7, 16), (1, 1)])
def test_pairs_agree_with_a_loop_in_tiles_of_any_size(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, rows: int, tile: int
) -> None:
    monkeypatch.setattr("index.pairs.near_pairs._BLOCK_ROWS", rows)
    monkeypatch.setattr("index.pairs.near_pairs._TILE_ROWS", tile)
    monkeypatch.setattr("index.pairs.near_pairs._EXACT_ROWS", tile)
    individuals = [f"w_{each:02}" for each in rng.integers(25, size=120)]
    vectors = unit(rng.normal(size=(120, 6)))
    vectors[7] = vectors[50]  # equal photos of two animals, and ties
    gallery = gallery_of(individuals, vectors)
    every = naive_pairs(gallery)
    for most in (1, 7, 60, 1000):
        assert listed(find_near_pairs(gallery, most)) == every[:most]
    near = [each for each in every if each[2] <= 0.1]
    assert listed(find_near_pairs(gallery, 1000, max_distance=0.1)) == near


def test_pairs_of_experts_with_few_common_columns_agree_with_a_loop(
    rng: np.random.Generator,
) -> None:
    vectors = np.zeros((700, 48))
    vectors[:350, :24] = rng.normal(size=(350, 24))
    vectors[350:, 16:] = rng.normal(size=(350, 32))
    individuals = [f"w_{each:03}" for each in rng.integers(400, size=700)]
    gallery = gallery_of(individuals, unit(vectors))
    assert len(gallery.photos.base.rows.groups) > 1
    assert listed(find_near_pairs(gallery, 300)) == naive_pairs(gallery)[:300]


def test_an_estimate_that_reaches_too_short_costs_no_pair(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.pairs.near_pairs._SAMPLE", 4)
    monkeypatch.setattr("index.pairs.near_pairs._SLACK", 0.01)
    gallery = drawn(rng, 200, 60)
    assert listed(find_near_pairs(gallery, 500)) == naive_pairs(gallery)[:500]


def test_ties_at_the_last_place_go_by_id(at: At) -> None:
    gallery = gallery_of([f"w_{animal}" for animal in range(6)], at(*[30] * 6))
    found = listed(find_near_pairs(gallery, 3))
    assert [each[:2] for each in found] == [("w_0", "w_1"), ("w_0", "w_2"), ("w_0", "w_3")]


def test_nobody_is_near_nobody(at: At) -> None:
    assert listed(find_near_pairs(gallery_of([], at()), 5)) == []
    assert listed(find_near_pairs(gallery_of(["w_a", "w_a"], at(0, 1)), 5)) == []


def test_a_change_is_followed_as_if_all_were_compared_anew(rng: np.random.Generator) -> None:
    gallery = drawn(rng, 400, 150)
    near = find_near_pairs(gallery, 2000)
    names, whose = gallery.photo_names, gallery.individuals
    changes = [
        ([], ["new.jpg"], [whose[3]]),  # another photo of somebody
        ([names[10], names[11]], [], []),  # photos deleted
        ([names[50]], [names[50]], [whose[90]]),  # a photo given to somebody else
        ([], ["a.jpg", "b.jpg"], ["w_000a", "zz"]),  # new individuals, first and last
    ]
    for revision, (gone, added, individuals) in enumerate(changes, start=2):
        rows = unit(rng.normal(size=(len(added), 6))) if added else np.zeros((0, 6), np.float32)
        gallery = gallery.replace_photos(gone, added, individuals, rows, revision=revision)
        after = near.after(gallery)
        assert after is not None
        within = [each for each in naive_pairs(gallery) if each[2] <= near.reach]
        assert listed(after) == within[:2000]
        near = after


def test_what_was_compacted_or_changed_throughout_is_compared_anew(
    rng: np.random.Generator,
) -> None:
    gallery = drawn(rng, 100, 40)
    near = find_near_pairs(gallery, 50)
    rows = unit(rng.normal(size=(10, 6)))
    names = [f"new{at}.jpg" for at in range(10)]
    changed = gallery.replace_photos([], names, [f"n_{at}" for at in range(10)], rows, revision=2)
    assert near.after(changed) is None
    few = gallery.replace_photos([], names[:1], ["n_0"], rows[:1], revision=2)
    assert near.after(few) is not None
    assert near.after(few.compacted()) is None


def test_only_what_changed_since_is_followed(rng: np.random.Generator) -> None:
    gallery, rows = drawn(rng, 300, 100), unit(rng.normal(size=(3, 6)))
    first = gallery.replace_photos([], ["x.jpg"], ["n_1"], rows[:1], revision=2)
    second = first.replace_photos([], ["y.jpg"], ["n_2"], rows[1:2], revision=3)
    assert changed_individuals(gallery, second) == {"n_1", "n_2"}
    assert changed_individuals(first, second) == {"n_2"}
    assert changed_individuals(second, second) == set()
    moved = second.replace_photos(["x.jpg"], ["x.jpg"], ["n_1"], rows[2:], revision=4)
    assert changed_individuals(second, moved) == {"n_1"}
    gone = moved.replace_photos(["0001.jpg"], [], [], rows[:0], revision=5)
    whose = gallery.individuals[gallery.photo_names.index("0001.jpg")]
    assert changed_individuals(moved, gone) == {whose}


def test_a_long_search_can_be_stopped(rng: np.random.Generator) -> None:
    def stop() -> None:
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        find_near_pairs(drawn(rng, 9, 9), 3, between=stop)
