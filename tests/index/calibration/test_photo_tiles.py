"""Photos in tiles: where each stands, and each individual's nearest one."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.leave_one_out import LabelledPhotos
from index.calibration.photo_tiles import PhotoTiles
from index.calibration.trials import TriedPhotos, catalogue_trials
from index.search.rows.live_rows import LiveRows


@pytest.mark.parametrize("tile_rows", [1, 4, 7, 8192])
def test_each_individual_s_nearest_photo_is_found(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, tile_rows: int
) -> None:
    monkeypatch.setattr("index.calibration.photo_tiles._TILE_ROWS", tile_rows)
    counts = np.array([1, 1, 1, 2, 2, 3, 3, 3, 3, 5, 12])
    tiles = PhotoTiles(counts)
    columns = np.repeat(np.arange(len(counts)), counts)
    by_individual = rng.normal(size=(len(columns), 6))
    stored = np.empty_like(by_individual)
    stored[tiles.places_of(columns)] = by_individual
    queries = rng.normal(size=(9, 6))
    expected = [(queries @ by_individual[columns == one].T).max(axis=1) for one in range(11)]
    np.testing.assert_allclose(tiles.nearest(queries, stored), np.transpose(expected))
    sums = [by_individual[columns == one].sum(axis=0) for one in range(11)]
    np.testing.assert_allclose(tiles.sums(stored), sums)
    for one in range(11):
        assert np.array_equal(stored[tiles.places(one)], by_individual[columns == one])


def test_photos_that_are_left_out_have_no_place() -> None:
    tiles = PhotoTiles(np.array([1, 3, 3]))
    assert tiles.places(2).tolist() == [2, 4, 6]
    assert tiles.places(2, np.array([6, 2])).tolist() == [4]
    assert tiles.places(0, np.array([0])).tolist() == []


def test_nobody_has_no_tile() -> None:
    tiles = PhotoTiles(np.zeros(0, np.int64))
    assert tiles.nearest(np.zeros((2, 3)), np.zeros((0, 3))).shape == (2, 0)
    assert tiles.most_rows == 0


def test_rows_without_their_zeros_are_tried_alike(rng: np.random.Generator) -> None:
    """Two species with experts of their own: 24 of 48 numbers are 0 in each photo."""
    vectors = np.zeros((700, 48), np.float32)
    vectors[:400, :24], vectors[400:, 24:] = rng.normal(size=(400, 24)), rng.normal(size=(300, 24))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"w_{at}" if at % 7 else None for at in rng.integers(0, 150, 700).tolist()]
    live = LiveRows.of(vectors)
    assert len(live.groups) == 2
    found = [catalogue_trials(TriedPhotos.of(each, names)) for each in (vectors, live)]
    assert np.array_equal(found[0].known.distances, found[1].known.distances)
    assert np.array_equal(found[0].held_out.nearest, found[1].held_out.nearest)
    assert np.array_equal(found[0].unlabelled.distances, found[1].unlabelled.distances)


def test_float32_finds_what_float64_does(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = rng.normal(size=(300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names: list[str | None] = [f"w_{at}" for at in rng.integers(0, 60, 300).tolist()]
    exact = catalogue_trials(TriedPhotos.of(vectors, names))
    monkeypatch.setattr("index.calibration.leave_one_out._MOST_EXACT_BYTES", 0)
    nearly = catalogue_trials(TriedPhotos.of(vectors, names))
    np.testing.assert_allclose(nearly.known.distances, exact.known.distances, atol=2e-6)
    assert np.array_equal(nearly.known.true_ranks, exact.known.true_ranks)
    assert np.array_equal(nearly.known.nearest, exact.known.nearest)


def test_individuals_come_by_their_number_of_photos_and_then_by_name(
    rng: np.random.Generator,
) -> None:
    vectors = rng.normal(size=(5, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    photos = LabelledPhotos(vectors, ["b", "a", "b", None, "c"])
    assert photos.ids == ["a", "c", "b"]
    assert photos.columns.tolist() == [2, 0, 2, -1, 1]
