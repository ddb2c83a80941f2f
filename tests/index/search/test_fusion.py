"""Two photos of one encounter, one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from index.search.fusion import fuse, rank_fused
from index.search.gallery import Gallery
from index.search.matching import BadQuery, Candidate

At = Callable[..., np.ndarray]

# The first photo takes the encounter for individual 0 by a hair, the second is clearly of 1.
PHOTOS = np.array([[0.30, 0.31, 0.90], [0.80, 0.10, 0.20]])


def test_the_mean_lets_every_photo_vote() -> None:
    np.testing.assert_allclose(fuse(PHOTOS), [0.55, 0.205, 0.55])
    np.testing.assert_array_equal(fuse(PHOTOS), fuse(PHOTOS, "mean"))


def test_the_best_photo_decides() -> None:
    np.testing.assert_allclose(fuse(PHOTOS, "min"), [0.30, 0.10, 0.20])


def test_one_photo_is_an_encounter_too() -> None:
    for by in ("mean", "min"):
        np.testing.assert_array_equal(fuse(PHOTOS[:1], by), PHOTOS[0])


def test_an_individual_left_out_stays_out() -> None:
    assert np.isinf(fuse(np.array([[0.1, np.inf], [0.2, np.inf]]))[1])


def test_the_mean_never_comes_nearer_than_its_photos_do(rng: np.random.Generator) -> None:
    # What lets thresholds of single photos stay: the nearest of means, against the mean of the
    # nearest.
    for _ in range(100):
        distances = rng.uniform(0, 2, size=(3, 20))
        assert fuse(distances).min() >= distances.min(axis=1).mean() - 1e-12
        assert fuse(distances, "min").min() == distances.min()


def test_an_encounter_without_photos_is_refused() -> None:
    with pytest.raises(BadQuery, match="holds no photo"):
        fuse(np.zeros((0, 3)))


def test_another_rule_is_refused() -> None:
    rule: Any = "max"
    with pytest.raises(BadQuery, match="the fusion is 'max'; the fusions are mean, min"):
        fuse(PHOTOS, rule)


def whales(at: At) -> Gallery:
    """w_a at 0 and 10 degrees, w_b at 60, w_c at 180."""
    names = ["a0.jpg", "a10.jpg", "b.jpg", "c.jpg"]
    return Gallery.build(
        names, ["w_a", "w_a", "w_b", "w_c"], at(0, 10, 60, 180), fingerprint="f", revision=1
    )


def test_an_encounter_is_ranked_by_its_photos_together(at: At) -> None:
    # At 40 degrees w_b is nearer, at 12 degrees w_a is by far.
    assert whales(at).rank(at(40), 1)[0][0].individual == "w_b"
    ranked = rank_fused(whales(at), at(40, 12), 2)
    by_hand = [(1 - np.cos(np.radians(each))) for each in (30, 2, 20, 48)]
    assert [candidate.individual for candidate in ranked] == ["w_a", "w_b"]
    assert ranked[0].distance == pytest.approx((by_hand[0] + by_hand[1]) / 2, abs=1e-6)
    assert ranked[1].distance == pytest.approx((by_hand[2] + by_hand[3]) / 2, abs=1e-6)
    assert ranked[0].photo == "a10.jpg", "nearest to any of the photos"


def test_an_encounter_of_one_photo_ranks_as_that_photo(at: At) -> None:
    assert rank_fused(whales(at), at(33), 5) == whales(at).rank(at(33), 5)[0]


def test_an_encounter_agrees_with_a_loop(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(90, 6))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    ids = [f"w_{row % 12:02}" for row in range(80)]
    gallery = Gallery.build(
        [f"{row}.jpg" for row in range(80)], ids, vectors[:80], fingerprint="f", revision=1
    )
    means = {
        one: np.mean(
            [
                min(
                    1 - float(v @ q) for v, who in zip(vectors[:80], ids, strict=True) if who == one
                )
                for q in vectors[80:]
            ]
        )
        for one in set(ids)
    }
    ranked = rank_fused(gallery, vectors[80:], 5)
    assert [candidate.individual for candidate in ranked] == sorted(
        means, key=lambda one: means[one]
    )[:5]
    assert [candidate.distance for candidate in ranked] == pytest.approx(
        sorted(means.values())[:5], abs=1e-5
    )


def test_equal_means_go_by_id(at: At) -> None:
    gallery = Gallery.build(["x", "y"], ["w_x", "w_y"], at(0, 60), fingerprint="f", revision=1)
    assert rank_fused(gallery, at(10, 50), 2)[0] == Candidate(
        "w_x", rank_fused(gallery, at(10, 50), 2)[1].distance, "x"
    )


def test_nobody_is_ranked_in_an_empty_gallery_and_k_has_a_least(at: At) -> None:
    gallery = Gallery.build([], [], np.zeros((0, 2), np.float32), fingerprint="f", revision=1)
    assert rank_fused(gallery, at(0, 1), 5) == ()
    with pytest.raises(BadQuery, match="k is 0"):
        rank_fused(gallery, at(0), 0)
