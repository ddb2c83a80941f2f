"""Figures against ten-line loops, and against the independent score script on the same vectors."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.calibration.leave_one_out import leave_one_out_ranks
from index.calibration.ranks import true_ranks
from index.identification.submission import rank_labels, write_submission
from index.search.gallery import Gallery
from training.evaluation import metrics
from training.evaluation.metrics import BadMeasurement

At = Callable[..., np.ndarray]
FAR = 10**9

KNOWN = np.array([0.1, 0.2, 0.3, 0.4])
RANKS = np.array([1, 2, 1, 1])
UNKNOWN = np.array([0.35, 0.5, 0.6, 0.7])


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_closed_set_by_hand() -> None:
    figures = metrics.closed_set(np.array([1, 1, 2, 5, 6, FAR]))
    assert figures == pytest.approx(
        {"queries": 6, "top1": 2 / 6, "top5": 4 / 6, "map5": (1 + 1 + 1 / 2 + 1 / 5) / 6}
    )


def test_map5_agrees_with_reading_five_labels(rng: np.random.Generator) -> None:
    ranks = rng.integers(1, 12, size=200)
    total = 0.0
    for rank in ranks:
        labels = ["right" if place == rank else "wrong" for place in range(1, 6)]
        total += next((1 / place for place, label in enumerate(labels, 1) if label == "right"), 0.0)
    assert metrics.map5(ranks) == pytest.approx(total / 200)


def test_auroc_agrees_with_all_pairs_ties_counting_half(rng: np.random.Generator) -> None:
    known, unknown = rng.integers(0, 20, size=60) / 20, rng.integers(8, 30, size=40) / 20
    wins = sum(1.0 if a < b else 0.5 if a == b else 0.0 for a in known for b in unknown)
    assert metrics.auroc(known, unknown) == pytest.approx(wins / (60 * 40))
    assert metrics.auroc(KNOWN, KNOWN) == 0.5
    assert metrics.auroc(KNOWN, KNOWN + 1) == 1.0


def test_fnir_by_hand() -> None:
    # Thresholds: the quantiles .5 -> .55 and 0 -> .35 of the unknown distances.
    assert metrics.fnir_at_fpir(KNOWN, RANKS, UNKNOWN, 0.5) == pytest.approx(1 / 4)
    assert metrics.fnir_at_fpir(KNOWN, RANKS, UNKNOWN, 0.0) == pytest.approx(2 / 4)


def test_det_curve_agrees_with_a_loop_over_thresholds(rng: np.random.Generator) -> None:
    known, unknown = rng.uniform(0, 1, 50).round(2), rng.uniform(0.4, 1.4, 40).round(2)
    ranks = rng.integers(1, 3, size=50)
    points = []
    for threshold in sorted({-1.0, *known[ranks == 1].tolist(), *unknown.tolist()}):
        passed = sum(distance <= threshold for distance in unknown) / 40
        found = (
            sum(
                distance <= threshold and rank == 1
                for distance, rank in zip(known, ranks, strict=True)
            )
            / 50
        )
        points.append((passed, 1 - found))
    fpir, fnir = metrics.det_curve(known, ranks, unknown)
    np.testing.assert_allclose(np.stack([fpir, fnir], axis=1), points)
    assert (fpir[0], fnir[0], fpir[-1]) == (0, 1, 1)
    assert fnir[-1] == pytest.approx(np.mean(ranks != 1))


def test_cmc_curve_by_hand() -> None:
    assert metrics.cmc_curve(np.array([1, 2, 2, FAR]), most=3).tolist() == [0.25, 0.75, 0.75]


@pytest.mark.parametrize("threshold", [-1.0, 0.2, 0.45, 2.0])
def test_submission_map5_agrees_with_writing_the_labels(
    rng: np.random.Generator, threshold: float
) -> None:
    names = [f"w_{number}" for number in range(8)]
    vectors = unit(rng.normal(size=(8, 3)))
    gallery = Gallery.build(
        [f"{name}.jpg" for name in names], names, vectors, fingerprint="f", revision=1
    )
    queries = unit(rng.normal(size=(30, 3)))
    truths = [names[at] if at < 8 else "new_whale" for at in rng.integers(0, 12, size=30)]
    total = 0.0
    for query, truth in zip(gallery.rank(queries, 5), truths, strict=True):
        labels = rank_labels(query, threshold)
        total += 1 / (labels.index(truth) + 1) if truth in labels else 0.0
    distances = gallery.individual_distances(queries)
    known = np.array([truth != "new_whale" for truth in truths])
    columns = np.array([names.index(truth) for truth in truths if truth != "new_whale"])
    ranks = true_ranks(distances[known], columns)
    figure = metrics.submission_map5(
        distances[known].min(1), ranks, distances[~known].min(1), threshold
    )
    assert figure == pytest.approx(total / 30)


def test_balanced_accuracies_by_hand() -> None:
    truths = ["w_a", "w_a", "w_a", "w_b"]
    assert metrics.baks(truths, ["w_a", "w_a", "new_whale", "w_a"]) == pytest.approx(
        (2 / 3 + 0) / 2
    )
    assert metrics.baus(truths, ["new_whale", "w_x", "new_whale", "new_whale"]) == pytest.approx(
        (2 / 3 + 1) / 2
    )
    assert metrics.baus(["new_whale"] * 4, ["new_whale", "w_a", "w_a", "w_a"]) == 0.25


def test_expected_calibration_error_agrees_with_a_loop_over_bins(rng: np.random.Generator) -> None:
    probabilities = np.concatenate([rng.uniform(size=300), [0.0, 1.0]])
    is_right = rng.uniform(size=302) < probabilities**2
    error = 0.0
    for low in range(10):
        members = [
            at
            for at, p in enumerate(probabilities)
            if low <= p * 10 < low + 1 or (low == 9 and p == 1.0)
        ]
        if members:
            gap = np.mean(probabilities[members]) - np.mean(is_right[members])
            error += abs(gap) * len(members) / 302
    assert metrics.expected_calibration_error(probabilities, is_right, bins=10) == pytest.approx(
        error
    )


def test_weights_of_the_calibration_error_stand_for_repeated_queries(
    rng: np.random.Generator,
) -> None:
    probabilities, is_right = rng.uniform(size=20), rng.uniform(size=20) < 0.4
    counts = rng.integers(1, 5, size=20)
    weighted = metrics.expected_calibration_error(
        probabilities, is_right, weights=counts.astype(np.float64)
    )
    repeated = metrics.expected_calibration_error(
        np.repeat(probabilities, counts), np.repeat(is_right, counts)
    )
    assert (
        weighted
        == pytest.approx(repeated)
        != metrics.expected_calibration_error(probabilities, is_right)
    )


def test_bootstrap_draws_whole_individuals(rng: np.random.Generator) -> None:
    # Two animals, one always right and one never: a draw has 0, 1 or 2 of the good one.
    values, groups = np.array([1.0] * 50 + [0.0] * 50), ["w_a"] * 50 + ["w_b"] * 50
    seen: set[float] = set()

    def mean(drawn: np.ndarray) -> float:
        seen.add(float(drawn.mean()))
        return float(drawn.mean())

    assert metrics.bootstrap_interval(values, groups, mean, rng, draws=100) == (0.0, 1.0)
    assert seen == {0.0, 0.5, 1.0}


def test_bootstrap_of_single_photos_is_as_wide_as_theory_says(rng: np.random.Generator) -> None:
    values = (np.arange(400) % 2).astype(np.float64)
    low, high = metrics.bootstrap_interval(
        values, [f"w_{row}" for row in range(400)], lambda drawn: float(drawn.mean()), rng
    )
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025), abs=0.01)


def test_figures_of_nothing_are_refused() -> None:
    with pytest.raises(BadMeasurement, match="there are no ranks to measure"):
        metrics.closed_set(np.zeros(0, np.int64))
    with pytest.raises(BadMeasurement, match="there are no unknown queries"):
        metrics.open_set(KNOWN, RANKS, np.zeros(0))
    with pytest.raises(
        BadMeasurement, match=r"known queries come in arrays of different lengths: \[4, 3\]"
    ):
        metrics.open_set(KNOWN, RANKS[:3], UNKNOWN)


def score(shared: Path, *arguments: str | Path) -> dict[str, Any]:
    """Run the independent score script."""
    ran = subprocess.run(
        [sys.executable, shared / "tools" / "score.py", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def write_labels(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("Image", "Id"), *rows])
    return path


@pytest.fixture
def herd(rng: np.random.Generator, tmp_path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """600 photos in random clusters, 400 of 120 individuals and 200 new_whale, saved as
    vectors.npz.
    """
    individuals = [f"w_{number:03}" for number in rng.integers(0, 120, size=400)]
    centres = rng.normal(size=(120, 32))
    rows = np.array([centres[int(each[2:])] for each in individuals]) + 0.9 * rng.normal(
        size=(400, 32)
    )
    vectors = unit(np.concatenate([rows, rng.normal(size=(200, 32))]))
    names = [f"{row:04}.jpg" for row in range(600)]
    np.savez(tmp_path / "vectors.npz", photo=np.array(names), embedding=vectors)
    return names, [*individuals, *(["new_whale"] * 200)], vectors


@pytest.mark.shared
def test_disjoint_figures_agree_with_the_score_script(
    shared: Path, tmp_path: Path, herd: tuple[list[str], list[str], np.ndarray]
) -> None:
    names, individuals, vectors = herd
    labels = write_labels(tmp_path / "labels.csv", list(zip(names, individuals, strict=True))[:400])
    ranks = leave_one_out_ranks(vectors[:400], individuals[:400]).ranks
    theirs = score(shared, "disjoint", tmp_path / "vectors.npz", "--labels", labels)
    assert theirs.pop("individuals") == len(set(individuals[:400]))
    assert metrics.closed_set(ranks) == pytest.approx(theirs, abs=5.1e-5)


@pytest.mark.shared
def test_known_and_open_figures_agree_with_the_score_script(
    shared: Path, tmp_path: Path, herd: tuple[list[str], list[str], np.ndarray]
) -> None:
    names, individuals, vectors = herd
    rows = list(zip(names, individuals, strict=True))
    gallery = Gallery.build(
        names[:250], individuals[:250], vectors[:250], fingerprint="f", revision=1
    )
    theirs = score(
        shared,
        "vectors",
        tmp_path / "vectors.npz",
        "--gallery",
        write_labels(tmp_path / "gallery.csv", rows[:250]),
        "--queries",
        write_labels(tmp_path / "queries.csv", rows[250:]),
    )
    distances = gallery.individual_distances(vectors[250:])
    known = np.isin(individuals[250:], gallery.individual_ids)
    columns = np.searchsorted(gallery.individual_ids, np.array(individuals[250:])[known])
    ranks = true_ranks(distances[known], columns)
    ours = metrics.open_set(distances[known].min(1), ranks, distances[~known].min(1))
    assert metrics.closed_set(ranks) == pytest.approx(theirs["known"], abs=5.1e-5)
    assert (ours.pop("known_queries"), ours.pop("unknown_queries")) == (
        known.sum(),
        theirs["unknown"],
    )
    assert ours == pytest.approx(theirs["open_set"], abs=5.1e-5)


@pytest.mark.shared
def test_a_submission_scores_as_the_score_script_says(
    shared: Path, tmp_path: Path, herd: tuple[list[str], list[str], np.ndarray]
) -> None:
    names, individuals, vectors = herd
    gallery = Gallery.build(
        names[:250], individuals[:250], vectors[:250], fingerprint="f", revision=1
    )
    ranked = gallery.rank(vectors[250:], 5)
    path = tmp_path / "submission.csv"
    write_submission(
        [(name, rank_labels(each, 0.45)) for name, each in zip(names[250:], ranked, strict=True)],
        path,
    )
    truth = [
        (name, each if each in gallery.individual_ids else "new_whale")
        for name, each in zip(names[250:], individuals[250:], strict=True)
    ]
    theirs = score(
        shared, "submission", path, "--labels", write_labels(tmp_path / "truth.csv", truth)
    )
    distances = gallery.individual_distances(vectors[250:])
    known = np.array([each != "new_whale" for _, each in truth])
    columns = np.searchsorted(
        gallery.individual_ids, [each for _, each in truth if each != "new_whale"]
    )
    ranks = true_ranks(distances[known], columns)
    ours = metrics.submission_map5(distances[known].min(1), ranks, distances[~known].min(1), 0.45)
    assert ours == pytest.approx(theirs["map5"], abs=5.1e-5)
