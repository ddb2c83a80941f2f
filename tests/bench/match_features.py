"""What else than the distance says that a match is right: nested validation over individuals.

    PYTHONPATH=. python tests/bench/match_features.py --measures /tmp/measures \\
        vectors.npz,humpback/train.csv,humpback/photos [MORE ...]

Vectors are those of `flukeprint embed` or `evaluate`. A set's species is called by the folder of
its labels. Photos are measured once (some minutes) and kept in the folder of measures.

Trials are those of a calibration: every photo left out of its individual, and every photo with its
individual taken out. Outer folds of individuals measure each way to state a probability; inner
folds of the others choose one. Weights make 30 % of the answers new animals, in equal shares of
either kind. Changes are against what is shipped: the distance less a part of the gap, chosen by
the fit. With --fresh each way is fitted to catalogues drawn from the sets, and asked about photos
that they lack: there a candidate has as many photos as in earnest. In a trial the right individual
has one fewer than it has for strangers, which a way that counts photos learns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from photo_measures import measured
from probability_ways import COUNTING, SHIPPED, WAYS, Rows, Way, log_losses

from index.calibration.leave_one_out import LabelledPhotos
from index.labels.reader import read_labels

FOLDS = 5
INNER_FOLDS = 4
DRAWS = 1000
FRESH = {25: 40, 50: 40, 100: 40, 300: 20, 1500: 5}
"""Individuals of the drawn catalogues, and how many are drawn."""
ABSENT = 400
KNOWN, HELD_OUT, NOBODY = range(3)


class LabelledSet:
    """Photos of one or more sets: vectors, individuals by species, and measures of the photos."""

    def __init__(self, sets: list[str], measures: Path) -> None:
        vectors, self.individuals, species, self.measures = [], [], [], []
        for at, (npz, csv, photos) in enumerate(one.split(",") for one in sets):
            stored = np.load(npz, allow_pickle=False)
            row_of = {Path(str(name)).name: row for row, name in enumerate(stored["photo"])}
            name = Path(csv).resolve().parent.name
            labelled = sorted(read_labels(Path(csv), Path(photos)).photos, key=lambda one: one.name)
            vectors.append(stored["embedding"][[row_of[Path(one.name).name] for one in labelled]])
            self.individuals += [one.individual and f"{name} {one.individual}" for one in labelled]
            species += [at] * len(labelled)
            found = measured([one.path for one in labelled], measures / f"{name}.npz")
            self.measures.append(found)
        self.vectors = np.concatenate(vectors).astype(np.float32)
        self.species = np.array(species)
        self.measures = np.concatenate(self.measures)
        self.labels = np.array([one or "" for one in self.individuals])

    def rows(self, gallery: np.ndarray, queries: np.ndarray | None = None) -> Rows:
        """Trials of a gallery on itself and on the photos of nobody in it, or the given queries."""
        asked = gallery if queries is None else queries
        at = np.concatenate([gallery, asked]) if queries is not None else gallery
        # What is asked is no part of the gallery: it has no individual there.
        inside = [self.individuals[row] for row in gallery]
        own = inside if queries is None else [*inside, *([None] * len(asked))]
        photos = LabelledPhotos(self.vectors[at], own)
        column = {name: number for number, name in enumerate(photos.ids)}
        counts = np.bincount([column[one] for one in inside if one], minlength=len(photos.ids))
        places = np.arange(len(asked)) + (len(gallery) if queries is not None else 0)
        left_out = [[place] for place in places.tolist()]
        parts: list[Rows] = []
        for block in photos.distances(places, left_out, "nearest"):
            truth = np.array([column.get(self.labels[asked[one]], -1) for one in block.at])
            distances = np.round(1.0 - block.cosines.astype(np.float64), 6)
            lines = np.arange(len(truth))
            is_in = (truth >= 0) & np.isfinite(distances[lines, truth])
            blank = self.labels[asked[block.at]] == ""
            if queries is None:
                parts.append(self._of(asked[block.at], distances, truth, counts, KNOWN, is_in))
                without = distances.copy()
                without[lines[truth >= 0], truth[truth >= 0]] = np.inf
                parts.append(
                    self._of(asked[block.at], without, truth, counts, HELD_OUT, truth >= 0)
                )
            else:
                parts.append(self._of(asked[block.at], distances, truth, counts, KNOWN, is_in))
                strange = ~is_in & ~blank
                parts.append(self._of(asked[block.at], distances, truth, counts, HELD_OUT, strange))
            parts.append(self._of(asked[block.at], distances, truth, counts, NOBODY, blank))
        return Rows.joined(parts)

    def _of(
        self,
        rows: np.ndarray,
        distances: np.ndarray,
        truth: np.ndarray,
        counts: np.ndarray,
        kind: int,
        chosen: np.ndarray,
    ) -> Rows:
        rows, distances, truth = rows[chosen], distances[chosen], truth[chosen]
        if not len(rows):
            return Rows.none()
        order = np.argpartition(distances, 1, axis=1)[:, :2]
        two = np.take_along_axis(distances, order, 1)
        swap = two[:, 0] > two[:, 1]
        two[swap], order[swap] = two[swap][:, ::-1], order[swap][:, ::-1]
        photos = counts[order[:, 0]] - ((order[:, 0] == truth) & (kind == KNOWN))
        gap = np.where(np.isfinite(two[:, 1]), two[:, 1] - two[:, 0], 0.0)
        quality, sharpness, light, pixels = self.measures[rows].T
        columns = [
            two[:, 0],
            gap,
            np.log(np.maximum(photos, 1)),
            quality,
            sharpness,
            light,
            np.log(np.maximum(pixels, 1)),
        ]
        # A stranger's photos are one animal; photos of nobody are one each.
        _, animals = np.unique(self.labels, return_inverse=True)
        named = np.where(self.labels[rows] == "", len(animals) + rows, animals[rows])
        return Rows(
            np.stack(columns, axis=1),
            (order[:, 0] == truth) & (kind == KNOWN),
            np.full(len(rows), kind),
            named,
            self.species[rows],
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Features of a match, compared.")
    parser.add_argument("sets", nargs="+", metavar="VECTORS,LABELS,PHOTOS")
    parser.add_argument("--measures", type=Path, required=True)
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    whole = LabelledSet(given.sets, given.measures)
    if given.fresh:
        print_fresh(whole)
    else:
        print_nested(whole.rows(np.arange(len(whole.vectors))))


def print_nested(rows: Rows) -> None:
    """Each way by outer folds, and the one that inner folds choose."""
    ways = {name: way for name, way in WAYS.items() if way.suits(rows)}
    fold = np.random.default_rng(0).integers(0, FOLDS, rows.animals.max() + 1)[rows.animals]
    stated = {name: np.zeros(len(rows)) for name in ways}
    chosen, picks = np.zeros(len(rows)), []
    for one in range(FOLDS):
        train, test = rows.of(fold != one), rows.of(fold == one)
        for name, way in ways.items():
            stated[name][fold == one] = way.fitted(train)(test)
        best = chosen_way(train, {name: ways[name] for name in ways if name not in COUNTING})
        picks.append(best)
        chosen[fold == one] = stated[best][fold == one]
    stated[f"chosen by inner folds ({', '.join(picks)})"] = chosen
    base = stated[SHIPPED]
    print(f"{len(rows)} trials of {len(np.unique(rows.animals))} animals")
    heads = ["log loss", "change (95 %)", "Brier", "error", "FNIR at FPIR .05", "at .01"]
    print(f"| probability by | {' | '.join(heads)} |\n|{' --- |' * (1 + len(heads))}")
    for name, by in stated.items():
        low, high = interval(rows, base, by)
        change = change_of(rows, base, by)
        cells = [
            f"{(rows.weights * log_losses(by, rows.is_right)).sum():.4f}",
            f"{change:+.1%} ({low:+.1%} to {high:+.1%})",
            f"{(rows.weights * (by - rows.is_right) ** 2).sum():.4f}",
            f"{calibration_error(rows, by):.4f}",
            *(f"{fnir(rows, by, rate):.3f}" for rate in (0.05, 0.01)),
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def chosen_way(rows: Rows, ways: dict[str, Way]) -> str:
    """The way whose log loss over inner folds of individuals is least."""
    fold = np.random.default_rng(1).integers(0, INNER_FOLDS, rows.animals.max() + 1)[rows.animals]
    losses = dict.fromkeys(ways, 0.0)
    for one in range(INNER_FOLDS):
        train, test = rows.of(fold != one), rows.of(fold == one)
        for name, way in ways.items():
            lost = log_losses(way.fitted(train)(test), test.is_right)
            losses[name] += float((test.weights * lost).sum())
    return min(losses, key=lambda name: losses[name])


def print_fresh(whole: LabelledSet) -> None:
    """Drawn catalogues fit each way to themselves, and are asked about photos they lack."""
    names = np.unique(whole.labels[whole.labels != ""])
    print("| individuals | probability by | log loss | change (95 %) |\n| --- | --- | --- | --- |")
    for size, draws in FRESH.items():
        losses: dict[str, list[float]] = {name: [] for name in WAYS}
        for seed in range(draws if len(names) > size else 0):
            order = np.random.default_rng(seed).permutation(names)
            gallery = np.flatnonzero(np.isin(whole.labels, order[:size]))
            asked = np.concatenate([known_queries(whole, gallery), absent(whole, order[size:])])
            gallery = np.setdiff1d(gallery, asked)
            train, test = whole.rows(gallery), whole.rows(gallery, asked)
            for name, way in WAYS.items():
                if way.suits(train):
                    lost = log_losses(way.fitted(train)(test), test.is_right)
                    losses[name].append(float((test.weights * lost).sum()))
        base = np.array(losses[SHIPPED])
        for name, found in losses.items():
            if found:
                change = (np.array(found) - base) / base.mean()
                error = 1.96 * change.std(ddof=1) / len(change) ** 0.5
                ends = f"{change.mean() - error:+.1%} to {change.mean() + error:+.1%}"
                print(
                    f"| {size} | {name} | {np.mean(found):.4f} | {change.mean():+.1%} ({ends}) |",
                    flush=True,
                )


def known_queries(whole: LabelledSet, gallery: np.ndarray) -> np.ndarray:
    """A photo of every third individual that has another one."""
    _, first, counts = np.unique(whole.labels[gallery], return_index=True, return_counts=True)
    return gallery[first[counts >= 2]][::3]


def absent(whole: LabelledSet, order: np.ndarray) -> np.ndarray:
    """A photo of each of so many individuals that a gallery lacks."""
    rows = np.flatnonzero(np.isin(whole.labels, order[:ABSENT]))
    return rows[np.unique(whole.labels[rows], return_index=True)[1]]


def change_of(rows: Rows, base: np.ndarray, by: np.ndarray) -> float:
    """The relative change of the log loss."""
    lost = [(rows.weights * log_losses(one, rows.is_right)).sum() for one in (base, by)]
    return float(lost[1] / lost[0] - 1)


def interval(rows: Rows, base: np.ndarray, by: np.ndarray) -> tuple[float, float]:
    """The change's 95 % interval, by drawing animals again."""
    _, animals = np.unique(rows.animals, return_inverse=True)
    sums = [
        np.bincount(animals, rows.weights * log_losses(one, rows.is_right)) for one in (base, by)
    ]
    rng = np.random.default_rng(2)
    changes = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(sums[0]), len(sums[0]))
        changes.append(sums[1][drawn].sum() / sums[0][drawn].sum() - 1)
    low, high = np.quantile(changes, [0.025, 0.975])
    return float(low), float(high)


def calibration_error(rows: Rows, by: np.ndarray, bins: int = 15) -> float:
    """Mean distance between what is stated and what is right, over bins of equal width."""
    at = np.minimum(bins - 1, (by * bins).astype(int))
    return float(np.abs(np.bincount(at, rows.weights * (by - rows.is_right))).sum())


def fnir(rows: Rows, by: np.ndarray, rate: float) -> float:
    """Known ones missed where this share of held-out individuals' photos passes."""
    # Equal probabilities are told apart by distance.
    score = by - 1e-6 * rows.columns[:, 0]
    limit = np.quantile(score[rows.kinds == HELD_OUT], 1 - rate)
    known = rows.kinds == KNOWN
    return 1 - float(((score > limit) & rows.is_right)[known].mean())


if __name__ == "__main__":
    main()
