"""An evaluation's figures with intervals, as JSON and table, and files for other scorers."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from embedding.checkpoint import write_atomically
from index.calibration.calibration import Calibration
from index.labels.reader import NEW_WHALE, LabelledPhoto
from index.search.matching import decide
from training.evaluation.metrics import (
    auroc,
    baks,
    baus,
    bootstrap_interval,
    closed_set,
    expected_calibration_error,
    fnir_at_fpir,
    map5,
    open_set,
    submission_map5,
    top,
)
from training.evaluation.occasions import OccasionRanks
from training.evaluation.protocol import Answers

_INTERVAL_SEED = 95
_GROUPS = (
    *("known", "disjoint", "big_gallery", "any_other_photo", "another_encounter", "another_day"),
    *("open", "calibrated"),
)
_INTERVALS_AT = (0.1, 0.01)  # FPIRs


def figures_of(
    answers: Answers, calibration: Calibration, occasions: OccasionRanks | None = None
) -> dict[str, Any]:
    """All figures of the protocol, each group with its gallery size and number of queries.

    `calibration` comes from the gallery's own photos alone, as a catalogue's would: what the
    thresholds promise is measured on queries that it never saw.
    """
    figures: dict[str, Any] = {
        "gallery": {"photos": answers.gallery.size, "individuals": answers.gallery.individual_count}
    }
    if len(answers.known_ranks):
        groups = [photo.individual or "" for photo in answers.known_photos]
        figures["known"] = _with_intervals(answers.known_ranks, groups)
    if len(answers.disjoint_ranks):
        figures["disjoint"] = {
            "individuals": len(set(answers.disjoint_individuals)),
            **_with_intervals(answers.disjoint_ranks, answers.disjoint_individuals),
        }
        figures["big_gallery"] = {
            "individuals": answers.gallery.individual_count,
            **_with_intervals(answers.big_gallery_ranks, answers.disjoint_individuals),
        }
    if occasions is not None:
        figures |= {
            name: _with_intervals(ranks, occasions.individuals)
            for name, ranks in occasions.ranks.items()
        }
    if len(answers.known_ranks) and len(answers.unknown_distances):
        figures["open"] = _open_figures(answers)
        figures["calibrated"] = _calibrated_figures(answers, calibration)
    return figures


def _with_intervals(ranks: NDArray[np.int64], groups: Sequence[str]) -> dict[str, Any]:
    rng = np.random.default_rng(_INTERVAL_SEED)
    intervals = {
        "top1": bootstrap_interval(ranks, groups, lambda drawn: top(drawn, 1), rng),
        "map5": bootstrap_interval(ranks, groups, map5, rng),
    }
    return {**closed_set(ranks), "intervals_95": intervals}


def _open_figures(answers: Answers) -> dict[str, Any]:
    known, ranks, unknown = answers.known_distances, answers.known_ranks, answers.unknown_distances
    # Known and unknown queries in one table, (distance, rank or 0), so that both are drawn
    # together.
    rows = np.concatenate(
        [np.stack([known, ranks], 1), np.stack([unknown, np.zeros(len(unknown))], 1)]
    )
    groups = [
        photo.individual or photo.name for photo in [*answers.known_photos, *answers.unknown_photos]
    ]  # each new_whale photo stands for itself

    measured = open_set(known, ranks, unknown)

    # Of few queries a draw may hold one kind alone: it says nothing, and counts as the figure
    # itself.
    def drawn_auroc(drawn: NDArray[Any]) -> float:
        is_known = drawn[:, 1] > 0
        if is_known.all() or not is_known.any():
            return measured["auroc"]
        return auroc(drawn[is_known, 0], drawn[~is_known, 0])

    def drawn_fnir(drawn: NDArray[Any], fpir: float) -> float:
        is_known = drawn[:, 1] > 0
        if is_known.all() or not is_known.any():
            return measured[f"fnir_at_fpir_{fpir}"]
        return fnir_at_fpir(
            drawn[is_known, 0], drawn[is_known, 1].astype(np.int64), drawn[~is_known, 0], fpir
        )

    rng = np.random.default_rng(_INTERVAL_SEED)
    intervals = {
        "auroc": bootstrap_interval(rows, groups, drawn_auroc, rng),
    }
    for fpir in _INTERVALS_AT:
        at_fpir = partial(drawn_fnir, fpir=fpir)
        intervals[f"fnir_at_fpir_{fpir}"] = bootstrap_interval(rows, groups, at_fpir, rng)
    return {**measured, "intervals_95": intervals}


def _calibrated_figures(answers: Answers, calibration: Calibration) -> dict[str, Any]:
    """Measure the catalogue's own calibration on the queries: rates, accuracies, error."""
    known, ranks, unknown = answers.known_distances, answers.known_ranks, answers.unknown_distances
    thresholds = calibration.thresholds()
    first = [
        candidates[0].individual for candidates in answers.gallery.rank(answers.known_vectors, 1)
    ]
    named = [
        NEW_WHALE if decide(float(distance), thresholds) == NEW_WHALE else individual
        for distance, individual in zip(known, first, strict=True)
    ]
    unknown_named = [
        NEW_WHALE if decide(float(distance), thresholds) == NEW_WHALE else ""
        for distance in unknown
    ]
    distances = np.concatenate([known, unknown])
    gaps = np.concatenate([answers.known_gaps, answers.unknown_gaps])
    is_right = np.concatenate([ranks == 1, np.zeros(len(unknown), np.bool_)])
    probabilities = np.array(
        [
            calibration.probability(float(distance), 1, gap=float(gap))
            for distance, gap in zip(distances, gaps, strict=True)
        ]
    )
    return {
        "unknown_source": calibration.unknown_source,
        "threshold_known": thresholds.known,
        "threshold_new_whale": thresholds.new_whale,
        "fpir_promised_at_known": calibration.promised_at(thresholds.known),
        "fpir_measured_at_known": float((unknown <= thresholds.known).mean()),
        "kaggle_map5_with_new_whale": submission_map5(
            known, ranks, unknown, calibration.submission_threshold
        ),
        "new_whale_share_of_queries": len(unknown) / len(distances),
        "expected_calibration_error": expected_calibration_error(probabilities, is_right),
        "baks": baks([photo.individual or "" for photo in answers.known_photos], named),
        "baus": baus(
            [photo.individual or NEW_WHALE for photo in answers.unknown_photos], unknown_named
        ),
    }


