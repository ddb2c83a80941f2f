"""What else than the distance says that a match is right: nested validation over individuals.

    python tests/bench/match_features.py vectors.npz LABELS.csv

Trials are those of a calibration: every photo left out of its individual, and every photo with its
individual taken out. Five folds of individuals. Prints log loss and Brier score of the probability
that the first candidate is right, weighted as 30 % new animals of two kinds in equal shares.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import isotonic_regression

from index.calibration.leave_one_out import LabelledPhotos
from index.calibration.trials import TriedPhotos, catalogue_trials

FOLDS = 5
NEW_SHARE = 0.3
RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "distance": lambda first, gap: first,
    "distance less a quarter of the gap": lambda first, gap: first - 0.25 * gap,
    "distance less half the gap": lambda first, gap: first - 0.5 * gap,
    "distance less three quarters of the gap": lambda first, gap: first - 0.75 * gap,
    "distance less the gap": lambda first, gap: first - gap,
    "ratio to the second": lambda first, gap: first / np.maximum(first + gap, 1e-9),
    "distance by ratio": lambda first, gap: first**2 / np.maximum(first + gap, 1e-9),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Features of a match, compared.")
    parser.add_argument("vectors", type=Path)
    parser.add_argument("labels", type=Path)
    given = parser.parse_args()
    stored = np.load(given.vectors, allow_pickle=False)
    row_of = {Path(str(name)).name: row for row, name in enumerate(stored["photo"])}
    with given.labels.open(newline="", encoding="utf-8") as file:
        rows = [(each["Image"], each["Id"]) for each in csv.DictReader(file)]
    vectors = stored["embedding"][[row_of[name] for name, _ in rows]]
    labels = [None if label == "new_whale" else label for _, label in rows]
    trials = catalogue_trials(TriedPhotos.of(vectors, labels))
    assert trials.known.animals is not None
    kinds = (trials.held_out, trials.unlabelled)
    distances = np.concatenate([trials.known.distances, *(kind.distances for kind in kinds)])
    first, gap = distances[:, 0], distances[:, 1] - distances[:, 0]
    known = len(trials.known.true_ranks)
    is_right = np.arange(len(first)) < known
    is_right[:known] &= trials.known.true_ranks == 1
    weights = np.full(len(first), (1 - NEW_SHARE) / known)
    start = known
    for kind in kinds:
        weights[start : start + len(kind.animals)] = NEW_SHARE / 2 / len(kind.animals)
        start += len(kind.animals)
    shift = len(LabelledPhotos(vectors, labels).ids)
    animals = [trials.known.animals, kinds[0].animals, kinds[1].animals + shift]
    fold = np.random.default_rng(0).integers(0, FOLDS, shift + len(first))[np.concatenate(animals)]
    print("| rule | log loss | Brier score |\n| --- | --- | --- |")
    for named, rule in RULES.items():
        stated = validated(rule(first, gap), is_right, weights, fold)
        loss = -np.log(np.where(is_right, stated, 1 - stated))
        brier = (stated - is_right) ** 2
        print(f"| {named} | {(weights * loss).sum():.4f} | {(weights * brier).sum():.4f} |")


def validated(
    scores: np.ndarray, is_right: np.ndarray, weights: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Probabilities by isotonic curves of the other folds, away from 0 and 1 by .001."""
    stated = np.zeros(len(scores))
    for one in range(FOLDS):
        learned = np.flatnonzero(fold != one)
        learned = learned[np.argsort(scores[learned])]
        curve = isotonic_regression(
            is_right[learned].astype(float), weights=weights[learned], increasing=False
        ).x
        tested = fold == one
        stated[tested] = np.interp(scores[tested], scores[learned], curve)
    return np.clip(stated, 1e-3, 1 - 1e-3)


if __name__ == "__main__":
    main()
