"""Groups of similar photos, against a loop over all pairs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from index.curation.clusters import Cluster, clusters
from index.search.engine import exact_distances

At = Callable[..., np.ndarray]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


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


def test_nobody_makes_no_cluster() -> None:
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
    monkeypatch.setattr("index.curation.clusters._BLOCK_BYTES", block_bytes)
    vectors = unit(rng.normal(size=(90, 5)))
    names = [f"{row:04}.jpg" for row in range(90)]
    for reach in (0.0, 0.05, 0.12, 0.3):
        assert clusters(names, vectors, reach) == naive_clusters(names, vectors, reach)


def test_a_long_search_can_be_stopped_between_blocks(rng: np.random.Generator) -> None:
    def stop() -> None:
        raise KeyError("stopped")

    vectors = unit(rng.normal(size=(9, 4)))
    with pytest.raises(KeyError):
        clusters([f"{row}" for row in range(9)], vectors, 0.5, between=stop)


def test_thousands_of_equal_photos_are_one_cluster(at: Callable[..., np.ndarray]) -> None:
    vectors = np.repeat(at(10), 2000, axis=0)
    names = [f"{number:04}.jpg" for number in range(2000)]
    (found,) = clusters(names, vectors, 0.1)
    assert (found.photos, found.distance) == (tuple(names), 0.0)
