"""All comparisons on one evaluation: scores, fusions, open-set scores, growth, abundance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedding.checkpoint import write_atomically
from index.calibration.calibration import KNOWN_FPIR, NEW_WHALE_FPIR, Calibration
from training.evaluation.compare.abundance import POPULATION, SEASON, expected_estimates
from training.evaluation.compare.gallery_growth import SIZES, draw_growth, growth
from training.evaluation.compare.rejection import compare_rejections, query_distances
from training.evaluation.compare.scores import compare_fusions, compare_scorings
from training.evaluation.compare.tables import markdown_of
from training.evaluation.protocol import Answers
from training.evaluation.queries import LabelledVectors, protocol_queries, trial_queries

Figures = dict[str, Any]


def compare(labelled: LabelledVectors, *, sizes: Sequence[int] = SIZES) -> Figures:
    """Compare all ways on a labelled set's vectors: sections scores, fusion, open_set and growth.

    Choices are made on gallery photos and on new whales that are no queries. A section that the
    labels can't measure is empty: no queries of a kind, or too few photos to calibrate.
    """
    queries, trials = protocol_queries(labelled), trial_queries(labelled)
    can_reject = (
        len(queries.known)
        and len(queries.unknown)
        and len(trials.known)
        and queries.gallery.individual_count > 2
    )
    return {
        "scores": compare_scorings(labelled, trials),
        "fusion": compare_fusions(labelled),
        "open_set": compare_rejections(
            query_distances(queries),
            query_distances(trials),
            query_distances(trial_queries(labelled, "disjoint")),
        )
        if can_reject
        else {},
        "growth": growth(labelled, sizes),
    }


def abundance(answers: Answers, calibration: Calibration) -> Figures:
    """Estimate a population from answers that nobody reviewed, at both default thresholds.

    `missed_alone` counts every known query that isn't answered rightly as a miss. `with_mistakes`
    counts wrong names, and new whales with a name, as recaptures, as a count of names does. Empty
    without queries of both kinds.
    """
    if (
        not len(answers.known_ranks)
        or not len(answers.unknown_distances)
        or not calibration.is_fitted
    ):
        return {}
    found: Figures = {
        "population": POPULATION,
        "season": SEASON,
        "without_errors": expected_estimates(0.0),
    }
    thresholds = calibration.thresholds()
    for name, fpir, threshold in (
        ("known", KNOWN_FPIR, thresholds.known),
        ("new_whale", NEW_WHALE_FPIR, thresholds.new_whale),
    ):
        is_named = answers.known_distances <= threshold
        missed = float(1 - (is_named & (answers.known_ranks == 1)).mean())
        mistaken = float((answers.unknown_distances <= threshold).mean())
        found[f"up_to_{name}"] = {
            "fpir_promised": fpir,
            "missed_or_wrong": missed,
            "unnamed": float(1 - is_named.mean()),
            "mistaken": mistaken,
            "inflation": 1 / (1 - missed) if missed < 1 else None,  # JSON knows no infinity
            "missed_alone": _finite(expected_estimates(missed)),
            "with_mistakes": _finite(expected_estimates(float(1 - is_named.mean()), mistaken)),
        }
    return found


def write_comparison(figures: Figures, folder: Path, name: str) -> None:
    """Write compare.md and, where growth was measured, growth.png."""
    write_atomically(folder / "compare.md", markdown_of(figures, name).encode())
    if figures["growth"]:
        draw_growth(figures["growth"], folder / "growth.png", name)


def _finite(estimates: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in estimates.items()}
