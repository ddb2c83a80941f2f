"""False-positive rates promised and measured, for catalogues large and small."""

from __future__ import annotations

from typing import Any

import numpy as np

from index.calibration.calibration import BadCalibration
from training.evaluation.promises.answers import (
    answers_of,
    identifier_of,
    share_known,
    share_missed,
)
from training.evaluation.promises.draws import PhotoSet, draw_catalogue

Row = dict[str, Any]

RATES = (0.3, 0.1, 0.05, 0.01)
SIZES = (300, 1000)
"""Individuals in a catalogue; the last one measured holds all that are not absent."""
SMALL_SIZES = (5, 12, 25, 50)
_MOST_QUERIES = 300  # to each small catalogue, of which there are many


def compare_rates(photos: PhotoSet, seed: int) -> list[Row]:
    """Measure each rate for each size of catalogue that can be drawn, a row each.

    `absent` and `new_whales` are the shares of queries of either kind that were called `known`,
    `missed` the share of known animals that were not. All are None where there is no such query,
    or where the rate `is_refused`; `smallest` is then the least that can be promised.
    """
    rows: list[Row] = []
    for size in (*SIZES, None):
        draw = draw_catalogue(photos, seed, size=size)
        if draw.individual_count < (size or 1):
            continue
        identifier = identifier_of(photos, draw.gallery, draw.nobody)
        labels: list[str] = photos.individuals[draw.known[:, 0]].tolist()
        for rate in RATES:
            row: Row = {"individuals": draw.individual_count, "promised": rate}
            try:
                absent, new_whales, known = (
                    answers_of(identifier, photos, queries, rate)
                    for queries in (draw.absent, draw.new_whales, draw.known[:, 0])
                )
            except BadCalibration:
                smallest = identifier.calibration.smallest_rate
                row |= {"is_refused": True, "smallest": smallest}
                rows.append(row | {"absent": None, "new_whales": None, "missed": None})
                continue
            row |= {"is_refused": False, "smallest": None, "absent": share_known(absent)}
            row |= {"new_whales": share_known(new_whales), "missed": share_missed(known, labels)}
            rows.append(row)
    return rows


def compare_small(photos: PhotoSet, draws: int) -> list[Row]:
    """Measure each rate over many draws of small catalogues without new_whale photos.

    `measured` is the mean share of absent individuals' photos called `known` over the draws that
    promised the rate, None where all of the `draws` were among the `refused`.
    """
    rows: list[Row] = []
    for size in SMALL_SIZES:
        measured: dict[float, list[float]] = {rate: [] for rate in RATES}
        for seed in range(draws):
            draw = draw_catalogue(photos, seed, size=size)
            if draw.individual_count < size or not len(draw.absent):
                return rows
            identifier = identifier_of(photos, draw.gallery, draw.nobody[:0])
            queries = np.random.default_rng(seed).permutation(draw.absent)[:_MOST_QUERIES]
            for rate in RATES:
                try:
                    share = share_known(answers_of(identifier, photos, queries, rate))
                except BadCalibration:
                    continue
                if share is not None:
                    measured[rate].append(share)
        rows += [
            {
                "individuals": size,
                "promised": rate,
                "measured": float(np.mean(shares)) if shares else None,
                "refused": draws - len(shares),
                "draws": draws,
            }
            for rate, shares in measured.items()
        ]
    return rows
