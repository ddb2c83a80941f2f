"""Photos to individuals: k different ones, ties by id, the same answer from any order of insertion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.embedders import BadVectors
from index.gallery import BadGallery, Gallery
from index.matching import BadQuery, Candidate, Score

At = Callable[..., np.ndarray]
SCORES: list[Score] = ["nearest", "centre", "blend"]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def build(individuals: list[str], vectors: np.ndarray, factory: str = "Flat") -> Gallery:
    names = [f"{row:04}.jpg" for row in range(len(individuals))]
    return Gallery.build(names, individuals, vectors, fingerprint="f" * 64, revision=3, factory=factory)


def naive_distances(individuals: list[str], vectors: np.ndarray, query: np.ndarray, score: Score) -> dict[str, float]:
    """Distance of a query to each individual, one at a time."""
    distances = {}
    for individual in sorted(set(individuals)):
        own = vectors[[row for row, each in enumerate(individuals) if each == individual]].astype(np.float64)
        nearest = min(1 - float(vector @ query) for vector in own)
        mean = own.mean(axis=0)
        centre = 1 - float(mean @ query) / float(np.linalg.norm(mean))
        distances[individual] = {"nearest": nearest, "centre": centre, "blend": (nearest + centre) / 2}[score]
    return distances


def test_known_answers_at_known_angles(at: At) -> None:
    gallery = build(["w_b", "w_a", "w_b"], at(60, 90, 0))
    (ranked,) = gallery.rank(at(0), 5)
    assert [candidate.individual for candidate in ranked] == ["w_b", "w_a"]
    assert ranked[0] == Candidate("w_b", 0.0, "0002.jpg")
    assert ranked[1].distance == pytest.approx(1.0) and ranked[1].photo == "0001.jpg"
    assert (gallery.size, gallery.individual_count, gallery.dimension, gallery.revision) == (3, 2, 2, 3)


def test_rows_are_sorted_by_individual_and_photo(at: At) -> None:
    gallery = build(["w_b", "w_a", "w_b", "w_a"], at(0, 60, 90, 180))
    assert gallery.photo_names == ["0001.jpg", "0003.jpg", "0000.jpg", "0002.jpg"]
    assert gallery.individuals == ["w_a", "w_a", "w_b", "w_b"]
    np.testing.assert_array_equal(gallery.vectors, at(60, 180, 0, 90))


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
def test_rank_and_individual_distances_agree_with_a_loop(rng: np.random.Generator, score: Score) -> None:
    individuals = [f"w_{each:02}" for each in rng.integers(0, 30, size=200)]
    vectors, queries = unit(rng.normal(size=(200, 8))), unit(rng.normal(size=(6, 8)))
    gallery = build(individuals, vectors)
    table = gallery.individual_distances(queries, score)
    for query, ranked, row in zip(queries, gallery.rank(queries, 5, score), table, strict=True):
        expected = naive_distances(individuals, vectors, query, score)
        assert dict(zip(gallery.individual_ids, row.tolist(), strict=True)) == pytest.approx(expected, abs=1e-6)
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
    monkeypatch.setattr("index.gallery._BLOCK_BYTES", 8 * 60 * 6)
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
    assert [[candidate.individual for candidate in each] for each in ranked] == [["w_a", "w_b"], ["w_b", "w_a"]]


@pytest.mark.parametrize("score", SCORES)
def test_an_empty_gallery_answers_every_query_with_nobody(at: At, score: Score) -> None:
    gallery = build([], np.zeros((0, 2), np.float32))
    assert gallery.rank(at(0, 90), 5, score) == [(), ()]
    assert gallery.individual_distances(at(0, 90), score).shape == (2, 0)


@pytest.mark.parametrize("score", SCORES)
def test_ties_go_by_id_in_any_order_of_insertion(at: At, rng: np.random.Generator, score: Score) -> None:
    individuals = [f"w_{each:02}" for each in range(40)] * 2
    vectors = at(*([30.0] * 80))
    expected = tuple(f"w_{each:02}" for each in range(5))
    for _ in range(3):
        order = rng.permutation(80)
        names = [f"{row:04}.jpg" for row in order]
        gallery = Gallery.build(names, [individuals[row] for row in order], vectors[order], fingerprint="f", revision=1)
        (ranked,) = gallery.rank(at(75), 5, score)
        assert tuple(candidate.individual for candidate in ranked) == expected
        assert [candidate.photo for candidate in ranked] == [f"{row:04}.jpg" for row in range(5)]


@pytest.mark.parametrize("score", SCORES)
def test_order_of_insertion_never_changes_an_answer(rng: np.random.Generator, score: Score) -> None:
    individuals = [f"w_{each}" for each in rng.integers(0, 20, size=150)]
    names = [f"{row:04}.jpg" for row in range(150)]
    vectors, queries = unit(rng.normal(size=(150, 12))), unit(rng.normal(size=(9, 12)))
    order = rng.permutation(150)
    first = Gallery.build(names, individuals, vectors, fingerprint="f", revision=1)
    second = Gallery.build(
        [names[row] for row in order],
        [individuals[row] for row in order],
        vectors[order],
        fingerprint="f",
        revision=1,
    )
    assert first.rank(queries, 5, score) == second.rank(queries, 5, score)


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
    with pytest.raises(BadQuery, match="score is 'farthest'; the scores are nearest, centre, blend"):
        gallery.rank(at(0), 1, "farthest")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("names", "individuals", "message"),
    [
        (["a", "b"], ["w_a"], "2 photo names, 1 individuals and 2 vectors"),
        (["a", "a"], ["w_a", "w_b"], "photo a is given twice"),
        (["a", "b"], ["w_a", "new_whale"], "photo b has the individual 'new_whale', which names nobody"),
        (["a", "b"], ["", "w_b"], "photo a has the individual ''"),
    ],
)
def test_rows_that_make_no_gallery(at: At, names: list[str], individuals: list[str], message: str) -> None:
    with pytest.raises(BadGallery, match=message):
        Gallery.build(names, individuals, at(0, 90), fingerprint="f", revision=1)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("factory", ["Flat", "HNSW32"])
def test_a_narrowed_gallery_answers_as_one_built_of_those_photos_alone(
    rng: np.random.Generator, score: Score, factory: str
) -> None:
    individuals = [f"w_{each:02}" for each in rng.integers(0, 20, size=150)]
    names = [f"{row:04}.jpg" for row in range(150)]
    vectors, queries = unit(rng.normal(size=(150, 8))), unit(rng.normal(size=(7, 8)))
    whole = Gallery.build(names, individuals, vectors, fingerprint="f", revision=4, factory=factory)
    kept = set(rng.permutation(names)[:40].tolist())
    narrowed = whole.only(np.array([name in kept for name in whole.photo_names]))
    rows = [row for row, name in enumerate(names) if name in kept]
    alone = Gallery.build(
        [names[row] for row in rows], [individuals[row] for row in rows], vectors[rows], fingerprint="f", revision=4
    )
    assert narrowed.rank(queries, 5, score) == alone.rank(queries, 5, score)
    assert (narrowed.photo_names, narrowed.individual_ids) == (alone.photo_names, alone.individual_ids)
    assert (narrowed.size, narrowed.revision, narrowed.fingerprint) == (40, 4, "f")
    assert whole.size == 150


def test_a_narrowed_gallery_may_hold_nobody(at: At) -> None:
    nobody = build(["w_a", "w_b"], at(0, 90)).only(np.array([False, False]))
    assert (nobody.individual_count, nobody.rank(at(0), 5)) == (0, [()])


def test_a_choice_for_another_number_of_photos_is_refused(at: At) -> None:
    with pytest.raises(BadGallery, match=r"a choice of shape \(1,\) was given for 2 photos"):
        build(["w_a", "w_b"], at(0, 90)).only(np.array([True]))


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
    monkeypatch.setattr("index.gallery._FLOAT64_ROWS", 7)
    np.testing.assert_array_equal(gallery.individual_distances(queries), at_once)


@pytest.mark.parametrize("factory", ["Flat", "HNSW32"])
def test_a_changed_gallery_is_the_one_built_anew(rng: np.random.Generator, factory: str) -> None:
    photos = {f"{row:04}.jpg": (f"w_{rng.integers(30):02}", row) for row in range(200)}
    vectors = unit(rng.normal(size=(1200, 16)))

    def rows(of: dict[str, tuple[str, int]]) -> tuple[list[str], list[str], np.ndarray]:
        return list(of), [whose for whose, _ in of.values()], vectors[[at for _, at in of.values()]]

    gallery = Gallery.build(*rows(photos), fingerprint="f" * 64, revision=0, factory=factory)
    for revision in range(1, 40):
        removed = [str(name) for name in rng.choice(sorted(photos), min(len(photos), int(rng.integers(0, 12))), False)]
        again = {name: (f"w_{rng.integers(30):02}", photos[name][1]) for name in removed if rng.random() < 0.5}
        new = {f"{1000 * revision + at}.jpg": (f"w_{rng.integers(40):02}", 200 + at) for at in range(revision % 4)}
        for name in removed:
            del photos[name]
        added = {**again, **new}
        photos |= added
        before = gallery.photo_names.copy(), gallery.vectors.copy()
        changed = gallery.changed([*removed, "never there.jpg"], *rows(added), revision=revision)
        assert (gallery.photo_names, gallery.vectors.tolist()) == (before[0], before[1].tolist())
        anew = Gallery.build(*rows(photos), fingerprint="f" * 64, revision=revision, factory=factory)
        assert changed.revision == revision
        assert (changed.photo_names, changed.individuals) == (anew.photo_names, anew.individuals)
        assert changed.individual_ids == anew.individual_ids
        assert np.array_equal(changed.vectors, anew.vectors)
        assert np.array_equal(changed.centres, anew.centres)
        for score in SCORES:
            assert changed.rank(vectors[:3], 7, score) == anew.rank(vectors[:3], 7, score)
        gallery = changed


def test_a_gallery_can_be_emptied_and_filled_again(at: At) -> None:
    empty = build(["w_a", "w_b"], at(0, 90)).changed(["0000.jpg", "0001.jpg"], [], [], at()[:0], revision=4)
    assert (empty.size, empty.rank(at(0), 3)) == (0, [()])
    filled = empty.changed([], ["x.jpg"], ["w_c"], at(30), revision=5)
    assert filled.rank(at(30), 3) == [(Candidate("w_c", 0.0, "x.jpg"),)]


def test_a_change_that_makes_no_gallery_is_refused(at: At) -> None:
    gallery = build(["w_a", "w_b"], at(0, 90))
    for names, individuals, vectors, said in [
        (["0001.jpg"], ["w_a"], at(3), r"photo 0001\.jpg is in the gallery already"),
        (["x.jpg", "x.jpg"], ["w_a", "w_a"], at(3, 4), "given twice"),
        (["x.jpg"], ["new_whale"], at(3), "names nobody"),
        (["x.jpg"], ["w_a"], at(3, 4), "each photo needs one of each"),
    ]:
        with pytest.raises(BadGallery, match=said):
            gallery.changed([], names, individuals, vectors, revision=4)
    with pytest.raises(BadVectors, match="dimension 3"):
        gallery.changed([], ["x.jpg"], ["w_a"], unit(np.ones((1, 3))), revision=4)
