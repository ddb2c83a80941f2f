"""Rows that make a gallery, in any order; narrowed and changed, it is the one built of what it then
holds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.search.gallery import BadGallery, Gallery
from index.search.matching import Candidate, Score
from index.search.vectors import BadVectors

At = Callable[..., np.ndarray]
SCORES: list[Score] = ["nearest", "centre", "blend"]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def build(individuals: list[str], vectors: np.ndarray, factory: str = "Flat") -> Gallery:
    names = [f"{row:04}.jpg" for row in range(len(individuals))]
    return Gallery.build(
        names, individuals, vectors, fingerprint="f" * 64, revision=3, factory=factory
    )


def test_rows_are_sorted_by_individual_and_photo(at: At) -> None:
    gallery = build(["w_b", "w_a", "w_b", "w_a"], at(0, 60, 90, 180))
    assert gallery.photo_names == ["0001.jpg", "0003.jpg", "0000.jpg", "0002.jpg"]
    assert gallery.individuals == ["w_a", "w_a", "w_b", "w_b"]
    np.testing.assert_array_equal(gallery.vectors, at(60, 180, 0, 90))


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


@pytest.mark.parametrize(
    ("names", "individuals", "message"),
    [
        (["a", "b"], ["w_a"], "2 photo names, 1 individuals and 2 vectors"),
        (["a", "a"], ["w_a", "w_b"], "photo a is given twice"),
        (
            ["a", "b"],
            ["w_a", "new_whale"],
            "photo b has the individual 'new_whale', which names nobody",
        ),
        (["a", "b"], ["", "w_b"], "photo a has the individual ''"),
    ],
)
def test_rows_that_make_no_gallery(
    at: At, names: list[str], individuals: list[str], message: str
) -> None:
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
    narrowed = whole.select(np.array([name in kept for name in whole.photo_names]))
    rows = [row for row, name in enumerate(names) if name in kept]
    alone = Gallery.build(
        [names[row] for row in rows],
        [individuals[row] for row in rows],
        vectors[rows],
        fingerprint="f",
        revision=4,
    )
    assert narrowed.rank(queries, 5, score) == alone.rank(queries, 5, score)
    assert (narrowed.photo_names, narrowed.individual_ids) == (
        alone.photo_names,
        alone.individual_ids,
    )
    assert (narrowed.size, narrowed.revision, narrowed.fingerprint) == (40, 4, "f")
    assert whole.size == 150


def test_a_narrowed_gallery_may_hold_nobody(at: At) -> None:
    nobody = build(["w_a", "w_b"], at(0, 90)).select(np.array([False, False]))
    assert (nobody.individual_count, nobody.rank(at(0), 5)) == (0, [()])


def test_a_choice_for_another_number_of_photos_is_refused(at: At) -> None:
    with pytest.raises(BadGallery, match=r"a choice of shape \(1,\) was given for 2 photos"):
        build(["w_a", "w_b"], at(0, 90)).select(np.array([True]))


@pytest.mark.parametrize("factory", ["Flat", "HNSW32"])
def test_a_changed_gallery_is_the_one_built_anew(rng: np.random.Generator, factory: str) -> None:
    photos = {f"{row:04}.jpg": (f"w_{rng.integers(30):02}", row) for row in range(200)}
    vectors = unit(rng.normal(size=(1200, 16)))

    def rows(of: dict[str, tuple[str, int]]) -> tuple[list[str], list[str], np.ndarray]:
        return list(of), [whose for whose, _ in of.values()], vectors[[at for _, at in of.values()]]

    gallery = Gallery.build(*rows(photos), fingerprint="f" * 64, revision=0, factory=factory)
    for revision in range(1, 40):
        removed = [
            str(name)
            for name in rng.choice(
                sorted(photos), min(len(photos), int(rng.integers(0, 12))), False
            )
        ]
        again = {
            name: (f"w_{rng.integers(30):02}", photos[name][1])
            for name in removed
            if rng.random() < 0.5
        }
        new = {
            f"{1000 * revision + at}.jpg": (f"w_{rng.integers(40):02}", 200 + at)
            for at in range(revision % 4)
        }
        for name in removed:
            del photos[name]
        added = {**again, **new}
        photos |= added
        before = gallery.photo_names.copy(), gallery.vectors.copy()
        changed = gallery.replace_photos(
            [*removed, "never there.jpg"], *rows(added), revision=revision
        )
        assert (gallery.photo_names, gallery.vectors.tolist()) == (before[0], before[1].tolist())
        anew = Gallery.build(
            *rows(photos), fingerprint="f" * 64, revision=revision, factory=factory
        )
        assert changed.revision == revision
        assert (changed.photo_names, changed.individuals) == (anew.photo_names, anew.individuals)
        assert changed.individual_ids == anew.individual_ids
        assert np.array_equal(changed.vectors, anew.vectors)
        assert np.array_equal(changed.centres, anew.centres)
        for score in SCORES:
            assert changed.rank(vectors[:3], 7, score) == anew.rank(vectors[:3], 7, score)
        gallery = changed


def test_a_gallery_can_be_emptied_and_filled_again(at: At) -> None:
    empty = build(["w_a", "w_b"], at(0, 90)).replace_photos(
        ["0000.jpg", "0001.jpg"], [], [], at()[:0], revision=4
    )
    assert (empty.size, empty.rank(at(0), 3)) == (0, [()])
    filled = empty.replace_photos([], ["x.jpg"], ["w_c"], at(30), revision=5)
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
            gallery.replace_photos([], names, individuals, vectors, revision=4)
    with pytest.raises(BadVectors, match="dimension 3"):
        gallery.replace_photos([], ["x.jpg"], ["w_a"], unit(np.ones((1, 3))), revision=4)
