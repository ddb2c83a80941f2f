"""Whether a calibration keeps its promises: docs/calibration.md's tables, over vectors.

    flukeprint embed PHOTOS --out vectors.npz
    python tests/bench/promises.py vectors.npz LABELS.csv [--beside OTHER.npz OTHER.csv]

A fifth of the individuals leave the catalogue and are asked about, and a third of the new_whale
photos. One photo of each remaining individual with three or more is a known query. Prints for each
size of gallery what was promised and what came, for each kind of stranger; small galleries over
many draws; calibration errors at several shares of new animals, as set and as estimated; encounters
of three photos; and, with `--beside`, two species in one catalogue.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from index.calibration.bursts import PhotoFacts
from index.calibration.calibration import BadCalibration, Calibration
from index.calibration.curves.new_share import estimate_new_share
from index.calibration.fitting import calibrate
from index.identification.identifier import Identifier
from index.search.gallery import Gallery
from index.search.matching import Identification

RATES = (0.3, 0.1, 0.05, 0.01)
SHARES = (0.1, 0.3, 0.5, 0.8)


class Photos:
    """Labelled vectors: names, labels and (n, d) rows."""

    def __init__(self, vectors: Path, labels: Path, species: str) -> None:
        stored = np.load(vectors, allow_pickle=False)
        row_of = {Path(str(name)).name: row for row, name in enumerate(stored["photo"])}
        with labels.open(newline="", encoding="utf-8") as file:
            rows = [(each["Image"], each["Id"]) for each in csv.DictReader(file)]
        rows = [(name, label) for name, label in rows if name in row_of]
        self.names = np.array([f"{species}/{name}" for name, _ in rows])
        self.labels = np.array([label for _, label in rows])
        self.vectors = stored["embedding"][[row_of[name] for name, _ in rows]]
        self.species = species


class Trial:
    """A catalogue of some individuals, and queries that it never saw."""

    def __init__(self, photos: Photos, rng: np.random.Generator, size: int | None = None) -> None:
        ids = rng.permutation(np.unique(photos.labels[photos.labels != "new_whale"]))
        leave = max(len(ids) // 5, min(400, len(ids) // 2) if size else 0)
        self.absent, self.present = ids[:leave], ids[leave:][:size]
        strangers = rng.permutation(np.flatnonzero(photos.labels == "new_whale"))
        self.asked_new, self.held_new = np.split(strangers, [len(strangers) // 3])
        rows = [np.flatnonzero(photos.labels == one) for one in self.present]
        self.known = np.array([each[0] for each in rows if len(each) >= 3], np.int64)
        here = np.flatnonzero(np.isin(photos.labels, self.present))
        self.gallery = np.setdiff1d(here, self.known)
        self.asked_absent = np.flatnonzero(np.isin(photos.labels, self.absent))


def identifier_of(parts: Sequence[tuple[Photos, Trial]], *, new_whales: bool) -> Identifier:
    """A catalogue of one species or several, calibrated on itself."""
    names = np.concatenate([photos.names[trial.gallery] for photos, trial in parts])
    labels = np.concatenate([photos.labels[trial.gallery] for photos, trial in parts])
    vectors = np.concatenate([photos.vectors[trial.gallery] for photos, trial in parts])
    held = [photos.vectors[trial.held_new] for photos, trial in parts] if new_whales else []
    species = {one: photos.species for photos, trial in parts for one in trial.present}
    nobody = [None] * sum(len(each) for each in held)
    fitted = calibrate(
        np.concatenate([vectors, *held]),
        [*labels.tolist(), *nobody],
        facts=PhotoFacts(species=species if len(parts) > 1 else {}),
    )
    gallery = Gallery.build(
        names.tolist(), labels.tolist(), vectors, fingerprint="f" * 64, revision=1
    )
    return Identifier(Unused(vectors.shape[1]), gallery, fitted, species)


class Unused:
    """An embedder that nobody asks."""

    fingerprint = "f" * 64

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def embed(self, images: object, boxes: object = None) -> np.ndarray:
        raise NotImplementedError


def answers(
    identifier: Identifier, photos: Photos, rows: np.ndarray, rate: float | None = None
) -> list[Identification]:
    """Answer photos by their rows."""
    if not len(rows):
        return []
    return identifier.identify_vectors(photos.vectors[rows], max_fpir=rate)


def share_known(found: Sequence[Identification]) -> float:
    """The share of answers that are `known`."""
    return float(np.mean([one.decision == "known" for one in found])) if found else float("nan")


def share_missed(found: Sequence[Identification], labels: Sequence[str]) -> float:
    """The share of known animals that are not right and `known`."""
    right = [
        one.decision == "known" and one.matches[0].individual == label
        for one, label in zip(found, labels, strict=True)
    ]
    return 1 - float(np.mean(right))


def sizes(photos: Photos, seed: int) -> Iterator[str]:
    """Rates promised and measured, for galleries of three sizes."""
    yield "| individuals | promised | absent individuals | new_whale photos | known missed |"
    yield "| --- | --- | --- | --- | --- |"
    for size in (300, 1000, None):
        trial = Trial(photos, np.random.default_rng(seed), size)
        identifier = identifier_of([(photos, trial)], new_whales=True)
        for rate in RATES:
            try:
                absent, new, known = (
                    answers(identifier, photos, rows, rate)
                    for rows in (trial.asked_absent, trial.asked_new, trial.known)
                )
            except BadCalibration:
                yield f"| {len(trial.present):,} | {rate} | refused | refused | |"
                continue
            missed = share_missed(known, photos.labels[trial.known].tolist())
            rates = [share_known(absent), share_known(new)]
            yield (
                f"| {len(trial.present):,} | {rate} | "
                + " | ".join(f"{one:.3f} ({one / rate:.2f})" for one in rates)
                + f" | {missed:.3f} |"
            )


def small(photos: Photos, draws: int) -> Iterator[str]:
    """Small galleries without new_whale photos: the mean rate over many draws, or a refusal."""
    yield "| individuals | promised | measured / promised | refused |\n| --- | --- | --- | --- |"
    for size in (5, 12, 25, 50):
        kept: dict[float, list[float]] = {rate: [] for rate in RATES}
        for draw in range(draws):
            trial = Trial(photos, np.random.default_rng(draw), size)
            identifier = identifier_of([(photos, trial)], new_whales=False)
            for rate in RATES:
                try:
                    absent = answers(identifier, photos, trial.asked_absent, rate)
                except BadCalibration:
                    continue
                kept[rate].append(share_known(absent))
        for rate, found in kept.items():
            mean = f"{np.mean(found) / rate:.2f}" if found else ""
            yield f"| {size} | {rate} | {mean} | {draws - len(found)} of {draws} |"


def shares(photos: Photos, seed: int) -> Iterator[str]:
    """Calibration errors (15 bins) at shares of new animals: set, and estimated from a queue."""
    trial = Trial(photos, np.random.default_rng(seed))
    identifier = identifier_of([(photos, trial)], new_whales=True)
    rows = np.concatenate([trial.known, trial.asked_absent, trial.asked_new])
    counts = [len(trial.known), len(trial.asked_absent), len(trial.asked_new)]
    yield "| share new | error, share left at .3 | error, share set | estimate (95 %) of 400 |"
    yield "| --- | --- | --- | --- |"
    for share in SHARES:
        kinds = [1 - share, share / 2, share / 2]
        weights = np.repeat(
            [kind / count for kind, count in zip(kinds, counts, strict=True)], counts
        )
        errors = [
            calibration_error(identifier.for_new_share(told), photos, rows, weights)
            for told in (None, share)
        ]
        rng = np.random.default_rng(seed)
        queue = rng.choice(rows, 400, p=weights / weights.sum())
        known = [1 - one.new_probability for one in answers(identifier, photos, queue)]
        found = estimate_new_share(np.array(known), identifier.calibration.new_whale_share)
        assert found is not None
        yield (
            f"| {share} | {errors[0]:.3f} | {errors[1]:.3f} | {found.share:.2f} "
            f"({found.low:.2f}-{found.high:.2f}) |"
        )


def calibration_error(
    identifier: Identifier, photos: Photos, rows: np.ndarray, weights: np.ndarray
) -> float:
    """The first candidate's weighted calibration error over 15 bins."""
    found = answers(identifier, photos, rows)
    stated = np.array([one.probability for one in found])
    right = np.array(
        [
            one.matches[0].individual == label
            for one, label in zip(found, photos.labels[rows].tolist(), strict=True)
        ]
    )
    bins = np.minimum(14, (stated * 15).astype(int))
    gaps = [
        abs(float((weights[bins == at] * (stated - right)[bins == at]).sum())) for at in range(15)
    ]
    return sum(gaps)


