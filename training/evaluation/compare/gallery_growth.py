"""Thresholds as a catalogue grows: fitted again at each size, or kept from the smallest.

Fitting again won: every revision has its own calibration (docs/benchmarks.md, "A growing gallery").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.calibration.calibration import KNOWN_FPIR
from index.calibration.fitting import calibrate
from index.calibration.ranks import true_ranks
from training.evaluation.queries import LabelledVectors
from training.plots import figure

SIZES = (500, 1000, 2000)
_SEEDS = 5

Row = dict[str, Any]


def growth(
    labelled: LabelledVectors, sizes: Sequence[int] = SIZES, seeds: int = _SEEDS
) -> list[Row]:
    """Calibrate galleries of so many individuals, each within the next; one row a size.

    The last is the whole gallery. A row holds means over the seeds: `fpir`, which the calibration
    promises to be KNOWN_FPIR (or the least that so few individuals can promise), as unknown
    queries measure it, with its lowest and highest, and `fnir`, the share of known queries missed.
    `fpir_kept` and `fnir_kept` are the same at the smallest gallery's threshold. Empty where
    nothing can be measured: no queries of a kind, or a gallery too small to calibrate.
    """
    individuals = sorted(labelled.rows_of_each(labelled.rows("fit", "disjoint", labelled=True)))
    wanted = [size for size in sizes if size < len(individuals)] + [len(individuals)]
    drawn: list[list[Row]] = []
    for seed in range(seeds):
        order = np.random.default_rng([seed, 500]).permutation(len(individuals)).tolist()
        rows = [_measured(labelled, {individuals[at] for at in order[:size]}) for size in wanted]
        if any(not row for row in rows):
            return []
        drawn.append([_row(row, rows[0]["threshold"]) for row in rows])
    return [_mean([rows[at] for rows in drawn]) for at in range(len(wanted))]


def _measured(labelled: LabelledVectors, individuals_held: set[str]) -> Row:
    """Calibrate a gallery of these individuals and measure it by queries of them and new whales."""
    held = [
        row
        for row in labelled.rows("fit", "disjoint", labelled=True)
        if labelled.individuals[row] in individuals_held
    ]
    learned = held + labelled.rows("fit", labelled=False)
    calibration = calibrate(
        labelled.vectors[learned], [labelled.individuals[row] for row in learned]
    )
    known = [
        row for row in labelled.rows("known_query") if labelled.individuals[row] in individuals_held
    ]
    queries = labelled.queries(known, held, labelled.rows("unknown_query"))
    if not calibration.is_fitted or not known or not len(queries.unknown):
        return {}
    distances = queries.gallery.individual_distances(queries.known)
    return {
        "individuals": len(individuals_held),
        "photos": len(held),
        "threshold": calibration.threshold_at_fpir(max(KNOWN_FPIR, calibration.smallest_rate)),
        "known": distances.min(axis=1),
        "is_first": true_ranks(distances, queries.truths) == 1,
        "unknown": queries.gallery.individual_distances(queries.unknown).min(axis=1),
    }


def _row(measured: Row, kept_threshold: float) -> Row:
    def rates(threshold: float) -> tuple[float, float]:
        fpir = float((measured["unknown"] <= threshold).mean())
        return fpir, float(1 - ((measured["known"] <= threshold) & measured["is_first"]).mean())

    (fpir, fnir), (fpir_kept, fnir_kept) = rates(measured["threshold"]), rates(kept_threshold)
    row = {name: measured[name] for name in ("individuals", "photos", "threshold")}
    row |= {"known_queries": len(measured["known"]), "unknown_queries": len(measured["unknown"])}
    return row | {"fpir": fpir, "fnir": fnir, "fpir_kept": fpir_kept, "fnir_kept": fnir_kept}


def _mean(rows: Sequence[Row]) -> Row:
    fpirs = [row["fpir"] for row in rows]
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return {
        **mean,
        "fpir_promised": KNOWN_FPIR,
        "fpir_lowest": min(fpirs),
        "fpir_highest": max(fpirs),
    }


def draw_growth(rows: Sequence[Row], path: Path, name: str) -> None:
    """Draw FPIR and FNIR over the gallery's size, with thresholds fitted again and kept."""
    sizes = [row["individuals"] for row in rows]
    with figure(path, columns=2, height_inches=4.8) as (passed, missed):
        passed.axhline(KNOWN_FPIR, color="#888888", linestyle=":", label="promised")
        for axes, rate, label in (
            (passed, "fpir", "FPIR: share of new whales taken for known"),
            (missed, "fnir", "FNIR: share of known whales missed"),
        ):
            axes.plot(
                sizes,
                [row[rate] for row in rows],
                marker="o",
                color="#1f4e79",
                label="threshold fitted again",
            )
            individuals_held = [row[f"{rate}_kept"] for row in rows]
            axes.plot(
                sizes,
                individuals_held,
                marker="s",
                color="#b8541f",
                linestyle="--",
                label="kept from the smallest",
            )
            axes.set(
                title=f"{name}: a growing gallery",
                xlabel="individuals in the gallery",
                ylabel=label,
            )
            axes.set_ylim(bottom=0)
            axes.legend(loc="best", fontsize=10)
