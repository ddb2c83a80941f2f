"""Ranks that follow a change are those of a new search, or none."""

from __future__ import annotations

import numpy as np
import pytest

from index.identification.followed_ranks import follow_ranks
from index.search.fusion import rank_fused
from index.search.gallery import Gallery

K = 4
F = "f" * 64


def unit(rng: np.random.Generator, n: int) -> np.ndarray:
    rows = rng.normal(size=(n, 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def built(photos: dict[str, tuple[str, np.ndarray]]) -> Gallery:
    names = list(photos)
    whose = [photos[name][0] for name in names]
    rows = np.stack([photos[name][1] for name in names])
    return Gallery.build(names, whose, rows, fingerprint=F, revision=1)


@pytest.mark.parametrize("seed", range(6))
def test_ranks_follow_photos_that_come_and_go(seed: int) -> None:
    rng = np.random.default_rng(seed)
    photos = {f"p{at:02}": (f"w_{at % 9}", row) for at, row in enumerate(unit(rng, 30))}
    encounters = [unit(rng, int(rng.integers(1, 4))) for _ in range(25)]
    gallery = built(photos)
    ranked = [rank_fused(gallery, one, K) for one in encounters]
    searched = 0
    for step in range(12):
        concerned = {f"w_{int(rng.integers(0, 11))}"}
        name = next(iter(concerned))
        own = [photo for photo, (whose, _) in photos.items() if whose == name]
        if own and step % 3 == 0:
            for photo in own if step % 2 else own[:1]:
                del photos[photo]
        else:
            photos[f"n{step}"] = (name, encounters[step][0] if step % 2 else unit(rng, 1)[0])
        gallery = built(photos)
        followed = follow_ranks(ranked, encounters, gallery, concerned, K)
        now = [rank_fused(gallery, one, K) for one in encounters]
        searched += sum(one is None for one in followed)
        assert [one for one in followed if one] == [
            each for one, each in zip(followed, now, strict=True) if one
        ]
        ranked = now
    assert searched < 60  # of 300


def test_who_leaves_a_small_gallery_is_left_out_without_a_search() -> None:
    rng = np.random.default_rng(0)
    photos = {f"p{at}": (f"w_{at}", row) for at, row in enumerate(unit(rng, 3))}
    encounter = unit(rng, 2)
    ranked = rank_fused(built(photos), encounter, K)
    del photos["p1"]
    (followed,) = follow_ranks([ranked], [encounter], built(photos), ["w_1"], K)
    assert followed == rank_fused(built(photos), encounter, K)
    assert follow_ranks([], [], built(photos), ["w_0"], K) == []