def encounters(photos: Photos, seed: int, size: int = 3) -> Iterator[str]:
    """Encounters of three photos, by calibrations of their own and as single photos."""
    rng = np.random.default_rng(seed)
    trial = Trial(photos, rng)
    of = {one: np.flatnonzero(photos.labels == one) for one in trial.present}
    asked = [rng.permutation(rows)[:size] for rows in of.values() if len(rows) > size]
    trial.gallery = np.setdiff1d(
        np.flatnonzero(np.isin(photos.labels, trial.present)), np.concatenate(asked)
    )
    absent = [np.flatnonzero(photos.labels == one)[:size] for one in trial.absent]
    absent = [rows for rows in absent if len(rows) == size]
    identifier = identifier_of([(photos, trial)], new_whales=True)
    yield "| encounters of 3, promised .05 | absent called known | known found and `known` |"
    yield "| --- | --- | --- |"
    whole: Calibration = identifier.calibration
    for named, one in (("own calibration", whole), ("as single photos", without_encounters(whole))):
        identifier.calibration = one
        strangers = [
            identifier.identify_encounter(photos.vectors[rows], max_fpir=0.05) for rows in absent
        ]
        known = [
            identifier.identify_encounter(photos.vectors[rows], max_fpir=0.05) for rows in asked
        ]
        missed = share_missed(known, [str(photos.labels[rows[0]]) for rows in asked])
        yield f"| {named} | {share_known(strangers):.3f} | {1 - missed:.3f} |"


