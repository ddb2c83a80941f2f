"""Links of photos, whole and followed, against the groups that are made from scratch."""

from __future__ import annotations

import numpy as np
import pytest

from index.curation import photo_links
from index.curation.clusters import Cluster, clusters
from index.curation.photo_links import find_links, linked_clusters


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def same(found: list[Cluster], expected: list[Cluster]) -> bool:
    distances = [one.distance for one in expected]
    return [one.photos for one in found] == [one.photos for one in expected] and np.allclose(
        [one.distance for one in found], distances, atol=1e-12
    )


def names_of(keys: list[int]) -> list[str]:
    return [f"{key:04}.jpg" for key in keys]


@pytest.mark.parametrize("block_bytes", [2**26, 4000, 1])
def test_links_make_the_groups_that_a_whole_comparison_makes(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(photo_links, "_BLOCK_BYTES", block_bytes)
    vectors, keys = unit(rng.normal(size=(90, 5))), list(range(90))
    for reach in (0.0, 0.05, 0.12):
        links = find_links(keys, vectors, reach)
        assert links is not None
        expected = clusters(names_of(keys), vectors, reach)
        assert same(linked_clusters(names_of(keys), links, reach), expected)


def test_links_follow_photos_that_come_and_go_and_a_distance_that_changes(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = unit(rng.normal(size=(160, 5)))
    keys, links = list(range(100)), None
    compared: list[int] = []
    near = photo_links._near

    def counted(vectors: np.ndarray, rows: np.ndarray, *more: object) -> object:
        compared.append(len(rows))
        return near(vectors, rows, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(photo_links, "_near", counted)
    for turn, reach in enumerate((0.08, 0.08, 0.085, 0.05, 0.0801, 0.2)):
        gone = set(rng.choice(keys, 5, replace=False).tolist()) if turn else set()
        keys = [key for key in keys if key not in gone]
        if turn:
            keys += range(100 + 10 * (turn - 1), 100 + 10 * turn)
        keys = rng.permutation(keys).tolist()
        links = find_links(keys, everything[keys], reach, links)
        assert links is not None
        expected = clusters(names_of(keys), everything[keys], reach)
        assert same(linked_clusters(names_of(keys), links, reach), expected)
    # The last distance is beyond what was kept, so all are compared.
    assert compared == [100, 10, 10, 10, 10, 125]


def test_too_many_links_are_not_kept(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_links, "MOST_LINKS", 40)
    vectors = np.repeat(unit(rng.normal(size=(1, 5))), 11, axis=0)
    links = find_links(range(9), vectors[:9], 0.1)  # 36 pairs
    assert links is not None
    assert find_links(range(11), vectors, 0.1) is None
    assert find_links(range(10), vectors[:10], 0.1, links) is None


def test_nobody_has_no_links() -> None:
    links = find_links([], np.zeros((0, 0), np.float32), 0.5)
    assert links is not None
    assert linked_clusters([], links, 0.5) == []
