"""Leaving a photo out, or a whole individual, against doing just that one photo at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from index.calibration.leave_one_out import leave_one_out_ranks
from index.calibration.trials import TRIAL_RANKS, CatalogueTrials, TriedPhotos, catalogue_trials
from index.search.matching import Score

At = Callable[..., np.ndarray]
SCORES: list[Score] = ["nearest", "centre", "blend"]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def naive_ranking(
    vectors: np.ndarray, individuals: list[str | None], query: int, without: set[int], score: Score
) -> list[tuple[float, str]]:
    """(distance, individual) of every individual, with these rows gone."""
    ranking = []
    for individual in {each for each in individuals if each is not None}:
        rows = [
            row for row, each in enumerate(individuals) if each == individual and row not in without
        ]
        if rows:
            own = vectors[rows].astype(np.float64)
            nearest = min(1 - own @ vectors[query])
            centre = 1 - own.mean(axis=0) @ vectors[query] / np.linalg.norm(own.mean(axis=0))
            value = {"nearest": nearest, "centre": centre, "blend": (nearest + centre) / 2}[score]
            ranking.append((round(float(value), 6), individual))
    return sorted(ranking)


def first_distances(ranking: list[tuple[float, str]]) -> list[float]:
    return ([distance for distance, _ in ranking] + [math.inf] * TRIAL_RANKS)[:TRIAL_RANKS]


def ordered(rows: list[list[float]] | np.ndarray) -> np.ndarray:
    array = np.array(rows).reshape(-1, TRIAL_RANKS)
    return array[np.lexsort(array.T[::-1])]


def trials_of(vectors: np.ndarray, individuals: list[str | None]) -> CatalogueTrials:
    return catalogue_trials(TriedPhotos.of(vectors, individuals))


@pytest.fixture
def catalogue(rng: np.random.Generator) -> tuple[np.ndarray, list[str | None]]:
    """90 photos of at most 25 individuals (some seen once) and of nobody known, in no order."""
    each: list[str | None] = [f"w_{number:02}" for number in rng.geometric(0.12, size=70)]
    individuals = [*each, *([None] * 20)]
    order = rng.permutation(90)
    return unit(rng.normal(size=(90, 6))), [individuals[at] for at in order]


@pytest.mark.parametrize("score", SCORES)
def test_leave_one_out_ranks_agree_with_brute_force(
    catalogue: tuple[np.ndarray, list[str | None]], score: Score
) -> None:
    vectors, labels = catalogue
    labelled = [row for row, each in enumerate(labels) if each is not None]
    vectors, individuals = vectors[labelled], [each for each in labels if each is not None]
    rows, ranks = leave_one_out_ranks(vectors, individuals, score)
    assert rows.tolist() == [
        row for row, each in enumerate(individuals) if individuals.count(each) > 1
    ]
    for row, rank in zip(rows, ranks, strict=True):
        ranking = naive_ranking(vectors, list(individuals), row, {int(row)}, score)
        assert [individual for _, individual in ranking].index(individuals[row]) + 1 == rank


@pytest.mark.parametrize("score", SCORES)
def test_catalogue_trials_agree_with_brute_force(
    catalogue: tuple[np.ndarray, list[str | None]], score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "index.calibration.leave_one_out._BLOCK_BYTES", 8 * 70 * 16
    )  # blocks of about 16 photos
    vectors, individuals = catalogue
    known, ranks, held_out, unlabelled = [], [], [], []
    for row, own in enumerate(individuals):
        if own is None:
            unlabelled.append(
                first_distances(naive_ranking(vectors, individuals, row, set(), score))
            )
            continue
        whole = {other for other, each in enumerate(individuals) if each == own}
        held_out.append(first_distances(naive_ranking(vectors, individuals, row, whole, score)))
        if len(whole) > 1:
            ranking = naive_ranking(vectors, individuals, row, {row}, score)
            known.append(first_distances(ranking))
            ranks.append([individual for _, individual in ranking].index(own) + 1)
    trials = catalogue_trials(TriedPhotos.of(vectors, individuals), score)
    np.testing.assert_allclose(ordered(trials.known.distances), ordered(known), atol=1.1e-6)
    np.testing.assert_allclose(ordered(trials.held_out.distances), ordered(held_out), atol=1.1e-6)
    np.testing.assert_allclose(
        ordered(trials.unlabelled.distances), ordered(unlabelled), atol=1.1e-6
    )
    assert sorted(trials.known.true_ranks.tolist()) == sorted(ranks)


def test_known_answers_at_known_angles(at: At) -> None:
    # w_a has a second photo 60 degrees away, w_b one photo between them.
    trials = trials_of(at(0, 60, 45), ["w_a", "w_a", "w_b"])
    assert trials.known.true_ranks.tolist() == [2, 2]
    near, far = 1 - math.cos(math.radians(15)), 1 - math.cos(math.radians(45))
    np.testing.assert_allclose(trials.known.distances[:, :2], [[far, 0.5], [near, 0.5]], atol=1e-6)
    np.testing.assert_allclose(trials.held_out.distances[:, 0], [far, near, near], atol=1e-6)
    assert np.isinf(trials.known.distances[:, 2:]).all()


def test_an_individual_seen_once_has_no_known_trial(at: At) -> None:
    trials = trials_of(at(0, 60), ["w_a", "w_b"])
    assert trials.known.distances.shape == (0, TRIAL_RANKS)
    np.testing.assert_allclose(trials.held_out.distances[:, 0], [0.5, 0.5], atol=1e-6)


def test_one_individual_leaves_nobody_to_be_mistaken_for(at: At) -> None:
    trials = trials_of(at(0, 60), ["w_a", "w_a"])
    assert trials.known.true_ranks.tolist() == [1, 1]
    assert len(trials.held_out.animals) == len(trials.unlabelled.animals) == 0


def test_a_catalogue_of_nobody_has_no_trials(at: At) -> None:
    trials = trials_of(at(0, 60), [None, None])
    assert (
        len(trials.known.true_ranks)
        == len(trials.held_out.animals)
        == len(trials.unlabelled.animals)
        == 0
    )
    assert leave_one_out_ranks(np.zeros((0, 2), np.float32), []).ranks.shape == (0,)


def test_equal_photos_rank_by_id(at: At) -> None:
    rows, ranks = leave_one_out_ranks(at(*([30.0] * 6)), ["w_c", "w_a", "w_b", "w_a", "w_c", "w_b"])
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert ranks.tolist() == [3, 1, 2, 1, 3, 2]