def without_encounters(calibration: Calibration) -> Calibration:
    """The calibration of single photos alone."""
    stored = calibration.to_json() | {"encounters": {}}
    return Calibration.from_json(stored)


def species(one: Photos, other: Photos, seed: int) -> Iterator[str]:
    """The other species' strangers and known animals: alone, pooled, and by its own calibration."""
    trials = [Trial(photos, np.random.default_rng(seed)) for photos in (one, other)]
    parts = list(zip((one, other), trials, strict=True))
    alone = identifier_of(parts[1:], new_whales=False)
    beside = identifier_of(parts, new_whales=True)
    pooled = identifier_of(parts, new_whales=True)
    pooled.calibration = Calibration.from_json(pooled.calibration.to_json() | {"groups": {}})
    yield f"| {other.species}, promised .05 | strangers called known | known called new_whale |"
    yield "| --- | --- | --- |"
    named = (("alone", alone), ("beside, pooled", pooled), ("beside, its own", beside))
    for name, identifier in named:
        strangers = answers(identifier, other, trials[1].asked_absent, 0.05)
        known = answers(identifier, other, trials[1].known, 0.05)
        new = float(np.mean([each.decision == "new_whale" for each in known]))
        yield f"| {name} | {share_known(strangers):.3f} | {new:.3f} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Promised and measured rates.")
    parser.add_argument("vectors", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--beside", nargs=2, type=Path, help="vectors and labels of a species")
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    photos = Photos(given.vectors, given.labels, "humpback")
    tables = [
        sizes(photos, given.seed),
        shares(photos, given.seed),
        encounters(photos, given.seed),
        small(photos, given.draws),
    ]
    if given.beside:
        tables.insert(3, species(photos, Photos(*given.beside, "right_whale"), given.seed))
    for table in tables:
        print("\n".join(table), flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