def table_of(figures: dict[str, Any], title: str) -> Table:
    """Show the figures as a table: one row each, with interval and number of queries."""
    table = Table(title=title)
    for column in ("protocol", "measure", "value", "95 %", "queries"):
        table.add_column(
            column,
            justify="left" if column in ("protocol", "measure") else "right",
            overflow="fold",
        )
    for group in _GROUPS:
        measured: dict[str, Any] = figures.get(group, {})
        intervals: dict[str, tuple[float, float]] = measured.get("intervals_95", {})
        queries = str(measured["queries"]) if "queries" in measured else _open_queries(measured)
        for name, value in measured.items():
            if isinstance(value, float):
                low_high = intervals.get(name)
                spread = f"{low_high[0]:.3f}-{low_high[1]:.3f}" if low_high else ""
                table.add_row(group, name, f"{value:.4f}", spread, queries)
    return table


def _open_queries(measured: dict[str, Any]) -> str:
    if "known_queries" not in measured:
        return ""
    return f"{measured['known_queries']} + {measured['unknown_queries']} new"


def write_scorer_files(folder: Path, answers: Answers, disjoint: Sequence[LabelledPhoto]) -> None:
    """Write gallery.csv, queries.csv and disjoint.csv (`Image,Id`) for any other scorer."""
    gallery = list(zip(answers.gallery.photo_names, answers.gallery.individuals, strict=True))
    known = [(photo.name, photo.individual or NEW_WHALE) for photo in answers.known_photos]
    unknown = [(photo.name, photo.individual or NEW_WHALE) for photo in answers.unknown_photos]
    disjoint_rows = [(photo.name, photo.individual or NEW_WHALE) for photo in disjoint]
    for name, rows in (
        ("gallery", gallery),
        ("queries", known + unknown),
        ("disjoint", disjoint_rows),
    ):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["Image", "Id"])
        writer.writerows(rows)
        write_atomically(folder / f"{name}.csv", text.getvalue().encode())
